"""The features of Prados and Kanber: three images at a voxel and its six neighbours (proceedings p. 2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from newlesions.detect.classes import ENLARGING, NEW
from newlesions.detect.features.pair import PairData
from newlesions.images.morphology import Mask

_PLACES = {
    "": (0, 0, 0),
    "_x-": (-1, 0, 0),
    "_x+": (1, 0, 0),
    "_y-": (0, -1, 0),
    "_y+": (0, 1, 0),
    "_z-": (0, 0, -1),
    "_z+": (0, 0, 1),
}
_IMAGES = ("baseline", "followup", "candidate")

NAMES = tuple(f"{image}{place}" for image in _IMAGES for place in _PLACES)
"""21 features."""


def neighbour_features(pair: PairData, region: Mask) -> NDArray[np.float32]:
    """The features of the region's voxels in the order of memory, shape (n, 21).

    Both visits have zero mean and unit SD over the brain; the third image is the first stage's mask of all that
    rose, 0 or 1: the paper tells no enlarging lesions apart.
    """
    images = [
        _standardised(pair.before, pair.brain),
        _standardised(pair.after, pair.brain),
        np.isin(pair.change, (NEW, ENLARGING)).astype(np.float32),
    ]
    index = np.nonzero(region)
    columns = [_at(np.pad(image, 1), index, shift) for image in images for shift in _PLACES.values()]
    return np.stack(columns, axis=1)


def _standardised(image: NDArray[np.float32], brain: Mask) -> NDArray[np.float32]:
    inside = image[brain]
    return ((image - inside.mean()) / inside.std()).astype(np.float32)


def _at(
    padded: NDArray[np.float32], index: tuple[NDArray[np.intp], ...], shift: tuple[int, int, int]
) -> NDArray[np.float32]:
    i, j, k = (along + 1 + step for along, step in zip(index, shift, strict=True))
    return np.asarray(padded[i, j, k])
