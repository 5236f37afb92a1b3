"""What differs between two visits of one head beside its lesions: pose, bias, contrast, blur, noise, a little shape."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from newlesions.images.resample import FWHM
from newlesions.images.volume import Affine, Array, Grid, Volume
from newlesions.simulate.acquisition import bias_field
from newlesions.simulate.fields import smooth_noise
from newlesions.simulate.no_change import add_rician_noise

_WARP_SCALE_MM = 12.0
_THICK_MM = 1.5  # slices above this are thick: their own profile has blurred them


@dataclass(frozen=True)
class Visit:
    """How one visit is seen.

    Attributes
    ----------
    pose
        4x4 rigid, from the host's RAS mm to the visit's.
    warp_mm
        SD of a smooth displacement of the tissue: what no rigid registration takes away.
    slices
        Number of slices on the visit's grid relative to the host's, 1 or fewer: thicker slices.
    bias, gamma, blur_mm, noise, drift
        Range of the bias field, exponent about white matter, FWHM in plane, SD of Rician noise, and change of the
        contrast between grey and white matter; the last two relative to the head's and the tissue's intensity.
    """

    pose: Affine
    warp_mm: float = 0.0
    slices: float = 1.0
    bias: float = 0.0
    gamma: float = 1.0
    blur_mm: float = 0.0
    noise: float = 0.0
    drift: float = 0.0


def draw_visit(rng: np.random.Generator, grid: Grid, *, moved: bool) -> Visit:
    """A random visit of a head scanned on ``grid``; the one that is not ``moved`` stays in place and on its voxels."""
    pose, warp, slices = np.eye(4), 0.0, 1.0
    if moved:
        centre = grid.corners().mean(axis=0)
        pose[:3, :3] = Rotation.from_euler("xyz", rng.normal(0, 2.0, 3).clip(-5, 5), degrees=True).as_matrix()
        pose[:3, 3] = centre - pose[:3, :3] @ centre + rng.uniform(-4, 4, 3)
        warp = float(rng.uniform(0.05, 0.35))
        # Thin slices may become the slices of a 2D scan; thick ones another thickness.
        ratio = rng.uniform(2.5, 4.0) if grid.spacing.max() < _THICK_MM else rng.uniform(1.1, 1.4)
        slices = 1 / float(ratio) if rng.uniform() < 0.35 else 1.0
    return Visit(
        pose,
        warp,
        slices,
        bias=float(rng.uniform(0.02, 0.25)),
        gamma=float(rng.uniform(0.9, 1.12)),
        blur_mm=float(rng.uniform(0.0, 0.9)),
        noise=float(rng.uniform(0.005, 0.03)),
        drift=float(rng.normal(0, 0.03)),
    )


def visit_grid(grid: Grid, visit: Visit) -> Grid:
    """The visit's grid: that of the host, with fewer slices over the same field of view where it asks for that."""
    if visit.slices == 1.0:
        return grid
    axis = _slice_axis(grid)
    shape = list(grid.shape)
    shape[axis] = max(1, round(shape[axis] * visit.slices))
    step = grid.shape[axis] / shape[axis]
    affine = grid.affine.copy()
    affine[:3, 3] += affine[:3, axis] * (step - 1) / 2
    affine[:3, axis] *= step
    i, j, k = shape
    return Grid((i, j, k), affine.astype(np.float32).astype(np.float64))


def carry(image: Volume, visit: Visit, rng: np.random.Generator) -> Volume:
    """The head on the visit's grid, before lesions: moved, slightly warped, in one cubic interpolation."""
    grid = visit_grid(image.grid, visit)
    if visit.warp_mm == 0 and np.array_equal(visit.pose, np.eye(4)) and grid.matches(image.grid):
        return image
    matrix = np.linalg.inv(visit.pose @ image.affine) @ grid.affine
    at = np.indices(grid.shape, dtype=np.float32).reshape(3, -1)
    at = matrix[:3, :3].astype(np.float32) @ at + matrix[:3, 3:].astype(np.float32)
    if visit.warp_mm > 0:
        for axis, step in enumerate(image.spacing):
            moved = smooth_noise(rng, grid.shape, grid.spacing, _WARP_SCALE_MM)
            at[axis] += moved.ravel() * np.float32(visit.warp_mm / step)
    sigma = np.sqrt(np.maximum((grid.spacing / image.spacing) ** 2 - 1, 0)) / FWHM
    source = ndimage.gaussian_filter(image.data.astype(np.float32), sigma * (sigma > 0.2))
    carried = ndimage.map_coordinates(source, at.reshape(3, *grid.shape), order=3, mode="constant")
    return Volume(np.maximum(carried, 0), grid.affine)


def degrade(image: Volume, visit: Visit, grey: Array, rng: np.random.Generator) -> Volume:
    """The visit's scanner: contrast drift, gamma, bias field, blur in plane, noise. Voxels of value 0 stay 0.

    Parameters
    ----------
    grey
        What of each voxel of the brain is not white matter, 0 to 1, on the image's grid.
    """
    support = image.data > 0
    level = float(np.percentile(image.data[support], 60))
    data = np.clip(image.data, 0, None) * (1 + visit.drift * grey)
    data = np.power(data / level, visit.gamma) * level * bias_field(rng, image.grid, visit.bias)
    sigma = visit.blur_mm / FWHM / image.spacing
    sigma[image.spacing > 1.5 * image.spacing.min()] = 0
    if sigma.any():
        data = ndimage.gaussian_filter(data, sigma)
    noisy = add_rician_noise(image.with_data(data.astype(np.float32)), visit.noise, rng)
    return noisy.with_data(np.where(support, noisy.data, 0).astype(np.float32))


def _slice_axis(grid: Grid) -> int:
    """The axis with the longest voxels; of an isotropic grid the one nearest to the head's."""
    if np.ptp(grid.spacing) > 0.2:
        return int(grid.spacing.argmax())
    return int(np.abs(grid.affine[2, :3] / grid.spacing).argmax())
