"""Morphology of masks with radii in millimetres, by distance transforms: round, and quick at any radius."""

from __future__ import annotations

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Mask = NDArray[np.bool_]
Spacing = float | NDArray[np.float64]


def erode(mask: Mask, radius: float, spacing: Spacing) -> Mask:
    """Take ``radius`` mm off ``mask``. Beyond the field of view the mask is taken to go on."""
    if mask.all():
        return mask.copy()
    return _distance(mask, spacing) > radius


def dilate(mask: Mask, radius: float, spacing: Spacing) -> Mask:
    """Add ``radius`` mm to ``mask``."""
    if not mask.any():
        return mask.copy()
    return _distance(~mask, spacing) <= radius


def close(mask: Mask, radius: float, spacing: Spacing) -> Mask:
    """Fill gaps and clefts of ``mask`` that are narrower than twice ``radius`` mm."""
    width = (np.ceil(radius / np.broadcast_to(spacing, 3)) + 1).astype(int)
    padded = np.pad(mask, [(n, n) for n in width], mode="edge")
    closed = erode(dilate(padded, radius, spacing), radius, spacing)
    return closed[tuple(slice(n, -n) for n in width)]


def signed_distance(mask: Mask, spacing: Spacing) -> NDArray[np.float32]:
    """Distance to the border of ``mask`` in mm: positive inside, negative outside."""
    return (_distance(mask, spacing) - _distance(~mask, spacing)).astype(np.float32)


def largest_component(mask: Mask, connectivity: int = 6) -> Mask:
    """The largest connected component of ``mask``; ``mask`` itself when it is empty."""
    if not mask.any():
        return mask.copy()
    return np.asarray(cc3d.largest_k(mask, k=1, connectivity=connectivity)).astype(bool)


def bounding_box(mask: Mask, margin: int = 0) -> tuple[slice, slice, slice]:
    """The slices that hold ``mask`` and ``margin`` voxels around it, inside the array.

    Raises
    ------
    ValueError
        If ``mask`` is empty.
    """
    boxes = ndimage.find_objects(mask.astype(np.uint8))
    if not boxes or boxes[0] is None:
        raise ValueError("the mask is empty")
    i, j, k = (
        slice(max(side.start - margin, 0), min(side.stop + margin, n))
        for side, n in zip(boxes[0], mask.shape, strict=True)
    )
    return i, j, k


def _distance(mask: Mask, spacing: Spacing) -> NDArray[np.float64]:
    return np.asarray(ndimage.distance_transform_edt(mask, sampling=np.broadcast_to(spacing, 3)))


def label_lesions(mask: Mask) -> NDArray[np.int32]:
    """Connected components of ``mask`` over faces, edges and corners (26 neighbours), labelled from 1."""
    return np.asarray(cc3d.connected_components(mask, connectivity=26)).astype(np.int32)
