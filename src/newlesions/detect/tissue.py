"""What tissue a change lies in: from a segmentation of the pair, or from MNI's tissue maps.

La Rosa et al. (MSSEG-2 proceedings p. 66) take tissue from SAMSEG. Without it, MNI's maps, brought by an affine, say
roughly as much, helped by what is dark (fluid) and bright (lesions) in the image.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from newlesions.detect.classes import lesion_like
from newlesions.detect.regions import Region, regions_on
from newlesions.detect.subtraction import Image
from newlesions.images.morphology import Mask
from newlesions.images.volume import Affine, Grid

OUTSIDE, WHITE, OTHER, LESION = 0, 1, 2, 3
"""The codes of a tissue map: outside the brain; white matter; fluid, grey matter and other structures; lesions."""

# FreeSurfer's labels: cerebral and cerebellar white matter of both sides, its hypointensities, the corpus callosum, and
# the brain stem, which is mostly white matter and has lesions.
_WHITE = (2, 41, 7, 46, 77, 16, 251, 252, 253, 254, 255)
_LESION = (99,)
_NONE = (0, 165, 258, 259)  # background, skull, head outside the brain

_IN_MNI = {Region.WHITE: WHITE, Region.INFRATENTORIAL: WHITE}
_FLUID = 0.5  # of the brain's median: darker is fluid in a FLAIR


class Tissue(NamedTuple):
    """Of one visit, each bool, (I, J, K): ``white`` matter, ``other`` tissue and fluid, and ``lesion``."""

    white: Mask
    other: Mask
    lesion: Mask


def of_codes(codes: NDArray[np.uint8]) -> Tissue:
    """From a map of this module's codes."""
    return Tissue(codes == WHITE, codes == OTHER, codes == LESION)


def codes_of_freesurfer(labels: NDArray[np.integer]) -> NDArray[np.uint8]:
    """From FreeSurfer's labels, as SAMSEG writes them, to this module's codes."""
    codes = np.full(labels.shape, OTHER, np.uint8)
    for code, some in ((OUTSIDE, _NONE), (WHITE, _WHITE), (LESION, _LESION)):
        codes[np.isin(labels, some)] = code
    return codes


def of_mni(image: Image, brain: Mask, grid: Grid, mni_from_grid: Affine, lesion_sd: float) -> Tissue:
    """From MNI's maps, and from the visit's own intensities where these say more.

    Parameters
    ----------
    image
        FLAIR on ``grid``, positive; voxels below half the brain's median are fluid, and white matter brighter than its
        median and ``lesion_sd`` robust standard deviations is lesion.
    brain
        Where its intensities are measured, (I, J, K).
    mni_from_grid
        4x4, from the RAS mm of ``grid``'s space to MNI mm.
    """
    regions = regions_on(grid, mni_from_grid)
    white = np.isin(regions, [region for region, code in _IN_MNI.items() if code == WHITE])
    fluid = brain & (image < _FLUID * float(np.median(image[brain])))
    lesion = lesion_like(image, brain, lesion_sd) & white
    return Tissue(white & ~fluid & ~lesion, (~white & ~lesion) | fluid, lesion)
