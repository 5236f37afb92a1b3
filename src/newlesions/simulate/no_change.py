"""Pairs in which nothing changed, made from any scan: the same head moved, with other noise.

What a detector finds in such a pair is false. Made from a group's own scans, it tells the group what its own scanner,
slice thickness and noise cost.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from newlesions.images.resample import resample
from newlesions.images.volume import Affine, Volume

Vector = tuple[float, float, float] | NDArray[np.float64]


def move(volume: Volume, rotation_deg: Vector, translation_mm: Vector) -> Volume:
    """The head turned about the middle of the field of view and shifted, on the scan's own grid, cubic interpolation.

    Parameters
    ----------
    rotation_deg
        About the x, y and z axes of the world, in this order.
    translation_mm
        Along them.
    """
    centre = volume.grid.corners().mean(axis=0)
    motion: Affine = np.eye(4, dtype=np.float64)
    motion[:3, :3] = Rotation.from_euler("xyz", rotation_deg, degrees=True).as_matrix()
    motion[:3, 3] = centre - motion[:3, :3] @ centre + translation_mm
    moved = resample(volume, volume.grid, np.asarray(np.linalg.inv(motion), dtype=np.float64), order=3)
    return moved.with_data(np.maximum(moved.data, 0))


def add_rician_noise(volume: Volume, level: float, rng: np.random.Generator) -> Volume:
    """Add Rician noise; ``level`` is its SD relative to the 60th percentile of the non-zero voxels."""
    sd = level * float(np.percentile(volume.data[volume.data > 0], 60))
    real = volume.data + rng.normal(0, sd, volume.data.shape)
    return volume.with_data(np.hypot(real, rng.normal(0, sd, volume.data.shape)).astype(np.float32))
