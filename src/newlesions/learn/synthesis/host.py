"""A real scan as the host of lesions: where its normal white matter is, what is already bright, where there is room."""

from __future__ import annotations

from dataclasses import dataclass

import cc3d
import numpy as np
from scipy import ndimage

from newlesions.errors import InputError
from newlesions.images.grid import isotropic_grid
from newlesions.images.morphology import Mask, bounding_box, dilate, signed_distance
from newlesions.images.resample import resample
from newlesions.images.volume import Affine, Array, Volume, apply_affine
from newlesions.preprocess.template import load_template
from newlesions.simulate.fields import Field, ramp

# Relative to the median of white matter: fluid and its partial volume.
_FLUID, _TISSUE = 0.6, 0.8
# Robust SD of white matter that normal white matter lies within, and that bright tissue exceeds.
_NORMAL_SD, _BRIGHT_SD = 2.0, 2.5
_RIM_MM = 3.0  # below the brain's surface no lesion voxel lies
_BRIGHT_GAP_MM = 1.5  # a lesion's centre keeps this distance from bright tissue
_SMOOTH_MM = 0.8  # SD of the smoothing before tissue is told by its intensity
_FLOOR = 0.02  # of the greatest lesion frequency: white matter where the patients had none
_LEVEL_GRID_MM, _LEVEL_SD_MM = 3.0, 8.0
_SMALLEST_WHITE = 1000.0  # mm3
_PRIOR_MM = 2.0  # grid of the atlas: brain extraction has loaded it on this one already


@dataclass(frozen=True)
class Host:
    """A scan prepared for insertion and removal; every map lies on the scan's own grid, shape (I, J, K).

    Attributes
    ----------
    image
        The scan as it is, float32.
    brain
        bool.
    mni_from_scan
        4x4, RAS mm.
    white
        Normal-appearing white matter, bool.
    bright
        Existing lesions and other bright tissue, bool.
    lesions
        The lesions that an expert has marked, bool; empty where nobody has.
    room
        0 (fluid, outside the brain, bright tissue) to 1: where lesion tissue may lie.
    likelihood
        Relative probability density of a lesion's centre, 0 and above.
    prior
        Fraction of white matter that the atlas (or ``white_prior``) expects; 0 beyond the brain.
    """

    image: Volume
    brain: Volume
    mni_from_scan: Affine
    white: Mask
    bright: Mask
    lesions: Mask
    room: Field
    likelihood: Field
    prior: Field


def prepare(
    image: Volume,
    flat: Volume,
    brain: Volume,
    mni_from_scan: Affine,
    *,
    frequency: Volume | None = None,
    lesions: Mask | None = None,
    white_prior: Field | None = None,
) -> Host:
    """Find out where lesions can be put.

    Parameters
    ----------
    image
        The scan, float32, any grid.
    flat
        The same, bias-corrected, same grid.
    brain
        bool, same grid.
    mni_from_scan
        4x4, from the scan's RAS mm to MNI's.
    frequency
        How often lesions lie where, in MNI space; white matter alone decides when absent.
    lesions
        Lesions known in the scan, bool (I, J, K).
    white_prior
        Fraction of white matter, (I, J, K), in [0, 1]; MNI's, carried by the affine, when absent.

    Raises
    ------
    InputError
        If there is less than 1 ml of white matter that can be told from its surroundings.
    """
    shape = image.data.shape
    known = np.zeros(shape, dtype=bool) if lesions is None else np.asarray(lesions, dtype=bool)
    box = bounding_box(brain.data, margin=3)
    affine = image.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ np.array([side.start for side in box], dtype=float)
    part = Volume(flat.data[box].astype(np.float32), affine)
    if white_prior is None:
        prior = resample(load_template(_PRIOR_MM).white, part.grid, mni_from_scan, order=1).data
    else:
        prior = white_prior[box]
    white, bright, room = _tissue(part, brain.data[box], prior, known[box])
    weight: Field = np.ones_like(room)
    if frequency is not None:
        weight = (resample(frequency, part.grid, mni_from_scan, order=1).data + _FLOOR).astype(np.float32)
    likelihood = np.where(white & (room > 0.99), weight * prior, 0).astype(np.float32)
    whole = [_placed(values, shape, box) for values in (white, bright, room, likelihood, prior)]
    return Host(image, brain, mni_from_scan, whole[0], whole[1], known, *whole[2:])


def _tissue(flat: Volume, brain: Mask, prior: Field, known: Mask) -> tuple[Mask, Mask, Field]:
    """Normal-appearing white matter, bright tissue, and the room for lesions."""
    spacing = flat.spacing
    inside = signed_distance(brain, spacing)
    smooth = ndimage.gaussian_filter(flat.data, _SMOOTH_MM / spacing)
    core = (prior > 0.8) & (inside > _RIM_MM) & ~known
    if core.sum() * flat.voxel_volume < _SMALLEST_WHITE:
        raise InputError("image", "hardly any white matter", "a FLAIR of a head, its brain mask and its affine to MNI")
    middle = float(np.median(smooth[core]))
    spread = 1.4826 * float(np.median(np.abs(smooth[core] - middle)))
    bright = _without_specks(brain & (smooth > middle + _BRIGHT_SD * spread)) | known
    normal = (np.abs(smooth - middle) < _NORMAL_SD * spread) & (prior > 0.5) & (inside > _RIM_MM)
    white = normal & ~dilate(bright, _BRIGHT_GAP_MM, spacing)
    room = ramp(smooth / middle, _FLUID, _TISSUE) * ramp(inside, _RIM_MM - 1, _RIM_MM)
    room[dilate(bright, 0.5, spacing)] = 0
    return white, bright, room


def _placed(values: Array, shape: tuple[int, ...], box: tuple[slice, slice, slice]) -> Array:
    whole = np.zeros(shape, dtype=values.dtype)
    whole[box] = values
    return whole


def white_level(image: Volume, white: Mask) -> Volume:
    """The local intensity of white matter, float32 on a coarse RAS grid (3 mm) over its surroundings.

    A Gaussian mean (SD 8 mm) over ``white`` (bool, the image's grid), wider where there is none near.
    """
    box = bounding_box(white)
    corners = np.array([[side.start, side.stop - 1] for side in box], dtype=float)
    ends = np.array(np.meshgrid(*corners, indexing="ij")).reshape(3, -1).T
    grid = isotropic_grid(apply_affine(image.affine, ends), _LEVEL_GRID_MM, margin=30.0)
    weight = resample(image.with_data(white.astype(np.float32)), grid, order=1).data
    value = resample(image.with_data(np.where(white, image.data, 0)), grid, order=1).data
    level = np.full(grid.shape, float(np.median(image.data[white])), dtype=np.float32)
    for width in (4 * _LEVEL_SD_MM, 2 * _LEVEL_SD_MM, _LEVEL_SD_MM):
        mass = ndimage.gaussian_filter(weight, width / _LEVEL_GRID_MM)
        local = ndimage.gaussian_filter(value, width / _LEVEL_GRID_MM)
        trust = ramp(mass, 0.0, 0.05)
        level = level * (1 - trust) + trust * local / np.maximum(mass, 1e-6)
    return Volume(level.astype(np.float32), grid.affine)


def _without_specks(mask: Mask) -> Mask:
    """``mask`` without parts of fewer than four voxels, which are noise."""
    return np.asarray(cc3d.dust(mask.astype(np.uint8), threshold=4, connectivity=18)) > 0
