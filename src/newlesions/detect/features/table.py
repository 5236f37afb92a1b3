"""The features of a region's voxels, by the name of the set."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from newlesions.detect.features import neighbours, rich
from newlesions.detect.features.pair import PairData
from newlesions.errors import ConfigError
from newlesions.images.morphology import Mask

NAMES = {"neighbours": neighbours.NAMES, "rich": rich.NAMES}
"""Names of the columns, by set."""


def features_of(pair: PairData, region: Mask, kind: str) -> NDArray[np.float32]:
    """The features of the region's voxels in the order of memory, shape (n, len(NAMES[kind])).

    Raises
    ------
    ConfigError
        If ``kind`` is none of `NAMES`.
    """
    if kind not in NAMES:
        raise ConfigError(f"train.features: found {kind!r}; expected {' or '.join(NAMES)}")
    make = rich.rich_features if kind == "rich" else neighbours.neighbour_features
    if not region.any():
        return np.zeros((0, len(NAMES[kind])), np.float32)
    return make(pair, region)
