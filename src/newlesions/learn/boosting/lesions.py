"""The boosters of whole candidates, their calibration and thresholds, all from predictions on held-out folds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from newlesions.detect.refinement.candidates import candidate_features, find_candidates
from newlesions.detect.refinement.model import sigmoid
from newlesions.errors import ConfigError
from newlesions.evaluate.lesions import Lesions, Overlap, detected, find_lesions, overlap
from newlesions.evaluate.measures import Thresholds
from newlesions.learn.boosting.samples import Samples
from newlesions.learn.boosting.trees import train_booster

if TYPE_CHECKING:
    import lightgbm

LEVELS = (0.03, 0.06, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)
"""Thresholds of the voxels' probability that are tried."""
ACCEPTS = tuple(round(0.05 * n, 2) for n in range(1, 20))
"""Thresholds of the candidates' probability that are tried."""

_LEAST = 10  # candidates of each kind, fewer teach nothing
_SMALL_TREES = {"num_leaves": 7, "min_data_in_leaf": 10, "learning_rate": 0.05, "feature_fraction": 0.4}


@dataclass(frozen=True)
class Candidates:
    """The candidates of one pair at one threshold, and how they meet the reference.

    Attributes
    ----------
    subject
        Whose.
    features
        Shape (n, G).
    label
        Whether each is true by the challenge's rule, shape (n,).
    kept
        Whether each counts: candidates made of enlarging lesions do not, shape (n,).
    overlap
        The reference's lesions (rows) against the candidates (columns).
    voxels, hits
        Voxels of each candidate, and those of them in the reference, shape (n,).
    truth
        Voxels of the reference.
    """

    subject: str
    features: NDArray[np.float32]
    label: NDArray[np.bool_]
    kept: NDArray[np.bool_]
    overlap: Overlap
    voxels: NDArray[np.int64]
    hits: NDArray[np.int64]
    truth: int


@dataclass(frozen=True)
class LesionStage:
    """What decides over candidates."""

    boosters: Sequence[lightgbm.Booster]
    calibration: tuple[float, float]
    threshold: float
    accept: float
    objective: float


def candidates_of(
    samples: Samples, chance: NDArray[np.floating], often: NDArray[np.float32], threshold: float
) -> Candidates:
    """The candidates of a pair from probabilities of voxels that its own subject did not teach."""
    rule = Thresholds()
    place = (samples.index, samples.shape)
    found = find_candidates(chance, *place, threshold, samples.spacing)
    features = candidate_features(found, samples.features, often, chance, *place, samples.spacing)
    least = int(rule.min_volume_mm3 / samples.spacing**3) + 1
    truth = _image(samples.truth, np.ones(samples.truth.size), samples.shape)
    reference = find_lesions(truth > 0, least)
    labels = _image(samples.index[found.rows], found.lesion + 1, samples.shape)
    sizes = np.bincount(found.lesion, minlength=found.count)
    met = overlap(reference, Lesions(labels.astype(np.uint32), sizes.astype(np.int64)))
    true = detected(met.transposed, rule.min_overlap, rule.max_false_positive, rule.moderator)
    ignored = np.bincount(found.lesion, weights=samples.ignored[found.rows], minlength=found.count)
    hits = np.bincount(found.lesion, weights=samples.label[found.rows], minlength=found.count).astype(np.int64)
    return Candidates(
        samples.subject, features, true, ignored * 2 < sizes, met, sizes.astype(np.int64), hits, samples.truth.size
    )


def train_lesions(
    at_level: Mapping[float, Sequence[Candidates]],
    folds: Mapping[str, int],
    settings: Mapping[str, Any],
    threads: int,
) -> LesionStage:
    """For each threshold of voxels train boosters by folds of subjects, calibrate on what they did not see, and keep
    the threshold with which the held-out pairs come out best.

    Where there are fewer than ten false candidates at every threshold there is nothing to learn: the stage then has no
    boosters, and every candidate is a lesion.

    Raises
    ------
    ConfigError
        If there are fewer than ten true candidates.
    """
    best: LesionStage | None = None
    for level, pairs in at_level.items():
        stage = _at_level(level, pairs, folds, settings, threads)
        if stage is not None and (best is None or stage.objective > best.objective):
            best = stage
    if best is not None:
        return best
    true = max(sum(int(pair.label.sum()) for pair in pairs) for pairs in at_level.values())
    if true < _LEAST:
        raise ConfigError(f"train: found {true} candidates that are lesions; expected at least {_LEAST}: more pairs")
    scores = {level: objective(pairs, [pair.kept for pair in pairs]) for level, pairs in at_level.items()}
    level = max(scores, key=scores.__getitem__)
    return LesionStage((), (1.0, 0.0), level, 0.0, scores[level])


