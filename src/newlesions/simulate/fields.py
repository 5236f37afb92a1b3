"""Smooth random fields, and coarse fields carried to a fine lattice."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from newlesions.images.volume import Array

Field = NDArray[np.float32]


def smooth_noise(rng: np.random.Generator, shape: tuple[int, ...], spacing: Array | float, scale: float) -> Field:
    """Gaussian random field of mean 0 and SD 1, float32, over a lattice of ``shape``.

    ``spacing`` is the voxel size (mm, one number or three); ``scale`` is the SD of the Gaussian kernel (mm) that shapes
    the field. White noise on a sparse lattice is spread by separable kernels, so that the cost does not grow with
    ``scale``.
    """
    kernels = []
    for n, step in zip(shape, np.broadcast_to(spacing, 3), strict=True):
        knots = np.arange(-3 * scale, n * step + 3 * scale, scale)
        kernel = np.exp(-(((np.arange(n) * step)[:, None] - knots) ** 2) / (2 * scale**2))
        kernels.append(kernel / np.sqrt((kernel**2).sum(axis=1, keepdims=True)))
    white = rng.standard_normal([kernel.shape[1] for kernel in kernels])
    return spread(white, kernels)


def spread(values: Array, kernels: list[Array]) -> Field:
    """Apply one matrix per axis: ``kernels[a]`` has shape (output length, input length) along axis a.

    The products are sparse ones, which add in a fixed order: BLAS may round otherwise from one process to the next, and
    equal seeds are to give equal voxels.
    """
    output = values.astype(np.float32)
    for axis, kernel in enumerate(kernels):
        matrix = sparse.csr_array(np.where(np.abs(kernel) > 1e-4, kernel, 0).astype(np.float32))
        moved = np.moveaxis(output, axis, 0)
        product = matrix @ np.ascontiguousarray(moved).reshape(moved.shape[0], -1)
        output = np.moveaxis(product.reshape(-1, *moved.shape[1:]), 0, axis)
    return np.ascontiguousarray(output)


def upsample(values: Array, factor: float, shape: tuple[int, int, int]) -> Field:
    """Linear interpolation of a lattice onto one ``factor`` times finer, of ``shape``; first centres coincide."""
    kernels = []
    for n_out, n_in in zip(shape, values.shape, strict=True):
        position = np.minimum(np.arange(n_out) / factor, n_in - 1)
        low = np.minimum(position.astype(int), max(n_in - 2, 0))
        kernel = np.zeros((n_out, n_in), dtype=np.float32)
        kernel[np.arange(n_out), low] = 1 - (position - low)
        kernel[np.arange(n_out), np.minimum(low + 1, n_in - 1)] += position - low
        kernels.append(kernel)
    return spread(values, kernels)


def ramp(values: Array, low: float, high: float) -> Field:
    """0 below ``low``, 1 above ``high``, linear between."""
    return np.clip((values - low) / (high - low), 0, 1).astype(np.float32)


def shell(distance: Array, inner: Array | float, outer: Array | float, edge: float = 1.0) -> Field:
    """Soft membership, 0 to 1, of the layer ``inner < distance < outer`` (mm), with borders ``edge`` mm wide."""
    rising = np.clip((distance - inner) / edge + 0.5, 0, 1)
    falling = np.clip((outer - distance) / edge + 0.5, 0, 1)
    return np.asarray(np.minimum(rising, falling), dtype=np.float32)
