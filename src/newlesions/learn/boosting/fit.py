"""Training a classifier on a set of pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from newlesions.detect.refinement.candidates import find_candidates
from newlesions.detect.refinement.model import Model, uses_frequency
from newlesions.errors import ConfigError
from newlesions.learn.boosting.folds import inner_folds
from newlesions.learn.boosting.lesions import LEVELS, Candidates, candidates_of, train_lesions
from newlesions.learn.boosting.samples import Samples, read_samples, read_subject
from newlesions.learn.boosting.voxels import Frequencies, learn_frequencies, seen, train_voxels

if TYPE_CHECKING:
    import lightgbm


def fit(samples: Sequence[Path], settings: Mapping[str, Any], threads: int, recipe: str = "") -> Model:
    """Train on exactly these pairs.

    Boosters of voxels are trained by inner folds of subjects with early stopping; the model is their mean. Everything
    after them (boosters of candidates, calibration, thresholds) learns from predictions for the fold that a booster
    did not see.

    Parameters
    ----------
    samples
        Files of `write_samples`.
    settings
        The section ``train``.
    threads
        Of LightGBM; results do not depend on them.
    recipe
        The id that the model carries.

    Raises
    ------
    ConfigError
        If there are fewer than two subjects, or too few lesions to learn from.
    """
    subjects = {path: read_subject(path) for path in samples}
    if len(set(subjects.values())) < 2:
        raise ConfigError(f"train: found {len(set(subjects.values()))} subjects; expected at least two")
    folds = inner_folds(list(subjects.values()), int(settings["inner_folds"]), int(settings["seed"]))
    frequencies = learn_frequencies(samples) if uses_frequency(settings) else None
    boosters = train_voxels(samples, folds, frequencies, settings, threads)
    frequency = frequencies.all() if frequencies else None
    if settings["lesions"]:
        at_level: dict[float, list[Candidates]] = {level: [] for level in LEVELS}
        for path in samples:
            pair = read_samples(path)
            chance, often = _held_out(pair, boosters[folds[pair.subject]], frequencies, threads)
            for level, found in at_level.items():
                found.append(candidates_of(pair, chance, often, level))
        stage = train_lesions(at_level, folds, settings, threads)
        return Model(
            recipe, settings, boosters, stage.threshold, stage.boosters, stage.accept, stage.calibration, frequency
        )
    threshold = settings["threshold"]
    if threshold is None:
        threshold = _best_threshold(samples, boosters, folds, frequencies, threads)
    return Model(recipe, settings, boosters, float(threshold), frequency=frequency)


def _held_out(
    pair: Samples, booster: lightgbm.Booster, frequencies: Frequencies | None, threads: int
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """The probabilities of a pair's voxels by the booster that did not see its subject, and the lesion frequency."""
    features, often = seen(pair, frequencies)
    return np.asarray(booster.predict(features, num_threads=threads)), often


def _best_threshold(
    samples: Sequence[Path],
    boosters: Sequence[lightgbm.Booster],
    folds: Mapping[str, int],
    frequencies: Frequencies | None,
    threads: int,
) -> float:
    """The threshold with the best mean Dice over held-out pairs that have a reference lesion."""
    scores = []
    for path in samples:
        pair = read_samples(path)
        if not pair.truth.size:
            continue
        chance, _ = _held_out(pair, boosters[folds[pair.subject]], frequencies, threads)
        row = []
        for level in LEVELS:
            found = find_candidates(chance, pair.index, pair.shape, level, pair.spacing)
            voxels, hits = float(pair.weight[found.rows].sum()), int(pair.label[found.rows].sum())
            row.append(2 * hits / (voxels + pair.truth.size))
        scores.append(row)
    return LEVELS[int(np.argmax(np.mean(scores, axis=0)))]
