"""The boosters of voxels: one per inner fold, each blind to that fold's subjects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from newlesions.detect.refinement.frequency import empty_frequency, frequency_at, frequency_of
from newlesions.images.morphology import label_lesions
from newlesions.images.volume import Volume
from newlesions.learn.boosting.samples import Samples, read_samples, read_subject, read_truth_places
from newlesions.learn.boosting.trees import train_booster

if TYPE_CHECKING:
    import lightgbm

_USUAL_MM3 = 60.0  # a new lesion of usual volume, whose voxels weigh 1
_MOST = 4.0


@dataclass(frozen=True)
class Frequencies:
    """The maps of lesion frequency of the training subjects, summed, and each one's own."""

    total: Volume
    own: Mapping[str, Volume]

    def all(self) -> Volume:
        """The mean map, for subjects outside of the training."""
        return self.total.with_data(self.total.data / max(len(self.own), 1))

    def without(self, subject: str) -> Volume:
        """The mean map of the other subjects: a subject's own lesions must not tell where its lesions are."""
        own = self.own[subject].data if subject in self.own else 0.0
        return self.total.with_data((self.total.data - own) / max(len(self.own) - 1, 1))


def learn_frequencies(paths: Sequence[Path]) -> Frequencies:
    """The maps of all pairs; a subject with several pairs counts once, by all its lesions."""
    places: dict[str, list[NDArray[np.float32]]] = {}
    for path in paths:
        places.setdefault(read_subject(path), []).append(read_truth_places(path))
    own = {subject: frequency_of(np.concatenate(parts)) for subject, parts in places.items()}
    total = empty_frequency()
    for volume in own.values():
        total = total.with_data(total.data + volume.data)
    return Frequencies(total, own)


def seen(samples: Samples, frequencies: Frequencies | None) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What the boosters see of a training pair, (n, F'), and its lesion frequency, (n,)."""
    if frequencies is None:
        return samples.features, np.zeros(len(samples.features), np.float32)
    often = frequency_at(frequencies.without(samples.subject), samples.mni)
    return np.column_stack([samples.features, often]), often


def train_voxels(
    paths: Sequence[Path],
    folds: Mapping[str, int],
    frequencies: Frequencies | None,
    settings: Mapping[str, Any],
    threads: int,
) -> list[lightgbm.Booster]:
    """One booster per inner fold, trained on the others' subjects and stopped by its own.

    Pairs are read one after the other and thinned to their share of ``max_rows``, so that memory does not grow with
    the cohort.
    """
    quota = max(int(settings["max_rows"]) // len(paths), 1)
    parts = []
    for path in paths:
        samples = read_samples(path)
        rows, weight = _drawn(samples, quota, int(settings["seed"]))
        weight = weight * lesion_weights(samples, float(settings["even_lesions"]))[rows]
        features, _ = seen(samples, frequencies)
        parts.append((folds[samples.subject], features[rows], samples.label[rows], weight))
    boosters = []
    for fold in sorted(set(folds.values())):
        train, valid = (
            tuple(np.concatenate([part[n] for part in parts if (part[0] == fold) == held]) for n in (1, 2, 3))
            for held in (False, True)
        )
        boosters.append(train_booster(train, valid, settings, threads))  # type: ignore[arg-type]
    return boosters


def lesion_weights(samples: Samples, even: float) -> NDArray[np.float32]:
    """By how much the voxels of small lesions weigh more, and those of large ones less, shape (n,); 1 outside of all.

    Parameters
    ----------
    samples
        Of a pair.
    even
        0: every voxel weighs 1. 1: all lesions weigh the same in sum, within the limits of four times and a quarter.
    """
    if not even or not samples.truth.size:
        return np.ones(samples.index.size, np.float32)
    reference = np.zeros(int(np.prod(samples.shape)), np.bool_)
    reference[samples.truth] = True
    labels = label_lesions(reference.reshape(samples.shape))
    volume = np.bincount(labels.ravel()) * samples.spacing**3
    weight = np.clip((_USUAL_MM3 / volume) ** even, 1 / _MOST, _MOST)
    weight[0] = 1.0
    return np.asarray(weight[labels.ravel()[samples.index]], dtype=np.float32)


def _drawn(samples: Samples, quota: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Rows of a pair, at most ``quota`` of each label, and how many voxels each stands for."""
    rng = np.random.default_rng([seed, *samples.pair.encode()])
    rows, weights = [], []
    for label in (0, 1):
        there = np.flatnonzero((samples.label == label) & ~samples.ignored)
        drawn = np.sort(rng.choice(there, min(quota, there.size), replace=False))
        rows.append(drawn)
        weights.append(samples.weight[drawn] * (there.size / max(drawn.size, 1)))
    return np.concatenate(rows), np.concatenate(weights).astype(np.float32)
