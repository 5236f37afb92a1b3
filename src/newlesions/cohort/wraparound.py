"""Finding integers that have wrapped around: bright voxels stored as dark ones, or negative ones as bright ones."""

from __future__ import annotations

import cc3d
import numpy as np
from numpy.typing import NDArray

from newlesions.images.volume import Array

_MOST_BYTES = 4


def wrapped_voxels(stored: Array) -> int:
    """How many voxels have most likely overflowed their integer type.

    An overflow leaves islands: dark ones inside the brightest tissue (too bright for the type), or bright ones inside
    the darkest (negative values in an unsigned type). Their edges jump over nearly the whole range of the type from one
    voxel to the next, all around; true edges are flatter, because a voxel there holds part of both sides.

    Parameters
    ----------
    stored
        Integers as in the file, before slope and intercept, shape (I, J, K).
    """
    if stored.dtype.itemsize > _MOST_BYTES:
        return 0
    info = np.iinfo(stored.dtype)
    scaled = (stored.astype(np.float32) - np.float32(info.min)) / np.float32(float(info.max) - float(info.min))
    return _islands(scaled, limit=0.3, jump=0.7) + _islands(1 - scaled, limit=0.1, jump=0.85)


def _islands(scaled: NDArray[np.float32], limit: float, jump: float) -> int:
    """Voxels in components below ``limit``, off the border, most of whose faces jump by more than ``jump``."""
    low = scaled < limit
    if not low.any() or not any(_jumps(scaled, axis, jump).any() for axis in range(3)):
        return 0
    labels = cc3d.connected_components(low, connectivity=6)
    count = int(labels.max()) + 1
    faces, steep = np.zeros(count), np.zeros(count)
    for axis in range(3):
        ahead, behind = _neighbours(labels, axis)
        edge = (ahead == 0) != (behind == 0)
        owner = np.maximum(ahead, behind)[edge]
        faces += np.bincount(owner, minlength=count)
        steep += np.bincount(owner, weights=_jumps(scaled, axis, jump)[edge], minlength=count)
    island = (steep > faces / 2) & (faces > 0)
    island[0] = False
    for axis in range(3):
        for index in (0, -1):
            island[np.unique(labels.take(index, axis))] = False
    return int(np.bincount(labels.ravel(), minlength=count)[island].sum())


def _jumps(scaled: NDArray[np.float32], axis: int, jump: float) -> NDArray[np.bool_]:
    ahead, behind = _neighbours(scaled, axis)
    return np.abs(ahead - behind) > jump


def _neighbours(values: Array, axis: int) -> tuple[Array, Array]:
    """Each voxel's successor along ``axis``, and the voxel."""
    moved = np.moveaxis(values, axis, 0)
    return moved[1:], moved[:-1]
