"""Removal of lesions: the gap is filled from the normal white matter around, with the noise of that tissue."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from newlesions.images.morphology import Mask, label_lesions
from newlesions.images.volume import Array, Volume
from newlesions.simulate.fields import Field, ramp

_RING_MM = 2.0  # how far around the mask what is left of the lesion is taken off
_AROUND_MM = 16.0  # how far away the tissue that fills the gap may be
_WIDTHS_MM = (12.0, 6.0, 3.0)  # SD of the Gaussians of the filling, widest first
_TEXTURE_MM = 1.2  # SD: what is finer is texture
_EXCESS = (0.03, 0.10)  # relative to white matter: between these a voxel of the ring begins to count as lesion
_PATCHES, _SHIFTS = 4, 30  # patches of texture, and trials for each to cover most of what is left


def remove(image: Volume, lesions: Mask, normal: Mask, rng: np.random.Generator) -> Volume:
    """The scan without ``lesions``.

    Inside, and in what stays bright up to 2 mm (at least one voxel) around, the intensity becomes a normalised
    convolution of the normal tissue nearby; the fine residual of a patch of that tissue is laid over it. Voxels farther
    away keep their value.

    Parameters
    ----------
    image
        The scan, float32, any grid.
    lesions
        What to remove, bool (I, J, K).
    normal
        Normal-appearing white matter, bool (I, J, K). A lesion without any within 16 mm is left as it is.
    """
    output = image.data.astype(np.float32, copy=True)
    spacing = image.spacing
    margin = np.ceil(_AROUND_MM / spacing).astype(int)
    source = normal & ~ndimage.binary_dilation(lesions)
    labels = label_lesions(lesions)
    for label, found in enumerate(ndimage.find_objects(labels), start=1):
        box = tuple(
            slice(max(side.start - n, 0), min(side.stop + n, length))
            for side, n, length in zip(found, margin, image.data.shape, strict=True)
        )
        tissue = source[box]
        if tissue.sum() < 20:
            continue
        patch = output[box]
        filling = _filling(patch, tissue, spacing)
        weight = _weight(patch, labels[box] == label, filling, spacing)
        texture = _texture(patch, tissue, weight > 0, spacing, rng)
        output[box] = np.where(weight > 0, patch + weight * (np.maximum(filling + texture, 0) - patch), patch)
    return image.with_data(output)


def _filling(data: Array, tissue: Mask, spacing: Array) -> Field:
    """Gaussian mean over ``tissue``, narrow where there is tissue near and wider elsewhere."""
    filling = np.full(data.shape, float(np.median(data[tissue])), dtype=np.float32)
    values, weights = np.where(tissue, data, 0).astype(np.float32), tissue.astype(np.float32)
    for width in _WIDTHS_MM:
        mass = ndimage.gaussian_filter(weights, width / spacing)
        local = ndimage.gaussian_filter(values, width / spacing) / np.maximum(mass, 1e-6)
        trust = ramp(mass, 0.01, 0.1)
        filling = filling * (1 - trust) + trust * local
    return np.asarray(filling, dtype=np.float32)


def _weight(data: Array, lesion: Mask, filling: Field, spacing: Array) -> Field:
    """1 in the lesion; around it, less with distance, where the image is still brighter than the filling."""
    distance = ndimage.distance_transform_edt(~lesion, sampling=spacing)
    near = 1 - ramp(distance, 0.3 * _RING_MM, _RING_MM)
    neighbours = ndimage.binary_dilation(lesion, iterations=1)
    ring = np.maximum(near, np.where(neighbours, 0.8, 0))  # the next slice holds part of a lesion, however thick
    excess = ndimage.gaussian_filter(data - filling, 0.7 / spacing) / np.maximum(filling, 1e-6)
    return np.where(lesion, 1, ring * ramp(excess, *_EXCESS)).astype(np.float32)


def _texture(data: Array, tissue: Mask, where: Mask, spacing: Array, rng: np.random.Generator) -> Field:
    """The fine residual of nearby patches of ``tissue``, moved to ``where``: few patches, so that neighbours fit."""
    mass = ndimage.gaussian_filter(tissue.astype(np.float32), _TEXTURE_MM / spacing)
    smooth = ndimage.gaussian_filter(np.where(tissue, data, 0).astype(np.float32), _TEXTURE_MM / spacing)
    residual = np.where(tissue, data - smooth / np.maximum(mass, 1e-6), 0).astype(np.float32)
    output = np.zeros(data.shape, dtype=np.float32)
    at = np.argwhere(where)
    for _ in range(_PATCHES):
        best = np.zeros(len(at), dtype=bool)
        source = at
        for _ in range(_SHIFTS):
            moved = at + np.rint(rng.uniform(-_AROUND_MM, _AROUND_MM, 3) / spacing).astype(int)
            held = ((moved >= 0) & (moved < data.shape)).all(axis=1)
            held[held] = tissue[tuple(moved[held].T)]
            if held.sum() > best.sum():
                best, source = held, moved
        output[tuple(at[best].T)] = residual[tuple(source[best].T)]
        at = at[~best]
        if len(at) == 0:
            break
    return output
