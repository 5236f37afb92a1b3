"""Where in the brain a lesion lies, and the anatomical masks of the subtraction, from one map of MNI152 regions.

The map is the work of `scripts/make_regions.py`. Names follow the places that the diagnosis of multiple sclerosis
counts (McDonald criteria 2017, Thompson et al., Lancet Neurol 17:162).
"""

from __future__ import annotations

from enum import IntEnum
from functools import cache
from importlib.resources import as_file, files

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from newlesions.images.io import read_volume
from newlesions.images.morphology import Mask, bounding_box, dilate, erode
from newlesions.images.resample import resample
from newlesions.images.volume import Affine, Array, Grid, Volume

PERIVENTRICULAR, JUXTACORTICAL, INFRATENTORIAL = "periventricular", "juxtacortical", "infratentorial"
DEEP_WHITE, OUTSIDE = "deep white", "outside"
NAMES = (PERIVENTRICULAR, JUXTACORTICAL, INFRATENTORIAL, DEEP_WHITE, OUTSIDE)

# Distances in mm: a lesion this near a ventricle or the cortex belongs to it; this far from the brain is no lesion.
_NEAR = 3.0
_FAR = 3.0
# A subject's ventricles start within the first and end within the second distance (mm) of MNI's after an affine
# registration, wide horns included, and are darker than this multiple of the brain's median.
_VENTRICLE_SHIFT, _VENTRICLE_REACH = 4.0, 15.0
_FLUID = 0.5
# An affine places the cortex to within a gyrus at best: one voxel near it proves little, this share of a lesion does.
_CORTICAL_SHARE = 0.5


class Region(IntEnum):
    """Codes of the map; 0 lies outside the brain. ``VENTRICLE`` is the lateral and third ones."""

    VENTRICLE = 1
    FOURTH_VENTRICLE = 2
    INFRATENTORIAL = 3
    CORTEX = 4
    WHITE = 5
    DEEP_GREY = 6
    OUTER_FLUID = 7
    POSTERIOR_FLUID = 8


_BELOW_TENTORIUM = (Region.FOURTH_VENTRICLE, Region.INFRATENTORIAL, Region.POSTERIOR_FLUID)
_FLUID_OUTSIDE = (Region.OUTER_FLUID, Region.POSTERIOR_FLUID, Region.FOURTH_VENTRICLE)


@cache
def load_regions() -> Volume:
    """The map of regions, uint8 codes of `Region`, 1 mm, MNI152NLin2009aSym, cropped to the brain; read-only."""
    with as_file(files("newlesions") / "data" / "mni_regions.nii.gz") as path:
        volume = read_volume(path, np.uint8)
    volume.data.setflags(write=False)
    return volume


def ventricle_mask(erosions: int) -> Volume:
    """MNI's lateral, third and fourth ventricles, bool, eroded ``erosions`` times (1 mm, 6 neighbours)."""
    regions = load_regions()
    return _eroded(regions, np.isin(regions.data, (Region.VENTRICLE, Region.FOURTH_VENTRICLE)), erosions)


def brain_mask(erosions: int) -> Volume:
    """MNI's brain, bool: tissue closed over the sulci by 5 mm, eroded ``erosions`` times (1 mm, 6 neighbours)."""
    regions = load_regions()
    return _eroded(regions, regions.data > 0, erosions)


def regions_on(grid: Grid, mni_from_space: Affine) -> NDArray[np.uint8]:
    """The map on ``grid``, nearest neighbour, shape ``grid.shape``.

    Parameters
    ----------
    grid
        Where the result lies.
    mni_from_space
        4x4, from the RAS mm of ``grid``'s space to MNI mm.
    """
    return resample(load_regions(), grid, mni_from_space, order=0).data.astype(np.uint8, copy=False)


