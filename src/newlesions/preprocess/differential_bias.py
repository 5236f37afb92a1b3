"""Differential bias: what is left of two bias fields in the ratio of two registered scans (Lewis & Fox 2004)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from newlesions.images.morphology import Mask

_BLOCK_MM = 3.0  # the field is smooth: a median over blocks of this size costs a thousandth of one over voxels
_FLOOR = 0.05  # of the brain's median; below it a logarithm is mostly noise
_OUTLIER = 3.0  # robust standard deviations of the log ratio; beyond it a voxel may have changed


def differential_bias(
    baseline: NDArray[np.float32], followup: NDArray[np.float32], brain: Mask, spacing: float, width_mm: float
) -> NDArray[np.float32]:
    """The smooth part of log(baseline / followup), shape (I, J, K).

    Dividing the baseline by exp(field / 2) and multiplying the follow-up by it makes the correction symmetric
    (multi-time-point form: Leung 2012).

    Parameters
    ----------
    baseline, followup
        Registered scans on one grid of cubic voxels.
    brain
        Where the ratio is trusted. Voxels whose ratio is an outlier, as changed lesions are, are left out of the
        median, so that a lesion wider than half the kernel keeps its contrast.
    spacing
        Voxel size in mm.
    width_mm
        Width of the cubic median window in mm.
    """
    ratio = _log(baseline, brain) - _log(followup, brain)
    centre = np.median(ratio[brain])
    spread = 1.4826 * np.median(np.abs(ratio[brain] - centre))
    unchanged = brain & (np.abs(ratio - centre) <= _OUTLIER * spread)
    factor = max(1, round(_BLOCK_MM / spacing))
    blocks = _block_means(ratio, unchanged, factor)
    radius = max(1, round(width_mm / (factor * spacing) / 2 - 0.5))
    field = _fill(_median_of_known(blocks, radius))
    smooth = ndimage.gaussian_filter(field, 1.0, mode="nearest")
    return _enlarge(smooth, factor, ratio.shape)


def _log(image: NDArray[np.float32], brain: Mask) -> NDArray[np.float64]:
    level = np.median(image[brain])
    return np.log(np.maximum(image / level, _FLOOR).astype(np.float64)) + np.log(level)


def _block_means(values: NDArray[np.float64], known: Mask, factor: int) -> NDArray[np.float64]:
    """Means of the known values in blocks of ``factor`` voxels a side; NaN where fewer than a quarter are known."""
    from skimage.measure import block_reduce

    count = block_reduce(known.astype(np.float64), factor, np.sum)
    total = block_reduce(np.where(known, values, 0.0), factor, np.sum)
    enough = count >= max(1, factor**3 / 4)
    return np.where(enough, total / np.maximum(count, 1), np.nan)


def _median_of_known(blocks: NDArray[np.float64], radius: int) -> NDArray[np.float64]:
    """Median of the known blocks in a cube about each known block."""
    padded = np.pad(blocks, radius, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (2 * radius + 1,) * 3)
    known = ~np.isnan(blocks)
    result = np.full_like(blocks, np.nan)
    result[known] = np.nanmedian(windows[known].reshape(int(known.sum()), -1), axis=1)
    return result


def _fill(field: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give unknown blocks the value of the nearest known one."""
    unknown = np.isnan(field)
    if unknown.all():
        return np.zeros_like(field)
    nearest = ndimage.distance_transform_edt(unknown, return_distances=False, return_indices=True)
    return field[tuple(nearest)]


def _enlarge(blocks: NDArray[np.float64], factor: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Back to voxels by linear interpolation between the blocks' centres."""
    matrix = np.eye(3) / factor
    offset = np.full(3, (1 - factor) / (2 * factor))
    return ndimage.affine_transform(
        blocks, matrix, offset, output_shape=shape, order=1, mode="nearest", output=np.float32
    )
