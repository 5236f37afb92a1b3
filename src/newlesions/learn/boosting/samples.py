"""What one pair gives to training: the features and labels of the voxels looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from newlesions.detect.classes import ENLARGING
from newlesions.detect.features.pair import PairData
from newlesions.detect.features.region import BRAIN, region_of
from newlesions.detect.features.table import features_of
from newlesions.images.files import write_arrays
from newlesions.images.morphology import Mask
from newlesions.images.volume import apply_affine


@dataclass(frozen=True)
class Samples:
    """One pair's voxels.

    Attributes
    ----------
    pair, subject
        Whose.
    shape, spacing
        Of the working grid; mm.
    index
        Places in the flattened grid, ascending, shape (n,).
    features
        Shape (n, F), float32.
    label
        1 in the reference, 0 elsewhere, shape (n,).
    ignored
        Voxels of enlarging lesions that the reference does not hold: neither right nor wrong, shape (n,).
    weight
        How many voxels of the brain each stands for, shape (n,); 1 where none were left out.
    mni
        MNI mm, shape (n, 3).
    truth
        Places of all reference voxels in the flattened grid, in the region or not, shape (m,).
    truth_mni
        Their MNI mm, shape (m, 3).
    """

    pair: str
    subject: str
    shape: tuple[int, int, int]
    spacing: float
    index: NDArray[np.int64]
    features: NDArray[np.float32]
    label: NDArray[np.uint8]
    ignored: NDArray[np.bool_]
    weight: NDArray[np.float32]
    mni: NDArray[np.float32]
    truth: NDArray[np.int64]
    truth_mni: NDArray[np.float32]


_ARRAYS = ("index", "features", "label", "ignored", "weight", "mni", "truth", "truth_mni")


def collect(
    pair: PairData,
    truth: Mask,
    name: str,
    subject: str,
    settings: Mapping[str, Any],
    enlarging: Mask | None = None,
) -> Samples:
    """The samples of a pair.

    Parameters
    ----------
    pair
        Its visits.
    truth
        The reference of new lesions on the working grid, bool, (I, J, K).
    name, subject
        Of the pair.
    settings
        The section ``train``. Where the region is the whole brain, all reference and candidate voxels are taken and
        ``negatives`` of the others, drawn with ``seed`` and weighted by how many each stands for.
    enlarging
        Lesions that are known to have grown, bool, (I, J, K): ignored as the candidates' own enlarging ones are.
    """
    region = region_of(pair, settings["region"])
    weight = np.ones(region.shape, np.float32)
    if settings["region"] == BRAIN:
        region, weight = _thinned(region, truth | (pair.change > 0), settings, name)
    to_mni = pair.mni_from_working @ pair.grid.affine
    label = truth[region]
    grown = pair.change == ENLARGING if enlarging is None else (pair.change == ENLARGING) | enlarging
    i, j, k = region.shape
    return Samples(
        name,
        subject,
        (i, j, k),
        pair.spacing,
        np.flatnonzero(region),
        features_of(pair, region, settings["features"]),
        label.astype(np.uint8),
        grown[region] & ~label,
        weight[region],
        apply_affine(to_mni, np.argwhere(region)).astype(np.float32),
        np.flatnonzero(truth),
        apply_affine(to_mni, np.argwhere(truth)).astype(np.float32),
    )


def write_samples(path: Path, samples: Samples) -> None:
    """Write an .npz file that needs no pickle."""
    about = {"pair": samples.pair, "subject": samples.subject, "shape": samples.shape, "spacing": samples.spacing}
    write_arrays(path, {name: getattr(samples, name) for name in _ARRAYS} | about)


def read_samples(path: Path) -> Samples:
    """Read what `write_samples` wrote."""
    with np.load(path, allow_pickle=False) as held:
        i, j, k = (int(n) for n in held["shape"])
        arrays = {name: held[name] for name in _ARRAYS}
        return Samples(str(held["pair"]), str(held["subject"]), (i, j, k), float(held["spacing"]), **arrays)


def read_subject(path: Path) -> str:
    """The subject alone: the other arrays of the file stay unread."""
    with np.load(path, allow_pickle=False) as held:
        return str(held["subject"])


def read_truth_places(path: Path) -> NDArray[np.float32]:
    """The reference's voxels in MNI mm alone, shape (m, 3): the other arrays of the file stay unread."""
    with np.load(path, allow_pickle=False) as held:
        return np.asarray(held["truth_mni"])


def _thinned(region: Mask, kept: Mask, settings: Mapping[str, Any], name: str) -> tuple[Mask, NDArray[np.float32]]:
    """The voxels to keep of ``region``, and how many each stands for."""
    others = np.flatnonzero(region & ~kept)
    count = min(int(settings["negatives"]), others.size)
    # By the pair's name, so that a pair's draw does not depend on which other pairs there are.
    rng = np.random.default_rng([int(settings["seed"]), *name.encode()])
    drawn = rng.choice(others, count, replace=False)
    chosen = region & kept
    chosen.ravel()[drawn] = True
    weight = np.ones(region.shape, np.float32)
    weight.ravel()[drawn] = others.size / max(count, 1)
    return chosen, weight
