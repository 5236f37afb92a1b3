"""Carrying a volume onto another grid, in one interpolation."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from newlesions.images.volume import Affine, Array, Grid, Volume

FWHM = 2 * np.sqrt(2 * np.log(2))
"""Full width at half maximum of a Gaussian, in standard deviations."""


def resample(
    volume: Volume,
    grid: Grid,
    source_from_target: Affine | None = None,
    *,
    order: int = 3,
    outside: float = 0.0,
    antialias: bool = True,
) -> Volume:
    """Resample ``volume`` onto ``grid`` through a linear transform.

    Parameters
    ----------
    volume
        The image to carry over.
    grid
        Where the result lies.
    source_from_target
        4x4, from the RAS mm of ``grid``'s space to those of ``volume``'s space; identity when absent.
    order
        Spline order: 0 nearest, 1 linear, 3 cubic.
    outside
        The value beyond the source's field of view.
    antialias
        Smooth each source axis first by what the coarser target cannot carry, so that small bright things keep their
        integral instead of falling between the samples.

    Returns
    -------
    Volume
        float32 for images; the source's own type for ``order=0``.
    """
    matrix = np.linalg.inv(volume.affine) @ (np.eye(4) if source_from_target is None else source_from_target)
    # Rounded, since noise of 1e-15 would put the outermost voxels of an equal grid beyond the field of view.
    matrix = np.round(matrix @ grid.affine, 9)
    data: Array = volume.data
    if order > 0:
        data = data.astype(np.float32, copy=False)
        if antialias:
            data = _smooth_for(data, matrix)
    output = ndimage.affine_transform(
        data,
        matrix[:3, :3],
        offset=matrix[:3, 3],
        output_shape=grid.shape,
        order=order,
        mode="constant",
        cval=outside,
        prefilter=order > 1,
    )
    return Volume(output, grid.affine)


def _smooth_for(data: Array, source_from_target_voxels: Affine) -> Array:
    """Gaussian smoothing along the source axes, each by the width that one target voxel has beyond a source voxel."""
    width = np.sqrt((source_from_target_voxels[:3, :3] ** 2).sum(axis=1))
    sigma = np.sqrt(np.maximum(width**2 - 1, 0)) / FWHM
    sigma[sigma < 0.2] = 0
    return ndimage.gaussian_filter(data, sigma) if sigma.any() else data
