"""The features of a region's voxels, by the name of the set."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from newlesions.detect.features import neighbours, network, rich
from newlesions.detect.features.pair import PairData
from newlesions.errors import ConfigError
from newlesions.images.morphology import Mask

NAMES = {"neighbours": neighbours.NAMES, "rich": rich.NAMES, "network": network.NAMES}
"""Names of the columns, by set."""

_MAKERS = {
    "neighbours": neighbours.neighbour_features,
    "rich": rich.rich_features,
    "network": network.network_features,
}


def features_of(pair: PairData, region: Mask, kind: str) -> NDArray[np.float32]:
    """The features of the region's voxels in the order of memory, shape (n, len(NAMES[kind])).

    Raises
    ------
    ConfigError
        If ``kind`` is none of `NAMES`.
    """
    if kind not in NAMES:
        raise ConfigError(f"train.features: found {kind!r}; expected {' or '.join(NAMES)}")
    if not region.any():
        return np.zeros((0, len(NAMES[kind])), np.float32)
    return _MAKERS[kind](pair, region)
