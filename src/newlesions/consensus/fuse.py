"""One probability from the maps of several systems: their mean, majority, STAPLE, or a weighted mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from newlesions.errors import ConfigError
from newlesions.images.morphology import bounding_box

Image = NDArray[np.float32]
Weights = Sequence[float] | NDArray[np.float64]

WAYS = ("mean", "majority", "staple", "weights")
"""How maps are fused."""

LESION = 0.5
"""From which value a voxel of a map is lesion: every published map has this scale, whatever the system's own."""

_MARGIN = 5
"""Voxels around what any system marks that STAPLE sees: of a whole head nearly all is background, for everybody, and
its estimates of specificity would hang on nothing else."""


def fuse(maps: NDArray[Any], how: str, weights: Weights | None = None) -> Image:
    """The fused map; from `LESION` on a voxel is lesion.

    Parameters
    ----------
    maps
        Probabilities of one thing by several systems, or masks (0, 1), (S, I, J, K), S at least 2.
    how
        ``mean`` of the maps; ``majority``: a voxel is lesion where more than half of the systems say so (the largest
        value that more than half of them reach); ``staple``: the probability of the hidden mask behind the systems'
        masks (Warfield et al., IEEE Trans Med Imaging 2004, 23:903), each system having its own sensitivity and
        specificity in this pair; ``weights``: the sum of the maps, each times its weight.
    weights
        For ``weights``: (S,), not negative, 1 in sum.

    Returns
    -------
    ndarray
        float32, (I, J, K), 0 to 1.

    Raises
    ------
    ConfigError
        On fewer than two systems, an unknown way, or weights that do not fit.
    """
    if len(maps) < 2:
        raise ConfigError(f"consensus: found {len(maps)} systems; expected at least 2")
    if how not in WAYS:
        raise ConfigError(f"consensus: found {how!r}; expected one of {', '.join(WAYS)}")
    if how == "weights":
        return _weighted(maps, weights)
    if how == "staple":
        return _staple(maps >= LESION)
    if how == "majority":
        least = (len(maps) - 1) // 2
        return np.asarray(np.partition(maps.astype(np.float32), least, axis=0)[least])
    return np.asarray(maps.mean(axis=0, dtype=np.float64), np.float32)


def fuse_classes(
    new: Image, changes: NDArray[np.uint8], how: str, weights: Weights | None = None
) -> tuple[NDArray[np.uint8], Image]:
    """Classes of change from those of several systems, and how much of the systems' word each voxel's class has.

    Parameters
    ----------
    new
        The fused probability of new lesions, (I, J, K): it alone decides what is new.
    changes
        The classes of each system (0 none, 1 new, 2 enlarging, 3 gone, 4 shrinking), uint8, (S, I, J, K).
    how, weights
        As in `fuse`, for the masks of the other classes.

    Returns
    -------
    tuple
        The classes, uint8, and the fused value of each voxel's own class (of new where there is none), float32, both
        (I, J, K). Of several classes the most probable is taken, new first where they are equal.
    """
    from newlesions.detect.classes import KINDS, NEW

    change, best = np.where(new >= LESION, NEW, 0).astype(np.uint8), new.copy()
    for code in KINDS:
        if code == NEW or not (changes == code).any():
            continue
        found = fuse((changes == code).astype(np.float32), how, weights)
        taken = (found >= LESION) & ((change == 0) | ((change != NEW) & (found > best)))
        change[taken], best[taken] = code, found[taken]
    return change, best


def _weighted(maps: NDArray[Any], weights: Weights | None) -> Image:
    given = np.asarray([] if weights is None else weights, np.float64)
    if given.shape != (len(maps),) or (given < 0).any() or abs(given.sum() - 1) > 1e-6:
        found = "none" if weights is None else given.round(6).tolist()
        raise ConfigError(f"consensus: found weights {found}; expected {len(maps)}, not negative, 1 in sum")
    return np.clip(np.tensordot(given, maps.astype(np.float64), axes=1), 0, 1).astype(np.float32)


def _staple(masks: NDArray[np.bool_]) -> Image:
    import SimpleITK

    result = np.zeros(masks.shape[1:], np.float32)
    anywhere = np.asarray(masks.any(axis=0))
    if not anywhere.any():
        return result
    box = bounding_box(anywhere, margin=_MARGIN)
    images = [SimpleITK.GetImageFromArray(np.ascontiguousarray(mask[box]).astype(np.uint8)) for mask in masks]
    staple = SimpleITK.STAPLEImageFilter()
    staple.SetForegroundValue(1)
    staple.SetNumberOfThreads(1)  # sums in one order: the same bytes
    found = SimpleITK.GetArrayFromImage(staple.Execute(images))
    # Where all or nothing is marked the estimate has no meaning, and is not a number.
    result[box] = np.where(np.isfinite(found), found, masks[(slice(None), *box)].mean(axis=0))
    return result
