"""Irregular lesion shapes that keep to white matter, at one or two nested sizes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from newlesions.images.volume import Array
from newlesions.simulate.anatomy import Anatomy
from newlesions.simulate.fields import Field, smooth_noise


@dataclass(frozen=True)
class Shape:
    """A lesion's extent in a box of the fine grid that starts at voxel ``first``.

    ``extents`` (0 to 1, soft edges) and ``masks`` (bool) have shape (2, i, j, k): the smaller size, then the larger.
    """

    first: tuple[int, int, int]
    extents: Field
    masks: Array


def grow(rng: np.random.Generator, anatomy: Anatomy, centre: Array, volume: float, *, resized: bool) -> Shape | None:
    """Grow about ``volume`` mm3 around a voxel: blobs of uneven radius, kept out of fluid, hindered by grey matter.

    With ``resized`` a lobe on one side adds 50 to 160 % to a smaller size of at least 40 fine voxels; otherwise both
    sizes are equal. None if there is no room.
    """
    step = anatomy.spacing
    growth = rng.uniform(1.5, 2.6) if resized else 1.0
    volume = max(volume, 40 * step**3) if resized else volume
    radius = (volume * 3 / (4 * np.pi)) ** (1 / 3)
    reach = int(np.ceil(2.6 * radius * growth ** (1 / 3) / step)) + 3
    first = np.maximum(centre - reach, 0)
    last = np.minimum(centre + reach + 1, anatomy.brain.shape)
    i, j, k = (slice(int(a), int(b)) for a, b in zip(first, last, strict=True))
    offset = (np.indices(tuple((last - first).tolist())) - (centre - first).reshape(3, 1, 1, 1)) * step

    # In mm of distance: grey matter takes 4 mm more to enter; fluid and everything outside the brain is closed.
    resistance = 4.0 * (1 - anatomy.white[i, j, k])
    resistance[(anatomy.fluid[i, j, k] > 0.3) | ~anatomy.brain[i, j, k]] = np.inf
    distance = _uneven_distance(rng, offset, radius, step) + resistance
    threshold = _threshold(distance, volume / step**3)
    if not np.isfinite(threshold):
        return None
    mask = _largest_part(distance <= threshold)
    edge = rng.uniform(1.0, 2.2)
    extent = _soft(distance, threshold, edge, mask)
    larger, larger_extent = mask, extent
    if resized:
        surface = np.argwhere(mask ^ ndimage.binary_erosion(mask))
        towards = (surface[rng.integers(len(surface))] - (centre - first)) * 0.6 * step
        lobe = np.sqrt(((offset - towards.reshape(3, 1, 1, 1)) ** 2).sum(axis=0)) + resistance
        limit = _threshold(np.where(mask, np.inf, lobe), mask.sum() * (growth - 1))
        if not np.isfinite(limit):
            return None
        larger = _largest_part(mask | (lobe <= limit))
        larger_extent = np.maximum(extent, _soft(lobe, limit, edge, larger))
        if larger.sum() < 1.4 * mask.sum():
            return None
    extents = np.stack([extent, larger_extent]).astype(np.float32)
    return Shape((i.start, j.start, k.start), extents, np.stack([mask, larger]))


def _uneven_distance(rng: np.random.Generator, offset: Array, radius: float, step: float) -> Array:
    """Distance (mm) to the nearest of a few centres, stretched along random axes and roughened by noise."""
    distance = np.full(offset.shape[1:], np.inf)
    frame = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    stretch = np.exp(rng.normal(0, 0.22, 3))
    for blob in range(int(rng.integers(1, 4))):
        shift = np.zeros(3) if blob == 0 else rng.normal(0, 0.6 * radius, 3)
        shifted = offset - shift.reshape(3, 1, 1, 1)
        along = [stretch[a] * sum(frame[a, b] * shifted[b] for b in range(3)) for a in range(3)]
        distance = np.minimum(distance, np.sqrt(along[0] ** 2 + along[1] ** 2 + along[2] ** 2))
    rough = smooth_noise(rng, distance.shape, step, max(1.5, 0.5 * radius))
    return np.asarray(distance + 0.22 * radius * rough)


def _threshold(field: Array, voxels: float) -> float:
    """The value that about ``voxels`` voxels (at least one) do not exceed; infinite if the box has too few."""
    count = max(1, round(voxels))
    return float(np.partition(field.ravel(), count - 1)[count - 1]) if count <= field.size else float("inf")


def _largest_part(mask: Array) -> Array:
    labels, n = ndimage.label(mask)
    if n < 2:
        return mask
    return np.asarray(labels == np.bincount(labels.ravel())[1:].argmax() + 1)


def _soft(field: Array, threshold: float, edge: float, mask: Array) -> Field:
    """0 to 1 across ``edge`` mm about the surface, near ``mask`` only."""
    soft = np.clip(0.5 + (threshold - field) / edge, 0, 1)
    return np.asarray(soft * ndimage.binary_dilation(mask), dtype=np.float32)
