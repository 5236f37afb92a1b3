"""Lesions of known shape and history: where they lie, how they grow, and their masks on any grid."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from scipy import ndimage

from newlesions.images.volume import Array
from newlesions.simulate.anatomy import Anatomy
from newlesions.simulate.fields import Field, ramp
from newlesions.simulate.shapes import grow


class Change(IntEnum):
    """What a lesion does between two visits; the values of the reference segmentation."""

    NONE = 0
    NEW = 1
    ENLARGING = 2
    GONE = 3
    SHRINKING = 4


@dataclass(frozen=True)
class ChangeCounts:
    """How many lesions change between one visit and the next."""

    new: int = 0
    enlarging: int = 0
    gone: int = 0
    shrinking: int = 0


@dataclass(frozen=True)
class LesionSizes:
    """Volumes in mm3: log-normal with this median and SD of the logarithm, cut to the range."""

    median: float = 70.0
    spread: float = 0.9
    smallest: float = 10.0
    largest: float = 2000.0

    def draw(self, rng: np.random.Generator) -> float:
        """One volume in mm3."""
        return float(np.clip(self.median * np.exp(self.spread * rng.standard_normal()), self.smallest, self.largest))


@dataclass(frozen=True)
class Lesion:
    """One lesion within a box of the anatomy's fine grid.

    ``first`` is the box's first voxel. ``extents`` holds the soft extents (0 to 1) at its two sizes, the smaller within
    the larger, shape (2, i, j, k); ``masks`` the same as exact sets of voxels. ``states`` says per visit which one is
    seen: 0 absent, 1 the smaller, 2 the larger. ``contrast`` is the excess over white matter (0.4: 40 % brighter).
    """

    first: tuple[int, int, int]
    extents: Field
    masks: Array
    states: tuple[int, ...]
    contrast: float

    @property
    def box(self) -> tuple[slice, slice, slice]:
        """The lesion's place in the fine grid."""
        i, j, k = (slice(a, a + n) for a, n in zip(self.first, self.masks.shape[1:], strict=True))
        return i, j, k

    def change(self, before: int, after: int) -> Change:
        """What happens between the visits of these indices."""
        return change_between(self.states[before], self.states[after])

    def mask(self, visit: int) -> Array:
        """The lesion's voxels in its box at a visit."""
        return self._at(self.masks, visit)

    def extent(self, visit: int) -> Field:
        """The lesion's soft extent in its box at a visit."""
        return self._at(self.extents, visit)

    def _at(self, sizes: Array, visit: int) -> Array:
        state = self.states[visit]
        return np.zeros_like(sizes[0]) if state == 0 else sizes[state - 1]


def change_between(before: int, after: int) -> Change:
    """The class of a change between two states (0 absent, 1 smaller, 2 larger)."""
    if before == after:
        return Change.NONE
    if before == 0 or after == 0:
        return Change.NEW if before == 0 else Change.GONE
    return Change.ENLARGING if after > before else Change.SHRINKING


def make_lesions(
    rng: np.random.Generator,
    anatomy: Anatomy,
    baseline: int,
    changes: tuple[ChangeCounts, ...],
    sizes: LesionSizes,
) -> list[Lesion]:
    """Place lesions in white matter: ``baseline`` unchanging ones, and the given changes of each interval.

    Changing lesions are placed first and keep 2 mm of distance to every other lesion; unchanging ones may flow
    together. A lesion that finds no room in many trials is left out.
    """
    likelihood = _likelihood(anatomy)
    free = np.ones(anatomy.brain.shape, dtype=bool)
    visits = len(changes) + 1
    lesions = []
    for states in _histories(visits, changes) + [(2,) * visits] * baseline:
        # Lesions that are there from the start are older and larger on average.
        volume = sizes.draw(rng) * (1.0 if states[0] == 0 else 1.6)
        lesion = _place(rng, anatomy, likelihood, free, states, volume)
        if lesion is None:
            continue
        lesions.append(lesion)
        if len(set(states)) > 1:
            _occupy(free, lesion, anatomy.spacing, 2.0)
    return lesions


def _histories(visits: int, changes: tuple[ChangeCounts, ...]) -> list[tuple[int, ...]]:
    kinds = {"new": (0, 2), "enlarging": (1, 2), "gone": (2, 0), "shrinking": (2, 1)}
    return [
        (before,) * (interval + 1) + (after,) * (visits - interval - 1)
        for interval, counts in enumerate(changes)
        for kind, (before, after) in kinds.items()
        for _ in range(getattr(counts, kind))
    ]


def _likelihood(anatomy: Anatomy) -> tuple[Array, Array]:
    """Cumulative placement weights of every other voxel: white matter, more at the ventricles and below the cortex."""
    every = (slice(None, None, 2),) * 3
    white, depth, ventricles = anatomy.white[every], anatomy.depth[every], anatomy.ventricles[every]
    height = anatomy.affine[2, 3] + 2 * anatomy.spacing * np.arange(white.shape[2])
    place = 0.25 + 2.5 * np.exp(-np.clip(ventricles, 0, None) / 5) + 0.6 * np.exp(-(((depth - 10) / 4) ** 2))
    place = np.where(height < -22, 0.35, place)
    weight = place * ramp(white, 0.6, 0.9) * (depth > 4) * (ventricles > 1.5) * (height > -55)
    chosen = np.flatnonzero(weight)
    return chosen, np.cumsum(weight.ravel()[chosen])


def _place(
    rng: np.random.Generator,
    anatomy: Anatomy,
    likelihood: tuple[Array, Array],
    free: Array,
    states: tuple[int, ...],
    volume: float,
) -> Lesion | None:
    chosen, cumulative = likelihood
    coarse_shape = tuple((n + 1) // 2 for n in free.shape)
    for _ in range(60):
        pick = chosen[np.searchsorted(cumulative, rng.uniform(0, cumulative[-1]))]
        centre = 2 * np.array(np.unravel_index(pick, coarse_shape))
        if not free[tuple(centre)]:
            continue
        shape = grow(rng, anatomy, centre, volume, resized=1 in states)
        if shape is None:
            continue
        lesion = Lesion(shape.first, shape.extents, shape.masks, states, float(rng.uniform(0.25, 0.6)))
        if (free[lesion.box] | ~lesion.masks[1]).all():
            return lesion
    return None


def _occupy(free: Array, lesion: Lesion, step: float, gap: float) -> None:
    """Take the lesion's larger extent, and ``gap`` mm around it, from the free voxels."""
    wide = int(np.ceil(gap / step)) + 1
    first = np.maximum(np.array(lesion.first) - wide, 0)
    last = np.minimum(np.array(lesion.first) + lesion.masks.shape[1:] + wide, free.shape)
    patch = np.ones(tuple((last - first).tolist()), dtype=bool)
    inner = tuple(slice(a - b, a - b + n) for a, b, n in zip(lesion.first, first, lesion.masks.shape[1:], strict=True))
    patch[inner] = ~lesion.masks[1]
    taken = ndimage.distance_transform_edt(patch) * step <= gap
    free[tuple(slice(a, b) for a, b in zip(first, last, strict=True))] &= ~taken
