"""What a network makes of a voxel, as features beside the rich ones."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from newlesions.detect.features import rich
from newlesions.detect.features.pair import Image, PairData
from newlesions.errors import ConfigError
from newlesions.images.morphology import Mask

OWN = ("network_logit", "network_mean_1.5mm", "network_max_2mm")
NAMES = (*rich.NAMES, *OWN)
"""In the order of the columns: those of `rich`, then the network's logit, its mean and its maximum nearby."""

_SMOOTHING_MM = 1.5
_REACH_MM = 2.0
# Beyond these a network's probability tells nothing more, and its logit would only grow.
_LEAST = 1e-4


def network_features(pair: PairData, region: Mask) -> NDArray[np.float32]:
    """The features of the region's voxels in the order of memory, shape (n, len(NAMES)), float32.

    Raises
    ------
    ConfigError
        If the pair comes without a network's probabilities.
    """
    if pair.network is None:
        raise ConfigError("train.features: found no network's probabilities; expected a recipe with a network stage")
    chance = pair.network[0]
    near = pair.once(chance, "mean", partial(ndimage.gaussian_filter, chance, _SMOOTHING_MM / pair.spacing))
    reach = 2 * max(1, round(_REACH_MM / pair.spacing)) + 1
    highest = pair.once(chance, "max", partial(ndimage.maximum_filter, chance, reach))
    own = [logit(image[region]) for image in (chance, near, highest)]
    return np.column_stack([rich.rich_features(pair, region), *own])


def logit(chance: Image) -> Image:
    """The logit of a probability, cut where it says no more."""
    held = np.clip(chance, _LEAST, 1 - _LEAST)
    return np.asarray(np.log(held / (1 - held)), np.float32)