def objective(pairs: Sequence[Candidates], accepted: Sequence[NDArray[np.bool_]]) -> float:
    """The mean over pairs of (Dice + F1_score) / 2, or of 1 / (1 + false lesions) where the reference is empty."""
    return float(np.mean([_pair_score(pair, kept) for pair, kept in zip(pairs, accepted, strict=True)]))


def calibrate(score: NDArray[np.floating], label: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and offset of a logistic curve from raw scores to probabilities (Platt 1999)."""
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=1e3).fit(score[:, None], label)
    return float(fitted.coef_[0, 0]), float(fitted.intercept_[0])


def _at_level(
    level: float, pairs: Sequence[Candidates], folds: Mapping[str, int], settings: Mapping[str, Any], threads: int
) -> LesionStage | None:
    features = np.concatenate([pair.features[pair.kept] for pair in pairs])
    label = np.concatenate([pair.label[pair.kept] for pair in pairs])
    fold = np.concatenate([np.full(int(pair.kept.sum()), folds[pair.subject]) for pair in pairs])
    if min(label.sum(), (~label).sum()) < _LEAST:
        return None
    boosters, score = [], np.zeros(label.size)
    for number in sorted(set(folds.values())):
        held = fold == number
        if not (0 < label[~held].sum() < (~held).sum()) or not held.any():
            continue
        weights = np.ones(label.size)
        train, valid = ((features[part], label[part], weights[part]) for part in (~held, held))
        booster = train_booster(train, valid, settings, threads, **_SMALL_TREES)
        boosters.append(booster)
        score[held] = booster.predict(features[held], raw_score=True)
    if not boosters:
        return None
    calibration = calibrate(score, label)
    certain = sigmoid(calibration[0] * score + calibration[1])
    # Candidates that do not count are treated as rejected: they are of lesions that enlarge.
    chances, start = [], 0
    for pair in pairs:
        chance = np.zeros(pair.kept.size)
        count = int(pair.kept.sum())
        chance[pair.kept] = certain[start : start + count]
        chances.append(chance)
        start += count
    scored = [(objective(pairs, [chance >= accept for chance in chances]), accept) for accept in ACCEPTS]
    value = max(scored)[0]
    # The middle of a plateau is surer than its end.
    flat = [at for other, at in scored if other >= value - 1e-3]
    return LesionStage(boosters, calibration, level, flat[len(flat) // 2], value)


def _pair_score(pair: Candidates, accepted: NDArray[np.bool_]) -> float:
    if not pair.truth:
        return 1 / (1 + int((accepted & pair.kept).sum()))
    voxels, hits = int(pair.voxels[accepted].sum()), int(pair.hits[accepted].sum())
    dice = 2 * hits / (voxels + pair.truth)
    rule = Thresholds()
    found = detected(_restricted(pair.overlap, accepted), rule.min_overlap, rule.max_false_positive, rule.moderator)
    if not found.size:
        return dice
    precision = float(pair.label[accepted].mean()) if accepted.any() else 0.0
    sensitivity = float(found.mean())
    both = precision + sensitivity
    return (dice + (2 * precision * sensitivity / both if both else 0.0)) / 2


def _restricted(met: Overlap, accepted: NDArray[np.bool_]) -> Overlap:
    """The overlap with the accepted columns alone."""
    number = np.cumsum(accepted) - 1
    kept = accepted[met.column]
    return Overlap(met.row[kept], number[met.column[kept]], met.voxels[kept], met.row_sizes, met.column_sizes[accepted])


def _image(index: NDArray[np.int64], values: NDArray[Any], shape: tuple[int, int, int]) -> NDArray[np.int64]:
    image = np.zeros(int(np.prod(shape)), np.int64)
    image[index] = values
    return image.reshape(shape)
