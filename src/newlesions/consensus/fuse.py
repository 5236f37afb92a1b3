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

_STILL, _MOST_ITERATIONS = 1e-9, 10_000
"""Of STAPLE: how little its probabilities move in the end, and the most iterations."""

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
    """Expectation maximisation as of itk::STAPLEImageFilter, from the same start: the share of systems that say so.

    Voxels of which all systems say the same have the same probability: the sums run over these patterns, each with its
    number of voxels, and an iteration costs nothing.
    """
    result = np.zeros(masks.shape[1:], np.float32)
    anywhere = np.asarray(masks.any(axis=0))
    if not anywhere.any():
        return result
    box = bounding_box(anywhere, margin=_MARGIN)
    seen = masks[(slice(None), *box)]
    code = np.zeros(seen.shape[1:], np.int64)
    for number, mask in enumerate(seen):
        code |= mask.astype(np.int64) << number
    names, pattern, voxels = np.unique(code, return_inverse=True, return_counts=True)
    says = (names >> np.arange(len(masks))[:, None] & 1).astype(bool)
    hidden = _expected(says, voxels.astype(np.float64))
    # Where all or nothing is marked the estimate has no meaning, and is not a number.
    hidden = np.where(np.isfinite(hidden), hidden, says.mean(axis=0))
    result[box] = hidden[pattern.reshape(code.shape)]
    return result


def _expected(says: NDArray[np.bool_], voxels: NDArray[np.float64]) -> NDArray[np.float64]:
    """The probability of the hidden mask for each pattern. ``says``: (S, P); ``voxels``: of each pattern, (P,)."""
    prior = (says @ voxels).sum() / (voxels.sum() * len(says))
    hidden = says.mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        for _ in range(_MOST_ITERATIONS):
            before = hidden
            sensitivity = says @ (hidden * voxels) / (hidden @ voxels)
            specificity = ~says @ ((1 - hidden) * voxels) / ((1 - hidden) @ voxels)
            lesion = prior * np.where(says.T, sensitivity, 1 - sensitivity).prod(axis=1)
            other = (1 - prior) * np.where(says.T, 1 - specificity, specificity).prod(axis=1)
            hidden = lesion / (lesion + other)
            if not (np.abs(hidden - before) > _STILL).any():
                break
    return hidden
