"""Patches of a fixed grid, those without a lesion all in turn (cabezas2021, MSSEG-2 proceedings p. 110)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from newlesions.learn.networks.sources import Source

Place = tuple[int, tuple[int, int, int]]
"""The number of a source, and the voxel that is a patch's centre."""


class Grid:
    """The patches of all sources that begin every ``step`` voxels and whose centre is brain.

    Parameters
    ----------
    sources
        At least one.
    sides
        Of a patch in voxels, (3,). The last patch along an axis ends with the volume.
    step
        In voxels.

    Attributes
    ----------
    with_lesion, without
        The patches that hold a voxel of the target, and the others.
    """

    def __init__(self, sources: Sequence[Source], sides: Sequence[int], step: int) -> None:
        self.with_lesion: list[Place] = []
        self.without: list[Place] = []
        for number, source in enumerate(sources):
            for centre, has_lesion in _patches(source, sides, step):
                (self.with_lesion if has_lesion else self.without).append((number, centre))
        self._order = lru_cache(maxsize=4)(self._shuffled)  # threads make batches of two rounds at once

    def draw(self, rng: np.random.Generator, positive: bool, turn: tuple[int, int] | None) -> Place | None:
        """A patch.

        Parameters
        ----------
        positive
            Whether it holds a lesion; where no patch does, or all do, any, at random.
        turn
            The seed, and how many patches without a lesion were drawn before. They come in rounds: each patch once, in
            an order of the round's own. None: a random one.

        Returns
        -------
        tuple or None
            None where the grid has no patch.
        """
        if self.with_lesion and (positive or not self.without):
            return self.with_lesion[int(rng.integers(len(self.with_lesion)))]
        if not self.without:
            return None
        if positive or turn is None:
            return self.without[int(rng.integers(len(self.without)))]
        seed, number = turn
        round_, at = divmod(number, len(self.without))
        return self.without[int(self._order(seed, round_)[at])]

    def _shuffled(self, seed: int, round_: int) -> NDArray[np.int64]:
        return np.random.default_rng([seed, round_, 0xC0FFEE]).permutation(len(self.without))


def _patches(source: Source, sides: Sequence[int], step: int) -> list[tuple[tuple[int, int, int], bool]]:
    firsts = [
        sorted({*range(0, n - side + 1, step), n - side}) if n > side else [0]
        for n, side in zip(source.target.shape, sides, strict=True)
    ]
    found = []
    for first in itertools.product(*firsts):
        box = tuple(slice(at, at + side) for at, side in zip(first, sides, strict=True))
        i, j, k = (at + min(side, n) // 2 for at, side, n in zip(first, sides, source.target.shape, strict=True))
        if source.brain[i, j, k]:
            found.append(((i, j, k), bool((source.target[box] > 0).any())))
    return found
