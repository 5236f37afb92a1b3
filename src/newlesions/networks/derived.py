"""Images made from a case for a stage's inputs: matched and coarse intensities, their ratio, and places in mm.

They are those of Hamzaoui et al. (MSSEG-2 proceedings pp. 93-96): ratio of two comparable visits on few grey levels,
and three maps that tell a network without context where in the brain it looks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.exposure import match_histograms

from newlesions.detect.regions import load_regions
from newlesions.images.volume import apply_affine
from newlesions.networks.case import Case, Image

LEVELS = 6
"""Grey levels of Hamzaoui et al., p. 93."""

_ENDS = (0.5, 99.5)  # percentiles of the follow-up's brain that the first and the last level begin and end with


def matched_baseline(case: Case) -> Image:
    """The baseline with the follow-up's histogram, both within the brain; 0 outside, (I, J, K).

    The paper matches by landmarks (ANTs ImageMath, p. 93: "considering the second visit as the reference"); here the
    whole cumulative histogram is matched.
    """
    result = np.zeros_like(case.baseline, dtype=np.float32)
    if case.brain.any():
        result[case.brain] = match_histograms(case.baseline[case.brain], case.followup[case.brain])
    return result


def levels_baseline(case: Case) -> Image:
    """The matched baseline on `LEVELS` grey levels, 1 (darkest) to 6, 0 outside the brain, (I, J, K)."""
    return _discrete(matched_baseline(case), case)


def levels_followup(case: Case) -> Image:
    """The follow-up on the same `LEVELS` grey levels, 0 outside the brain, (I, J, K)."""
    return _discrete(case.followup, case)


def ratio(case: Case) -> Image:
    """Follow-up over matched baseline, 1 outside the brain and where the baseline has no signal, (I, J, K)."""
    return _quotient(case.followup, matched_baseline(case), case)


def ratio_levels(case: Case) -> Image:
    """Follow-up over baseline, both on their grey levels, 1 outside the brain, (I, J, K).

    The order of the paper (p. 93): matched, then made discrete, then divided. The smallest rise is then 6/5.
    """
    return _quotient(levels_followup(case), levels_baseline(case), case)


def depth(case: Case) -> Image:
    """Distance from the brain's surface in mm, 0 outside the brain, (I, J, K)."""
    padded = np.pad(case.brain, 1)
    distance = ndimage.distance_transform_edt(padded, sampling=case.spacing)
    return np.ascontiguousarray(distance[1:-1, 1:-1, 1:-1], dtype=np.float32)


def height(case: Case) -> Image:
    """How far below MNI's vertex, towards the neck, in mm of MNI space, (I, J, K); negative above it."""
    _, top = _ends_of_brain()
    return np.asarray(top - _mni(case, 2), dtype=np.float32)


def length(case: Case) -> Image:
    """How far in front of MNI's occiput, towards the nose, in mm of MNI space, (I, J, K); negative behind it."""
    back, _ = _ends_of_brain()
    return np.asarray(_mni(case, 1) - back, dtype=np.float32)


DERIVED: Mapping[str, Callable[[Case], Image]] = {
    "matched_baseline": matched_baseline,
    "levels_baseline": levels_baseline,
    "levels_followup": levels_followup,
    "ratio": ratio,
    "ratio_levels": ratio_levels,
    "depth": depth,
    "height": height,
    "length": length,
}
"""Names in a stage's inputs and what makes them: float32, the case's shape."""


@cache
def _ends_of_brain() -> tuple[float, float]:
    """MNI's occiput (y) and vertex (z), mm: of the template, since a mask's own ends depend on what was scanned."""
    regions = load_regions()
    voxels = np.argwhere(regions.data > 0)
    points = apply_affine(regions.affine, np.stack([voxels.min(axis=0), voxels.max(axis=0)]))
    return float(points[:, 1].min()), float(points[:, 2].max())


def _mni(case: Case, axis: int) -> NDArray[np.float64]:
    """The voxels' MNI coordinate along ``axis``, mm, (I, J, K)."""
    row = (case.mni_from_working @ case.affine)[axis]
    i, j, k = np.ogrid[tuple(slice(0, n) for n in case.brain.shape)]
    return np.asarray(row[0] * i + row[1] * j + row[2] * k + row[3])


def _discrete(image: Image, case: Case) -> Image:
    result = np.zeros(image.shape, dtype=np.float32)
    if case.brain.any():
        low, high = np.percentile(case.followup[case.brain], _ENDS)
        edges = np.linspace(low, high, LEVELS + 1)[1:-1]
        result[case.brain] = 1 + np.digitize(image[case.brain], edges)
    return result


def _quotient(after: Image, before: Image, case: Case) -> Image:
    result = np.ones(case.brain.shape, dtype=np.float32)
    return np.divide(after, before, out=result, where=case.brain & (before > 0))
