"""Exact references of a simulated subject on any grid: the brain, and how lesions change between two visits."""

from __future__ import annotations

import numpy as np

from newlesions.images.resample import resample
from newlesions.images.volume import Affine, Array, Grid, Volume, apply_affine
from newlesions.simulate.acquisition import filling
from newlesions.simulate.fields import Field
from newlesions.simulate.lesions import Change, Lesion
from newlesions.simulate.subject import Subject


def brain_mask(subject: Subject, grid: Grid, world_from_subject: Affine) -> Array:
    """Voxels of ``grid`` whose centre lies below the brain's surface, bool: those that the brain fills by half."""
    depth = Volume(subject.anatomy.depth, subject.anatomy.affine)
    subject_from_world = np.asarray(np.linalg.inv(world_from_subject))
    return resample(depth, grid, subject_from_world, order=1, outside=-1.0, antialias=False).data > 0


def change_labels(
    subject: Subject, baseline: int, followup: int, grid: Grid, world_from_subject: Affine, share: float = 0.5
) -> Array:
    """The reference between two visits on any grid: uint8, values of `Change`.

    A voxel belongs to a lesion at a visit if the lesion fills ``share`` of it or more; it is marked where this differs
    between the visits. A change too small for that keeps the voxel whose filling changes most.
    """
    output = np.zeros(grid.shape, dtype=np.uint8)
    for lesion in subject.lesions:
        kind = lesion.change(baseline, followup)
        if kind is Change.NONE:
            continue
        before, box = _filling(subject, lesion, baseline, grid, world_from_subject)
        after, _ = _filling(subject, lesion, followup, grid, world_from_subject)
        if before.size == 0:
            continue
        gained = (after >= share) & (before < share)
        lost = (before >= share) & (after < share)
        marked = gained if kind in (Change.NEW, Change.ENLARGING) else lost
        if not marked.any():
            difference = np.abs(after - before)
            if difference.max() <= 0:
                continue
            marked = difference >= 0.999 * difference.max()
        output[box][marked] = kind
    return output


def lesion_mask(subject: Subject, visit: int, grid: Grid, world_from_subject: Affine) -> Array:
    """All lesions of a visit on any grid, bool: what a lesion fills by half, at least the voxel that it fills most."""
    output = np.zeros(grid.shape, dtype=bool)
    for lesion in subject.lesions:
        filled, box = _filling(subject, lesion, visit, grid, world_from_subject)
        if filled.size and filled.max() > 0:
            output[box] |= filled >= min(0.5, 0.999 * filled.max())
    return output


def _filling(
    subject: Subject, lesion: Lesion, visit: int, grid: Grid, world_from_subject: Affine
) -> tuple[Field, tuple[slice, slice, slice]]:
    """Fraction of each voxel that a lesion fills, in the part of ``grid`` that holds the lesion's box."""
    fine_affine = subject.anatomy.affine.copy()
    fine_affine[:3, 3] += fine_affine[:3, :3] @ np.array(lesion.first, dtype=float)
    mask = Volume(lesion.mask(visit).astype(np.float32), fine_affine)
    corners = apply_affine(np.linalg.inv(grid.affine) @ world_from_subject, mask.grid.corners())
    low = np.clip(np.floor(corners.min(axis=0)).astype(int) - 1, 0, grid.shape)
    high = np.clip(np.ceil(corners.max(axis=0)).astype(int) + 2, 0, grid.shape)
    i, j, k = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    size = tuple((high - low).tolist())
    if min(size) <= 0:
        return np.zeros((0, 0, 0), dtype=np.float32), (i, j, k)
    affine = grid.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ low
    return filling(mask, Grid(size, affine), world_from_subject), (i, j, k)
