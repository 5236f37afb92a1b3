"""Insertion of lesions into a scan: rendered finely, seen by the scan's own voxels, laid over the tissue as a map."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from newlesions.images.resample import FWHM, resample
from newlesions.images.volume import Affine, Array, Volume
from newlesions.learn.synthesis.host import white_level
from newlesions.learn.synthesis.lesions import Lesion, box_on, sub_grid
from newlesions.simulate.acquisition import observe
from newlesions.simulate.fields import Field, smooth_noise

_BLUR_MM = 0.8  # FWHM in plane that a scanner adds to its voxel
_TISSUE_MM = 0.8  # SD: finer texture and noise stay, coarser tissue takes the lesion's intensity
_UNEVEN = 0.08  # SD of the intensity inside a lesion, relative to its contrast
_UNEVEN_MM = 1.5
_MOST = 2.2  # no tissue becomes more than this many times brighter: half fluid stays half fluid


def insert(
    image: Volume, lesions: Sequence[Lesion], visit: int, white: Array, world_from_host: Affine | None = None
) -> Volume:
    """The scan with its lesions as they are at ``visit``.

    Inside a lesion the intensity is that of the white matter around times one plus the contrast; the map multiplies
    the scan, so that its texture and noise stay. Voxels beyond a lesion's reach keep their value.

    Parameters
    ----------
    image
        The scan, float32, any grid.
    visit
        0 or 1: which of the lesions' states.
    white
        Normal white matter, bool, on the image's grid.
    world_from_host
        4x4, from the RAS mm of the host, in which the lesions were placed, to the image's; identity when absent.
    """
    pose = np.eye(4) if world_from_host is None else world_from_host
    output = image.data.astype(np.float32, copy=True)
    shown = [lesion for lesion in lesions if lesion.states[visit]]
    if not shown:
        return image.with_data(output)
    level = white_level(image, np.asarray(white, dtype=bool))
    for lesion in shown:
        extent = lesion.extent(visit)
        box = box_on(extent.grid, image.grid, pose)
        grid = sub_grid(image.grid, box)
        if min(grid.shape) <= 0:
            continue
        share = seen(extent, image, box, pose)
        local = resample(level, grid, order=1, outside=float(np.median(level.data)), antialias=False).data
        target = local * (1 + lesion.contrasts[visit] * (1 + _unevenness(lesion, grid.shape, grid.spacing)))
        output[box] *= 1 + share * (_gain(image.data, box, image.spacing, target) - 1)
    return image.with_data(output)


def seen(extent: Volume, image: Volume, box: tuple[slice, slice, slice], world_from_host: Affine) -> Field:
    """How much of a lesion each voxel of ``image`` in ``box`` sees, 0 to 1: slice profile and blur in plane."""
    grid = sub_grid(image.grid, box)
    sigma = _BLUR_MM / FWHM / extent.spacing[0]
    width = int(np.ceil(4 * sigma)) + 1
    padded = np.pad(extent.data, width)
    affine = extent.affine.copy()
    affine[:3, 3] -= affine[:3, :3] @ np.full(3, float(width))
    return np.clip(observe(Volume(ndimage.gaussian_filter(padded, sigma), affine), grid, world_from_host), 0, 1)


def _gain(data: Array, box: tuple[slice, slice, slice], spacing: Array, target: Field) -> Field:
    """What tissue is multiplied with to reach ``target``; 1 where it is brighter already."""
    width = np.ceil(3 * _TISSUE_MM / spacing).astype(int)
    wide = tuple(
        slice(max(side.start - n, 0), min(side.stop + n, length))
        for side, n, length in zip(box, width, data.shape, strict=True)
    )
    inner = tuple(
        slice(side.start - outer.start, side.stop - outer.start) for side, outer in zip(box, wide, strict=True)
    )
    tissue = ndimage.gaussian_filter(data[wide].astype(np.float32), _TISSUE_MM / spacing)[inner]
    return np.asarray(np.clip(target / np.maximum(tissue, 1e-3 * target), 1, _MOST), dtype=np.float32)


def _unevenness(lesion: Lesion, shape: tuple[int, int, int], spacing: Array) -> Field:
    rng = np.random.default_rng(lesion.seed)
    return np.clip(_UNEVEN * smooth_noise(rng, shape, spacing, _UNEVEN_MM), -0.25, 0.25)
