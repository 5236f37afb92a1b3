"""From the probability of what is new and of what is gone to lesions and their classes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from newlesions.detect.classes import ENLARGING, NEW, tell_kinds
from newlesions.detect.settings import SubtractionSettings
from newlesions.images.morphology import Mask, label_lesions
from newlesions.networks.stages import Predict

Image = NDArray[np.float32]


class Decided(NamedTuple):
    """What is decided of a pair.

    ``change``: 0 none, 1 new, 2 enlarging, 3 gone, 4 shrinking, uint8, (I, J, K). ``signed``: the probability of
    change, positive where the follow-up is brighter, float32, (I, J, K), on the scale of `at_even_odds`: a voxel of a
    lesion has at least 0.5. ``proposed``: how many lesions of what rose there were before small ones were dropped.
    """

    change: NDArray[np.uint8]
    signed: Image
    proposed: int


def decide(
    rise: Image,
    fall: Image,
    images: tuple[Image, Image],
    brain: Mask,
    spacing: float,
    predict: Predict,
    settings: SubtractionSettings,
) -> Decided:
    """Tell lesions and their classes. With the visits exchanged the result has its classes and its sign exchanged.

    Where something both rose and fell, the more probable holds; where both are equal, nothing changed.

    Parameters
    ----------
    rise, fall
        The probability of a lesion that came, and of one that went, (I, J, K).
    images
        Baseline and follow-up, comparable, (I, J, K): what grows from a lesion of the earlier one is enlarging.
    brain
        The brain that both show, (I, J, K).
    spacing
        The edge of a voxel, mm.
    predict
        ``threshold``, from which a voxel is part of a lesion; ``min_volume_mm3``, which a lesion (26 neighbours)
        exceeds; ``min_voxels``, which it has at least; ``border``, whether it may touch the brain's outermost voxels.
    settings
        Of the candidates: ``enlarging_share``.
    """
    rose, fell = (rise >= predict.threshold) & (rise > fall), (fall >= predict.threshold) & (fall > rise)
    came, went = (_kept(mask & brain, brain, spacing, predict) for mask in (rose, fell))
    change, _, _ = tell_kinds(came, went, images, brain, spacing, settings.enlarging_share)
    up, down = (at_even_odds(one, predict.threshold) for one in (rise, fall))
    signed = np.maximum(up, down) * np.sign(up - down)
    # The scale's rounding does not take a voxel of a lesion below one half.
    inside = np.where(np.isin(change, (NEW, ENLARGING)), 1, -1) * np.maximum(np.abs(signed), 0.5)
    signed = np.where(change > 0, inside, signed)
    return Decided(change, signed.astype(np.float32), int(label_lesions(rose & brain).max()))


def at_even_odds(probability: Image, threshold: float) -> Image:
    """A probability whose odds are divided by those of ``threshold``: that becomes 0.5, and 0 and 1 stay.

    What is published has one scale for all recipes: 0.5 and above is lesion, whatever a network's own threshold is.
    """
    one = np.asarray(probability, np.float64) * (1 - threshold)
    other = (1 - np.asarray(probability, np.float64)) * threshold
    return np.asarray(one / (one + other), np.float32)


def _kept(mask: Mask, brain: Mask, spacing: float, predict: Predict) -> NDArray[np.int32]:
    """The lesions of ``mask`` that are large enough, and lie where they may, numbered from 1."""
    labels = label_lesions(mask)
    counts = np.bincount(labels.ravel())
    stays = (counts * spacing**3 > predict.min_volume_mm3) & (counts >= predict.min_voxels)
    if predict.border == "dropped":
        border = brain & ~ndimage.binary_erosion(brain)
        stays[np.unique(labels[border])] = False
    stays[0] = False
    return np.asarray(np.where(stays, np.cumsum(stays), 0)[labels], np.int32)
