"""Lesions with a history over two visits, placed in a host scan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from newlesions.images.resample import resample
from newlesions.images.volume import Affine, Array, Grid, Volume, apply_affine
from newlesions.learn.synthesis.forms import Form, draw_form
from newlesions.learn.synthesis.host import Host
from newlesions.learn.synthesis.library import Library
from newlesions.simulate.fields import Field
from newlesions.simulate.lesions import Change, ChangeCounts, LesionSizes, change_between

_GAP_MM = 2.0  # between synthetic lesions
_TRIALS = 40
_HISTORIES = {"new": (0, 2), "enlarging": (1, 2), "gone": (2, 0), "shrinking": (2, 1)}


@dataclass(frozen=True)
class Contrasts:
    """Excess over the local white matter: log-normal with this median and SD of the logarithm, cut to the range.

    It is that of the lesion's middle. Partial volume leaves about two thirds of it as the mean over the mask: a third,
    as in experts' masks.
    """

    median: float = 0.5
    spread: float = 0.35
    smallest: float = 0.18
    largest: float = 1.2

    def draw(self, rng: np.random.Generator) -> float:
        """One contrast (0.5: half as bright again as the white matter around)."""
        return float(np.clip(self.median * np.exp(self.spread * rng.standard_normal()), self.smallest, self.largest))


SIZES, CONTRASTS = LesionSizes(), Contrasts()


@dataclass(frozen=True)
class Lesion:
    """A synthetic lesion.

    ``states`` says per visit which size is seen: 0 absent, 1 the smaller, 2 the larger. ``contrasts`` holds the excess
    over the local white matter at each visit; ``seed`` determines the unevenness inside.
    """

    form: Form
    states: tuple[int, int]
    contrasts: tuple[float, float]
    seed: int

    @property
    def change(self) -> Change:
        """What happens from the first visit to the second."""
        return change_between(*self.states)

    def extent(self, visit: int) -> Volume:
        """The soft extent (0 to 1) at a visit, in the host's RAS mm."""
        return self._at(self.form.extents, visit)

    def mask(self, visit: int) -> Volume:
        """The exact mask at a visit, float32 (0 or 1), in the host's RAS mm."""
        return self._at(self.form.masks, visit)

    def _at(self, sizes: Array, visit: int) -> Volume:
        state = self.states[visit]
        data = np.zeros(sizes.shape[1:]) if state == 0 else sizes[state - 1]
        return Volume(data.astype(np.float32), self.form.affine)


def place_lesions(
    rng: np.random.Generator,
    host: Host,
    counts: ChangeCounts,
    stable: int,
    library: Library | None = None,
    *,
    sizes: LesionSizes = SIZES,
    contrasts: Contrasts = CONTRASTS,
) -> list[Lesion]:
    """Draw lesions: the changing ones of ``counts`` first, then ``stable`` ones that both visits show.

    They lie where the host has room, 2 mm from each other, and never on tissue that is bright already. A lesion that
    finds no place in many trials is left out.
    """
    states = [state for kind, state in _HISTORIES.items() for _ in range(getattr(counts, kind))] + [(2, 2)] * stable
    free = host.room.copy()
    chosen = np.flatnonzero(host.likelihood)
    cumulative = np.cumsum(host.likelihood.ravel()[chosen], dtype=np.float64)
    lesions: list[Lesion] = []
    if chosen.size == 0:
        return lesions
    for before, after in states:
        volume = sizes.draw(rng) * (1.6 if before == 2 or 1 in (before, after) else 1.0)
        for _ in range(_TRIALS):
            voxel = np.unravel_index(chosen[np.searchsorted(cumulative, rng.uniform(0, cumulative[-1]))], free.shape)
            jittered = np.array(voxel) + rng.uniform(-0.5, 0.5, 3)
            if free[voxel] < 0.99:
                continue
            centre = apply_affine(host.image.affine, jittered)
            resized = 1 in (before, after)
            form = draw_form(rng, host, centre, volume, library, resized=resized, free=free)
            if form is not None:
                break
        else:
            continue
        contrast = contrasts.draw(rng)
        # A lesion that stays is not quite as bright again.
        own = tuple(float(contrast * (1 + 0.06 * rng.standard_normal())) for _ in range(2))
        lesions.append(Lesion(form, (before, after), (own[0], own[1]), int(rng.integers(2**31))))
        _occupy(free, host.image.grid, form)
    return lesions


def box_on(fine: Grid, grid: Grid, world_from_host: Affine, margin: int = 2) -> tuple[slice, slice, slice]:
    """The voxels of ``grid`` that the lattice ``fine`` (in the host's space) covers, ``margin`` more; may be empty."""
    corners = apply_affine(np.linalg.inv(grid.affine) @ world_from_host, fine.corners())
    low = np.clip(np.floor(corners.min(axis=0)).astype(int) - margin, 0, grid.shape)
    high = np.clip(np.ceil(corners.max(axis=0)).astype(int) + margin + 1, 0, grid.shape)
    i, j, k = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    return i, j, k


def sub_grid(grid: Grid, box: tuple[slice, slice, slice]) -> Grid:
    """The part of ``grid`` in ``box``."""
    affine = grid.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ np.array([side.start for side in box], dtype=float)
    i, j, k = (side.stop - side.start for side in box)
    return Grid((i, j, k), affine)


def _occupy(free: Field, grid: Grid, form: Form) -> None:
    """Take the form's larger size, and the gap around it, from the free room."""
    margin = int(np.ceil(_GAP_MM / grid.spacing.min())) + 1
    box = box_on(Grid(form.masks.shape[1:], form.affine), grid, np.eye(4), margin)
    fine = Volume(form.masks[1].astype(np.float32), form.affine)
    taken = resample(fine, sub_grid(grid, box), order=1).data > 0.05
    distance = ndimage.distance_transform_edt(~taken, sampling=grid.spacing) if taken.any() else np.inf
    free[box] = np.where(distance <= _GAP_MM, 0, free[box])
