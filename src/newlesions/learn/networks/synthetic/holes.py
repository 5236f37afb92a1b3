"""Shapes of lesions in a patch, and noise in their place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from newlesions.images.morphology import Mask, largest_component
from newlesions.networks.case import Image
from newlesions.simulate.fields import smooth_noise

_STRETCH, _ROUGH = (
    0.25,
    0.22,
)  # SD of the logarithm of a blob's axes; roughness of its surface, as a share of its radius
_FACES = ndimage.generate_binary_structure(3, 1)


def blob(rng: np.random.Generator, voxels: float) -> Mask:
    """A rough ellipsoid of about ``voxels`` voxels (at least one), in the middle of its array."""
    count = max(1, round(voxels))
    radius = (3 * count / (4 * np.pi)) ** (1 / 3)
    reach = int(np.ceil(1.8 * radius)) + 1
    frame = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    stretch = np.exp(_STRETCH * rng.standard_normal(3))
    offset = np.indices([2 * reach + 1] * 3).reshape(3, -1) - reach
    # Sums in a fixed order: equal seeds are to give equal voxels on any machine.
    along = [stretch[a] * sum(frame[a, b] * offset[b] for b in range(3)) for a in range(3)]
    distance = np.sqrt(along[0] ** 2 + along[1] ** 2 + along[2] ** 2).reshape([2 * reach + 1] * 3)
    distance = distance + _ROUGH * radius * smooth_noise(rng, distance.shape, 1.0, max(1.2, 0.5 * radius))
    limit = np.partition(distance.ravel(), count - 1)[count - 1]
    return largest_component(distance <= limit)


def known_shape(rng: np.random.Generator, shapes: Sequence[Mask]) -> Mask:
    """One of ``shapes``, flipped along random axes."""
    chosen = shapes[int(rng.integers(len(shapes)))]
    return np.flip(chosen, tuple(axis for axis in range(3) if rng.integers(2)))


def stamp(shape: Mask, centre: NDArray[np.intp], size: Sequence[int]) -> Mask:
    """``shape`` with its middle at voxel ``centre`` of an array of ``size``, cut at its borders."""
    result = np.zeros(tuple(size), bool)
    at = np.argwhere(shape) - (np.array(shape.shape) - 1) // 2 + centre
    at = at[((at >= 0) & (at < result.shape)).all(axis=1)]
    result[tuple(at.T)] = True
    return result


def hole(mask: Mask, margin: int, keep: Mask | None = None) -> Mask:
    """``mask`` and ``margin`` voxels around it, which hold part of a lesion, without ``keep``."""
    wide = ndimage.binary_dilation(mask, _FACES, iterations=margin) if margin > 0 and mask.any() else mask
    return wide if keep is None else wide & ~keep


def with_noise(rng: np.random.Generator, image: Image, holes: Mask, brain: Mask) -> Image:
    """Gaussian noise in ``holes``, with the mean and SD of the image's intensities in the brain.

    Kamraoui et al. 2022, section 2.3.1: "with a mean and a standard deviation of the image intensities".
    """
    values = image[brain] if brain.any() else image
    noisy = image.copy()
    noisy[holes] = rng.normal(float(values.mean()), float(values.std()), int(np.count_nonzero(holes)))
    return noisy


def draw_place(rng: np.random.Generator, weight: Image) -> NDArray[np.intp] | None:
    """A voxel drawn with the density ``weight``, shape (3,); None where it is 0 everywhere."""
    total = np.cumsum(weight, dtype=np.float64)
    if total[-1] <= 0:
        return None
    flat = int(np.searchsorted(total, rng.uniform(0, total[-1]), side="right"))
    return np.array(np.unravel_index(min(flat, weight.size - 1), weight.shape))
