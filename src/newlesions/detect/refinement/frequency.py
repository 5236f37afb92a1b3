"""How often lesions lie where: a map in MNI space, learned from the training pairs' references."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from newlesions.images.volume import Affine, Volume, apply_affine

NAME = "lesion_frequency"
_MM = 4.0
_SHAPE = (48, 58, 48)
_AFFINE: Affine = np.array([[_MM, 0, 0, -94.0], [0, _MM, 0, -130.0], [0, 0, _MM, -76.0], [0, 0, 0, 1.0]])
_INVERSE: Affine = np.linalg.inv(_AFFINE).astype(np.float64)
_SMOOTHING_MM = 6.0


def frequency_of(mni: NDArray[np.float64]) -> Volume:
    """The map of one subject: the share of each place that lesions fill, smoothed and made symmetric, float32.

    Parameters
    ----------
    mni
        The lesions' voxels in MNI mm, shape (n, 3).
    """
    counts = np.zeros(_SHAPE, np.float32)
    mirrored = mni * np.array([-1.0, 1.0, 1.0])
    for points in (mni, mirrored):
        index = np.rint(apply_affine(_INVERSE, points)).astype(int)
        inside = ((index >= 0) & (index < _SHAPE)).all(axis=1)
        np.add.at(counts, tuple(index[inside].T), 0.5)
    # A large lesion is one more lesion, not a hundred: what counts is whether a place is hit.
    hit = np.minimum(counts / 8.0, 1.0)
    return Volume(ndimage.gaussian_filter(hit, _SMOOTHING_MM / _MM), _AFFINE)


def empty_frequency() -> Volume:
    """A map of nothing."""
    return Volume(np.zeros(_SHAPE, np.float32), _AFFINE)


def frequency_at(frequency: Volume, mni: NDArray[Any]) -> NDArray[np.float32]:
    """The map's values at places in MNI mm, shape (n, 3) to (n,)."""
    index = apply_affine(_INVERSE, mni).T
    return ndimage.map_coordinates(frequency.data, index, order=1, mode="nearest").astype(np.float32)
