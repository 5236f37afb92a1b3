"""Where a classifier looks for new lesions."""

from __future__ import annotations

from functools import partial

import numpy as np
from scipy import ndimage

from newlesions.detect.candidates import anatomical_inclusion
from newlesions.detect.features.pair import PairData
from newlesions.errors import ConfigError
from newlesions.images.morphology import Mask

BRAIN, RISING = "brain", "rising"

_SMOOTHING_MM = 0.75
# A new lesion is about as bright as the brain's median or brighter, and brighter than it was: below these (shares of
# the median, SD of the difference) hardly a voxel of a reference lies that any method could find.
_DARKEST = -0.05
_LEAST_RISE_SD = 1.0
_LEAST_RISE = 0.05


def region_of(pair: PairData, kind: str) -> Mask:
    """The voxels looked at, bool, (I, J, K).

    Parameters
    ----------
    pair
        Its visits.
    kind
        ``brain``: all of it, as Prados and Kanber. ``rising``: where anatomy allows a lesion and the follow-up is
        brighter than the baseline, a few per cent of the brain.
    """
    if kind == BRAIN:
        return pair.brain
    if kind != RISING:
        raise ConfigError(f"train.region: found {kind!r}; expected {RISING} or {BRAIN}")
    included = anatomical_inclusion(pair.brain, pair.grid, pair.mni_from_working, pair.settings)
    sigma = _SMOOTHING_MM / pair.spacing
    before, after = (
        pair.once(image, "region", partial(ndimage.gaussian_filter, image, sigma))
        for image in (pair.before, pair.after)
    )
    level = brain_level(pair)
    rise = (after - before) / level
    spread = float(rise[pair.brain].std())
    return included & (after > (1 + _DARKEST) * level) & (rise > max(_LEAST_RISE_SD * spread, _LEAST_RISE))


def brain_level(pair: PairData) -> float:
    """The brain's median intensity over both visits."""
    return float(np.median(pair.before[pair.brain]) + np.median(pair.after[pair.brain])) / 2
