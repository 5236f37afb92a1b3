"""Choosing grids: isotropic ones that hold a set of points, and coarser versions of a given one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from newlesions.images.volume import Grid

Edges = float | NDArray[np.float64]
"""Voxel edges in mm: one number, or one per axis, (3,)."""


def isotropic_grid(points: NDArray[np.float64], spacing: float, margin: float = 0.0) -> Grid:
    """The RAS grid with cubic voxels of ``spacing`` mm that holds ``points``, shape (n, 3), and ``margin`` mm around.

    Voxel centres lie on multiples of ``spacing``, so that nearly equal points give the same grid.
    """
    return ras_grid(points, spacing, margin)


def ras_grid(points: NDArray[np.float64], spacing: Edges, margin: float = 0.0) -> Grid:
    """As `isotropic_grid`, of voxels that may be longer along some of the axes."""
    first = np.floor((points.min(axis=0) - margin) / spacing).astype(int)
    last = np.ceil((points.max(axis=0) + margin) / spacing).astype(int)
    affine = np.diag([*np.broadcast_to(spacing, 3), 1.0])
    affine[:3, 3] = first * spacing
    i, j, k = (last - first + 1).tolist()
    return Grid((i, j, k), affine)


def working_spacing(spacings: list[NDArray[np.float64]], finest: float, coarsest: float) -> float:
    """The cubic voxel size, in mm, that suits scans with these voxel sizes: their finest geometric mean, bounded.

    The geometric mean keeps about as many voxels as the scan has; thick slices end at ``coarsest``.
    """
    natural = min(float(np.prod(spacing)) ** (1 / 3) for spacing in spacings)
    return float(np.round(np.clip(natural, finest, coarsest), 2))


def ras_spacing(grid: Grid) -> NDArray[np.float64]:
    """The voxel edges of ``grid`` in mm, left-right, posterior-anterior and inferior-superior, (3,): each of its axes
    stands for the one that it is nearest to."""
    from nibabel.orientations import io_orientation

    spacing, order = grid.spacing, io_orientation(grid.affine)[:, 0].astype(int)
    result = np.empty(3)
    result[order] = spacing
    return result


def native_spacing(grids: Sequence[Grid], finest: float, coarsest: float) -> NDArray[np.float64]:
    """The voxel edges along RAS, mm, (3,), that suit scans on these grids: along each axis the finest, bounded.

    Rounded to 1/100 mm.
    """
    finest_of = np.min([ras_spacing(grid) for grid in grids], axis=0)
    return np.asarray(np.round(np.clip(finest_of, finest, coarsest), 2))


def spacing_near(spacings: list[NDArray[np.float64]], near: float, tolerance: float) -> float:
    """The cubic voxel size, in mm, near ``near`` that changes scans with these voxel sizes least (efird2021, p. 53).

    For each axis of each scan: the whole multiple or whole part of its voxel that is nearest to ``near``, where that
    is within ``tolerance`` mm, else ``near``. Of all axes the mean is taken, since the working voxel is cubic.
    """
    edges = np.concatenate([np.asarray(spacing, dtype=np.float64) for spacing in spacings])
    up, down = np.maximum(np.round(near / edges), 1), np.maximum(np.round(edges / near), 1)
    choices = np.stack([edges * up, edges / down])
    best = choices[np.abs(choices - near).argmin(axis=0), np.arange(len(edges))]
    # A tolerance that is met exactly counts, in spite of rounding.
    kept = np.where(np.abs(best - near) <= tolerance + 1e-6, best, near)
    return float(np.round(kept.mean(), 2))


def coarser_grid(grid: Grid, spacing: float) -> Grid:
    """A RAS grid with cubic voxels of ``spacing`` mm over the field of view of ``grid``."""
    return isotropic_grid(grid.corners(), spacing)
