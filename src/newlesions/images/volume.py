"""A three-dimensional image and where it lies in the patient."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Affine = NDArray[np.float64]


@dataclass(frozen=True)
class Grid:
    """Where voxels lie: ``shape`` (I, J, K) and ``affine``, 4x4, from voxel indices to RAS millimetres."""

    shape: tuple[int, int, int]
    affine: Affine

    @property
    def spacing(self) -> NDArray[np.float64]:
        """Voxel size along each axis, in mm, shape (3,)."""
        return np.sqrt((self.affine[:3, :3] ** 2).sum(axis=0))

    @property
    def voxel_volume(self) -> float:
        """Volume of one voxel in mm3."""
        return float(abs(np.linalg.det(self.affine[:3, :3])))

    @property
    def edge(self) -> float:
        """The edge of a voxel in mm: of one that is no cube, that of a cube of the same volume."""
        spacing = self.spacing
        return float(spacing[0]) if np.ptp(spacing) < 1e-6 else self.voxel_volume ** (1 / 3)

    def corners(self) -> NDArray[np.float64]:
        """The eight outermost voxel centres in RAS mm, shape (8, 3)."""
        ends = np.array(np.meshgrid(*[(0, n - 1) for n in self.shape], indexing="ij")).reshape(3, -1).T
        return apply_affine(self.affine, ends)

    def matches(self, other: Grid, tolerance: float = 1e-3) -> bool:
        """Whether both grids have the same shape and affines that agree within ``tolerance`` mm at every corner."""
        return self.shape == other.shape and bool(np.abs(self.corners() - other.corners()).max() <= tolerance)


@dataclass(frozen=True)
class Volume:
    """Voxel values and their grid.

    ``data`` has shape (I, J, K); ``affine`` is 4x4 and maps voxel indices to RAS millimetres, as in nibabel.
    """

    data: Array
    affine: Affine

    @property
    def grid(self) -> Grid:
        """The grid of the volume."""
        i, j, k = self.data.shape
        return Grid((i, j, k), self.affine)

    @property
    def spacing(self) -> NDArray[np.float64]:
        """Voxel size along each axis, in mm, shape (3,)."""
        return self.grid.spacing

    @property
    def voxel_volume(self) -> float:
        """Volume of one voxel in mm3."""
        return self.grid.voxel_volume

    def with_data(self, data: Array) -> Volume:
        """The same grid with other values."""
        if data.shape != self.data.shape:
            raise ValueError(f"data has shape {data.shape}, the grid has {self.data.shape}")
        return replace(self, data=data)


def apply_affine(affine: Affine, points: Array) -> NDArray[np.float64]:
    """Map ``points``, shape (..., 3), through a 4x4 ``affine``."""
    return np.asarray(points, dtype=np.float64) @ affine[:3, :3].T + affine[:3, 3]
