"""Exact references on any grid: which voxels change from one visit to the next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from newlesions.images.volume import Affine, Array, Grid, Volume
from newlesions.learn.synthesis.lesions import box_on, sub_grid
from newlesions.simulate.acquisition import filling
from newlesions.simulate.fields import Field
from newlesions.simulate.lesions import Change


class Changing(Protocol):
    """A lesion with a history over two visits."""

    @property
    def change(self) -> Change:
        """What happens from the first visit to the second."""

    def mask(self, visit: int) -> Volume:
        """The mask at a visit, float32 (0 or 1), in the host's RAS mm."""


def change_labels(lesions: Sequence[Changing], grid: Grid, world_from_host: Affine | None = None) -> Array:
    """The classes of `Change` on ``grid``, uint8.

    A voxel belongs to a lesion at a visit if the lesion fills half of it or more. What no voxel shows keeps the one
    that it changes most.

    Parameters
    ----------
    world_from_host
        4x4, from the RAS mm in which the lesions were placed to those of ``grid``; identity when absent.
    """
    pose = np.eye(4) if world_from_host is None else world_from_host
    output = np.zeros(grid.shape, dtype=np.uint8)
    for lesion in lesions:
        if lesion.change is Change.NONE:
            continue
        box = box_on(lesion.mask(0).grid, grid, pose)
        part = sub_grid(grid, box)
        if min(part.shape) > 0:
            before, after = (filling(lesion.mask(visit), part, pose) for visit in (0, 1))
            output[box][marked(before, after, lesion.change)] = lesion.change
    return output


def lesion_mask(lesions: Sequence[Changing], visit: int, grid: Grid, world_from_host: Affine) -> Array:
    """All ``lesions`` of a visit on ``grid``, bool: what a lesion fills by half, at least the voxel it fills most."""
    output = np.zeros(grid.shape, dtype=bool)
    for lesion in lesions:
        mask = lesion.mask(visit)
        box = box_on(mask.grid, grid, world_from_host)
        part = sub_grid(grid, box)
        if min(part.shape) > 0 and mask.data.any():
            filled = filling(mask, part, world_from_host)
            output[box] |= filled >= min(0.5, 0.999 * filled.max())
    return output


def marked(before: Field, after: Field, change: Change) -> Array:
    """The voxels that a change covers, bool, from how much of them a lesion fills at each visit (0 to 1)."""
    first, last = (before, after) if change in (Change.NEW, Change.ENLARGING) else (after, before)
    gained = (last >= 0.5) & (first < 0.5)
    if not gained.any():
        rise = last - first
        gained = (rise > 0) & (rise >= 0.999 * rise.max())
    return np.asarray(gained)
