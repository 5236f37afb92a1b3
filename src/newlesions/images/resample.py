"""Carrying a volume onto another grid, in one interpolation."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from newlesions.images.volume import Affine, Array, Grid, Volume, apply_affine


class Displacement(NamedTuple):
    """A smooth field: ``vectors``, float32, (I, J, K, 3), RAS mm, on the grid of ``affine``, 4x4."""

    vectors: NDArray[np.float32]
    affine: Affine


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
    moved: Displacement | None = None,
) -> Volume:
    """Resample ``volume`` onto ``grid`` through a linear transform, and a deformation before it where there is one.

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
    moved
        By how much a point of the target's space moves before ``source_from_target`` takes it; linear between the
        field's voxels and 0 beyond them.

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
    if moved is not None:
        at = _displaced(moved, grid) @ np.linalg.inv(grid.affine)[:3, :3].T + np.stack(
            np.meshgrid(*[np.arange(n) for n in grid.shape], indexing="ij"), axis=-1
        )
        at = np.moveaxis(apply_affine(matrix, at), -1, 0)
        prefiltered = order > 1
        output = ndimage.map_coordinates(data, at, order=order, mode="constant", cval=outside, prefilter=prefiltered)
        return Volume(output, grid.affine)
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


def _displaced(moved: Displacement, grid: Grid) -> NDArray[np.float32]:
    """The field on ``grid``, (I, J, K, 3)."""
    parts = [Volume(moved.vectors[..., axis], moved.affine) for axis in range(3)]
    return np.stack([resample(part, grid, order=1, antialias=False).data for part in parts], axis=-1)


def _smooth_for(data: Array, source_from_target_voxels: Affine) -> Array:
    """Gaussian smoothing along the source axes, each by the width that one target voxel has beyond a source voxel."""
    width = np.sqrt((source_from_target_voxels[:3, :3] ** 2).sum(axis=1))
    sigma = np.sqrt(np.maximum(width**2 - 1, 0)) / FWHM
    sigma[sigma < 0.2] = 0
    return ndimage.gaussian_filter(data, sigma) if sigma.any() else data