def name_regions(
    labels: NDArray[np.integer], grid: Grid, mni_from_space: Affine, followup_image: Array, brain: Mask
) -> list[str]:
    """The region of each lesion, one of `NAMES`.

    In this order: ``outside`` when the centroid lies more than 3 mm from ``brain``; ``infratentorial`` when most of the
    lesion does; ``periventricular`` when it comes within 3 mm of the subject's own lateral or third ventricles;
    ``juxtacortical`` when half of it lies in or within 3 mm of MNI's cortex; else ``deep white``.

    Parameters
    ----------
    labels
        Lesions 1 to n, shape ``grid.shape``; a number without voxels is named ``outside``.
    grid
        Of any spacing and orientation.
    mni_from_space
        4x4, from the RAS mm of ``grid``'s space to MNI mm.
    followup_image
        FLAIR on ``grid`` in which fluid is dark and zero is no signal (no z-scores).
    brain
        The brain on ``grid``.
    """
    regions = regions_on(grid, mni_from_space)
    spacing = grid.spacing
    ventricle = subject_ventricle(regions, followup_image, brain & (labels == 0), spacing)
    margin = np.ceil(_NEAR / spacing).astype(int)
    names = []
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is None:
            names.append(OUTSIDE)
            continue
        around = tuple(slice(max(side.start - n, 0), side.stop + n) for side, n in zip(box, margin, strict=True))
        lesion = labels[around] == label
        names.append(_name(lesion, regions[around], ventricle[around], brain[around], spacing))
    return names


def subject_ventricle(regions: NDArray[np.uint8], image: Array, brain: Mask, spacing: NDArray[np.float64]) -> Mask:
    """The subject's lateral and third ventricles: dark in ``image``, near MNI's, nearer than to other fluid of MNI.

    In multiple sclerosis ventricles are wider than in MNI's healthy average, so that MNI's own would leave a lesion at
    the ventricle's wall several millimetres away. MNI's are returned where the image shows none.

    Parameters
    ----------
    regions
        The map on the image's grid.
    image
        FLAIR in which fluid is dark and zero is no signal.
    brain
        The brain without its lesions, whose centres may be dark.
    spacing
        Voxel size in mm, shape (3,).
    """
    prior = regions == Region.VENTRICLE
    if not prior.any() or not brain.any():
        return prior
    box = bounding_box(prior, int(np.ceil(_VENTRICLE_REACH / spacing.min())))
    other = np.isin(regions[box], _FLUID_OUTSIDE)
    to_prior = ndimage.distance_transform_edt(~prior[box], sampling=spacing)
    to_other = ndimage.distance_transform_edt(~other, sampling=spacing) if other.any() else np.inf
    fluid = brain[box] & (image[box] < _FLUID * float(np.median(image[brain])))
    fluid &= (to_prior <= _VENTRICLE_REACH) & (to_prior < to_other)
    fluid = dilate(erode(fluid, 1.0, spacing), 1.0, spacing)
    parts = cc3d.connected_components(fluid, connectivity=18)
    fluid = np.isin(parts, np.unique(parts[fluid & (to_prior <= _VENTRICLE_SHIFT)])) & fluid
    if np.count_nonzero(fluid) < 0.1 * np.count_nonzero(prior):
        return prior
    found = np.zeros_like(prior)
    found[box] = fluid
    return found


def _name(lesion: Mask, regions: NDArray[np.uint8], ventricle: Mask, brain: Mask, spacing: NDArray[np.float64]) -> str:
    """The name of one lesion from its surroundings, all cropped to the same box."""
    if _distance_from_centroid(lesion, brain, spacing) > _FAR:
        return OUTSIDE
    codes = regions[lesion & (regions > 0)]
    if np.isin(codes, _BELOW_TENTORIUM).sum() * 2 > codes.size:
        return INFRATENTORIAL
    if (_surroundings(lesion, spacing) & ventricle).any():
        return PERIVENTRICULAR
    cortical = _surroundings(regions == Region.CORTEX, spacing)
    if np.count_nonzero(cortical & lesion) >= _CORTICAL_SHARE * np.count_nonzero(lesion):
        return JUXTACORTICAL
    return DEEP_WHITE


def _surroundings(mask: Mask, spacing: NDArray[np.float64]) -> Mask:
    """``mask``, what lies within 3 mm of it, and its neighbours in slices of more than that."""
    return dilate(mask, _NEAR, spacing) | ndimage.binary_dilation(mask)


def _distance_from_centroid(lesion: Mask, brain: Mask, spacing: NDArray[np.float64]) -> float:
    centroid = np.array([axis.mean() for axis in np.nonzero(lesion)])
    inside = np.argwhere(brain)
    if inside.size == 0:
        return np.inf
    return float(np.sqrt((((inside - centroid) * spacing) ** 2).sum(axis=1)).min())


def _eroded(regions: Volume, mask: Mask, erosions: int) -> Volume:
    eroded = ndimage.binary_erosion(mask, iterations=erosions) if erosions > 0 else mask
    return regions.with_data(eroded)
