"""The signed classes: new and enlarging among what rose, gone and shrinking among what fell."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from newlesions.detect.settings import SubtractionSettings
from newlesions.detect.subtraction import Image, Rise, probability
from newlesions.images.morphology import Mask

NEW, ENLARGING, GONE, SHRINKING = 1, 2, 3, 4
EXCHANGED = np.array([0, GONE, SHRINKING, NEW, ENLARGING], dtype=np.uint8)
"""What each class, 0 to 4, is when the visits are exchanged."""
KINDS = {NEW: "new", ENLARGING: "enlarging", GONE: "gone", SHRINKING: "shrinking"}
COLOURS = {"new": "#D55E00", "enlarging": "#E69F00", "gone": "#0072B2", "shrinking": "#56B4E9"}
"""What viewers show each kind in."""


def lesion_like(image: Image, brain: Mask, sd: float) -> Mask:
    """Voxels as bright as a lesion: above the brain's median + ``sd`` robust standard deviations."""
    inside = image[brain]
    centre = float(np.median(inside))
    spread = 1.4826 * float(np.median(np.abs(inside - centre)))
    return np.asarray((image > centre + sd * spread) & brain)


def grows_from(clusters: NDArray[np.int32], lesions: Mask, contact: float) -> NDArray[np.bool_]:
    """Which clusters lie against an earlier lesion.

    Parameters
    ----------
    clusters
        Labels from 1, (I, J, K).
    lesions
        The earlier image's lesions, (I, J, K).
    contact
        Share of the voxels around a cluster (within one voxel, faces) that must be lesion.

    Returns
    -------
    ndarray
        bool, shape (n + 1,); the first entry stands for the background.
    """
    count = int(clusters.max())
    result = np.zeros(count + 1, dtype=bool)
    for label, box in enumerate(ndimage.find_objects(clusters), start=1):
        if box is None:
            continue
        wide = tuple(slice(max(side.start - 1, 0), side.stop + 1) for side in box)
        own = clusters[wide] == label
        shell = ndimage.binary_dilation(own) & ~own
        result[label] = shell.any() and bool(lesions[wide][shell].mean() >= contact)
    return result


def classify(
    rise: Rise, fall: Rise, baseline: Image, followup: Image, brain: Mask, settings: SubtractionSettings
) -> tuple[NDArray[np.uint8], Image]:
    """Join rise and fall.

    Returns
    -------
    tuple
        The classes (uint8: 0 none, 1 new, 2 enlarging, 3 gone, 4 shrinking), and the signed probability of change
        (float32 in [-1, 1]: positive where the follow-up is brighter, 0 where rise and fall are equally likely).
        Both of shape (I, J, K).
    """
    change = np.zeros(baseline.shape, dtype=np.uint8)
    for direction, earlier, alone, grown in ((rise, baseline, NEW, ENLARGING), (fall, followup, GONE, SHRINKING)):
        lesions = lesion_like(earlier, brain, settings.lesion_sd)
        touching = grows_from(direction.clusters, lesions, settings.enlarging_contact)
        codes = np.where(touching, grown, alone).astype(np.uint8)
        codes[0] = 0
        change = np.where(direction.clusters > 0, codes[direction.clusters], change)
    up, down = probability(rise, settings), probability(fall, settings)
    # Where both are equal, neither sign is right: the exchange of the visits would not exchange them.
    return change, (np.maximum(up, down) * np.sign(up - down)).astype(np.float32)


def probability_of_new(change: NDArray[np.uint8], signed: Image) -> Image:
    """The probability of a new lesion: that of a rise, and none where an earlier lesion enlarges."""
    return np.where(change == ENLARGING, 0, np.maximum(signed, 0)).astype(np.float32)
