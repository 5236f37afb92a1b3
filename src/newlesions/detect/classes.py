"""The signed classes: new and enlarging among what rose, gone and shrinking among what fell."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from newlesions.detect.settings import SubtractionSettings
from newlesions.detect.subtraction import Image, Rise, probability
from newlesions.images.morphology import Mask, dilate

NEW, ENLARGING, GONE, SHRINKING = 1, 2, 3, 4
EXCHANGED = np.array([0, GONE, SHRINKING, NEW, ENLARGING], dtype=np.uint8)
"""What each class, 0 to 4, is when the visits are exchanged."""
KINDS = {NEW: "new", ENLARGING: "enlarging", GONE: "gone", SHRINKING: "shrinking"}
COLOURS = {"new": "#D55E00", "enlarging": "#E69F00", "gone": "#0072B2", "shrinking": "#56B4E9"}
"""What viewers show each kind in."""

_SMOOTH_MM, _NEAR_MM, _AROUND_MM = 0.5, 2.0, 6.0


def lesion_like(image: Image, brain: Mask, sd: float) -> Mask:
    """Voxels as bright as a lesion: above the brain's median + ``sd`` robust standard deviations."""
    inside = image[brain]
    centre = float(np.median(inside))
    spread = 1.4826 * float(np.median(np.abs(inside - centre)))
    return np.asarray((image > centre + sd * spread) & brain)


def grows_from(
    clusters: NDArray[np.int32], earlier: Image, later: Image, brain: Mask, spacing: float, share: float | None
) -> NDArray[np.bool_]:
    """Which clusters grow from a lesion of the earlier image.

    They do where that image shows a part of their contrast already: a tenth of the voxels within 2 mm of the cluster
    exceed the tissue around (the earlier image's median from 2 to 6 mm off) by ``share`` of what the later image's
    cluster does (its brightest quarter), and are brighter than a tenth of that tissue, which may be cortex. Both images
    are smoothed a little (0.5 mm): noise must not decide.

    Parameters
    ----------
    clusters
        Labels from 1, (I, J, K).
    earlier, later
        Comparable images, (I, J, K).
    brain
        Where the tissue around is looked for, (I, J, K).
    spacing
        The edge of a voxel, mm.
    share
        Of the contrast; None: no cluster grows.

    Returns
    -------
    ndarray
        bool, shape (n + 1,); the first entry stands for the background.
    """
    result = np.zeros(int(clusters.max()) + 1, dtype=bool)
    if share is None:
        return result
    margin = int(np.ceil(_AROUND_MM / spacing)) + 2  # and what the smoothing reaches
    for label, box in enumerate(ndimage.find_objects(clusters), start=1):
        if box is None:
            continue
        wide = tuple(slice(max(side.start - margin, 0), side.stop + margin) for side in box)
        own = clusters[wide] == label
        before, after = (ndimage.gaussian_filter(image[wide], _SMOOTH_MM / spacing) for image in (earlier, later))
        near = dilate(own, _NEAR_MM, spacing)
        around = dilate(own, _AROUND_MM, spacing) & ~near & brain[wide]
        if not around.any():
            continue
        tissue, bright = np.percentile(before[around], (50, 90))
        contrast = np.percentile(after[own], 75) - tissue
        there = np.percentile(before[near], 90)
        result[label] = contrast > 0 and there > bright and there - tissue >= share * contrast
    return result


def tell_kinds(
    rose: NDArray[np.int32],
    fell: NDArray[np.int32],
    images: tuple[Image, Image],
    brain: Mask,
    spacing: float,
    share: float | None,
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """The classes of what rose and of what fell.

    Parameters
    ----------
    rose, fell
        Clusters, labels from 1, (I, J, K).
    images
        Baseline and follow-up, comparable, (I, J, K).
    brain, spacing, share
        As in `grows_from`.

    Returns
    -------
    tuple
        The map of classes (uint8: 0 none, 1 new, 2 enlarging, 3 gone, 4 shrinking), (I, J, K), and the class of each
        cluster that rose and of each that fell, with 0 for the background, (n + 1,).
    """
    baseline, followup = images
    change = np.zeros(rose.shape, np.uint8)
    of_each = []
    for clusters, earlier, later, alone, grown in (
        (rose, baseline, followup, NEW, ENLARGING),
        (fell, followup, baseline, GONE, SHRINKING),
    ):
        codes = np.where(grows_from(clusters, earlier, later, brain, spacing, share), grown, alone).astype(np.uint8)
        codes[0] = 0
        change = np.where(clusters > 0, codes[clusters], change)
        of_each.append(codes)
    return change, of_each[0], of_each[1]


def classify(
    rise: Rise,
    fall: Rise,
    baseline: Image,
    followup: Image,
    brain: Mask,
    spacing: float,
    settings: SubtractionSettings,
) -> tuple[NDArray[np.uint8], Image]:
    """Join rise and fall.

    Returns
    -------
    tuple
        The classes (uint8: 0 none, 1 new, 2 enlarging, 3 gone, 4 shrinking), and the signed probability of change
        (float32 in [-1, 1]: positive where the follow-up is brighter, 0 where rise and fall are equally likely).
        Both of shape (I, J, K).
    """
    change, _, _ = tell_kinds(
        rise.clusters, fall.clusters, (baseline, followup), brain, spacing, settings.enlarging_share
    )
    up, down = probability(rise, settings), probability(fall, settings)
    # Where both are equal, neither sign is right: the exchange of the visits would not exchange them.
    return change, (np.maximum(up, down) * np.sign(up - down)).astype(np.float32)


def probability_of_new(change: NDArray[np.uint8], signed: Image) -> Image:
    """The probability of a new lesion: that of a rise, and none where an earlier lesion enlarges."""
    return np.where(change == ENLARGING, 0, np.maximum(signed, 0)).astype(np.float32)


def published_probability(probability: Image, change: NDArray[np.uint8]) -> Image:
    """The probability of a new lesion as it is published, to three digits: a threshold of 0.5 gives the mask.

    Thick slices blur a small lesion's probability below it, and specks that a clean-up took away would stand above it.

    Parameters
    ----------
    probability, change
        On one grid, (I, J, K); ``change`` holds the classes.
    """
    agreeing = np.where(change == NEW, np.maximum(probability, 0.5), np.minimum(probability, 0.499))
    return np.asarray(np.round(agreeing.astype(np.float32), 3))


def labels_text() -> str:
    """The table of the classes' codes, names and colours, as it lies beside their images."""
    rows = [f"{code}\t{kind}\t{COLOURS[kind]}" for code, kind in KINDS.items()]
    return "\n".join(["index\tname\tcolor", *rows]) + "\n"
