"""The working grid of a pair in halfway or MNI space, each scan carried there in one interpolation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from newlesions.images.morphology import Mask
from newlesions.images.resample import FWHM, Displacement, resample
from newlesions.images.volume import Affine, Grid, Volume
from newlesions.preprocess.halfway import mask_on

_LEAST_BLUR = 0.2  # voxels; below it a Gaussian does next to nothing


@dataclass(frozen=True)
class WorkingPair:
    """Both visits on one RAS grid of the working space, and the brain that both show."""

    baseline: Volume
    followup: Volume
    brain: Volume


def to_working_space(
    baseline: Volume,
    followup: Volume,
    brains: tuple[Volume, Volume],
    to_baseline: Affine,
    to_followup: Affine,
    grid: Grid,
    *,
    order: int = 3,
    match_resolution: bool = True,
    moved: Displacement | None = None,
) -> WorkingPair:
    """Resample both visits from their own grids, each exactly once.

    Parameters
    ----------
    baseline, followup
        Bias-corrected scans on their own grids.
    brains
        Their brain masks (bool, same grids).
    to_baseline, to_followup
        4x4, from the working space's RAS mm to each scan's: rigid from halfway space, affine from MNI's.
    grid
        Where the results lie: RAS voxels in the working space, around both brains.
    order
        Spline order.
    match_resolution
        Blur each scan first along the axes in which the other's voxels are longer, so that thicker slices at one visit
        do not look like change.
    moved
        By how much the baseline is deformed besides (`preprocess.deform.deformation`), in the same one interpolation.

    Returns
    -------
    WorkingPair
        ``brain`` is where both visits have a brain and both have voxels, but for their outermost ones: what one of them
        does not show cannot have changed.
    """
    scans = (baseline, followup)
    if match_resolution:
        scans = (
            blurred_like(baseline, followup.affine, to_followup @ np.linalg.inv(to_baseline)),
            blurred_like(followup, baseline.affine, to_baseline @ np.linalg.inv(to_followup)),
        )
    ways = ((to_baseline, moved), (to_followup, None))
    first, second = (
        resample(scan, grid, matrix, order=order, moved=field)
        for scan, (matrix, field) in zip(scans, ways, strict=True)
    )
    seen = np.ones(grid.shape, bool)
    for visit, brain, (matrix, field) in zip((baseline, followup), brains, ways, strict=True):
        for mask in (brain, _inner_view(visit)):
            seen &= _carried(mask, grid, matrix, field)
    return WorkingPair(first, second, Volume(seen, grid.affine))


def blurred_like(volume: Volume, other: Affine, other_from_volume: Affine) -> Volume:
    """``volume`` blurred to the resolution of another scan, where that is coarser.

    Parameters
    ----------
    volume
        The scan, on its own grid.
    other
        The other scan's affine, 4x4.
    other_from_volume
        4x4, from the RAS mm of ``volume``'s space to those of the other's.

    Returns
    -------
    Volume
        Along each axis of ``volume``, a Gaussian whose full width at half maximum makes up for what the other's voxel
        is longer in that direction.
    """
    spacing = volume.spacing
    axes = other_from_volume[:3, :3] @ (volume.affine[:3, :3] / spacing)
    # The length of the other's voxel, taken as a box with independent sides, in each direction.
    length = np.sqrt(((other[:3, :3].T @ axes) ** 2).sum(axis=0))
    sigma = np.sqrt(np.maximum(length**2 - spacing**2, 0)) / FWHM / spacing
    sigma[sigma < _LEAST_BLUR] = 0
    return volume.with_data(ndimage.gaussian_filter(volume.data, sigma)) if sigma.any() else volume


def _carried(mask: Volume, grid: Grid, matrix: Affine, moved: Displacement | None) -> Mask:
    if moved is None:
        return mask_on(mask, grid, matrix)
    inside = mask.with_data(mask.data.astype(np.float32))
    return np.asarray(resample(inside, grid, matrix, order=1, moved=moved).data >= 0.5)


def _inner_view(volume: Volume) -> Volume:
    """Where the volume has voxels, less the outermost on each side: nothing lies beyond them to interpolate with, and
    the end slices of a 2D stack are brightened by inflow."""
    view = np.zeros(volume.data.shape, dtype=np.float32)
    view[1:-1, 1:-1, 1:-1] = 1
    return volume.with_data(view)
