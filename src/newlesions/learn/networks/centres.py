"""Where patches are centred: by chance with a weight for each kind of voxel (efird2021, schmidtmengin2021)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from newlesions.learn.networks.sources import Source

Voxel = NDArray[np.int64]
Points = NDArray[np.int64]
KINDS = ("background", "brain", "lesion")


@dataclass(frozen=True)
class Weighted:
    """Draws voxels of one case.

    Attributes
    ----------
    source
        The case.
    shares
        How likely the centre is background, brain without lesion, and lesion: the voxels' weights, summed.
    """

    source: Source
    shares: NDArray[np.float64]

    @classmethod
    def of(cls, source: Source, weights: Sequence[float]) -> Weighted | None:
        """``weights``: of one voxel of each of `KINDS`. None where no voxel has any."""
        free = source.target == 0
        counts = [int((free & ~source.brain).sum()), int((free & source.brain).sum()), len(source.lesions[0])]
        summed = np.asarray(weights, np.float64) * counts
        return cls(source, summed / summed.sum()) if summed.sum() > 0 else None

    def draw(self, rng: np.random.Generator) -> Voxel:
        """A voxel, (3,)."""
        kind = int(rng.choice(len(KINDS), p=self.shares))
        if kind == KINDS.index("lesion"):
            return on_lesion(rng, self.source)
        brain, target, wanted = self.source.brain, self.source.target, kind == KINDS.index("brain")

        def accepted(points: Points) -> NDArray[np.bool_]:
            at = tuple(points.T)
            return np.asarray((brain[at] == wanted) & (target[at] == 0))

        return thrown(rng, brain.shape, accepted)


def on_lesion(rng: np.random.Generator, source: Source) -> Voxel:
    """A random voxel of all lesions of a case that has some."""
    voxels = source.lesions[0]
    return voxels[int(rng.integers(len(voxels)))].astype(np.int64)


def thrown(rng: np.random.Generator, shape: Sequence[int], accepted: Callable[[Points], NDArray[np.bool_]]) -> Voxel:
    """A random voxel, (axes,), that is ``accepted``, of which there is one: (64, axes) points are thrown until then."""
    while True:
        tried = rng.integers(0, shape, (64, len(shape)))
        met = np.flatnonzero(accepted(tried))
        if len(met):
            return np.asarray(tried[met[0]])
