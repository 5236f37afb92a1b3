"""Carrying lesions from the working grid to another one without losing the small ones between its slices."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from newlesions.detect.classes import KINDS
from newlesions.images.morphology import label_lesions
from newlesions.images.resample import resample
from newlesions.images.volume import Affine, Grid, Volume, apply_affine


class Lesions(NamedTuple):
    """Lesions on one grid: ``labels`` from 1 (int32, (I, J, K)); ``kinds``, the class of each, from label 1 on."""

    labels: NDArray[np.int32]
    kinds: tuple[int, ...]

    def change(self) -> NDArray[np.uint8]:
        """The classes on the same grid, uint8."""
        return np.array((0, *self.kinds), dtype=np.uint8)[self.labels]


def separate(change: NDArray[np.uint8]) -> Lesions:
    """Number the lesions of a map of classes: class by class, the largest first."""
    labels = np.zeros(change.shape, dtype=np.int32)
    kinds: list[int] = []
    for code in KINDS:
        parts = label_lesions(change == code)
        sizes = np.bincount(parts.ravel())[1:]
        rank = np.empty(sizes.size + 1, dtype=np.int32)
        rank[0] = 0
        rank[1:][np.argsort(-sizes, kind="stable")] = np.arange(1, sizes.size + 1)
        labels = np.where(parts > 0, rank[parts] + len(kinds), labels)
        kinds += [code] * sizes.size
    return Lesions(labels, tuple(kinds))


def carry(lesions: Lesions, source: Grid, target: Grid, source_from_target: Affine) -> Lesions:
    """Bring lesions to ``target``: a voxel belongs to the lesion that fills most of it, and at least half.

    A lesion that fills no voxel to the half, because slices are thick, keeps the voxels that it fills at least half
    as much as its fullest one. A lesion that larger ones would hide keeps its fullest voxel. A lesion outside the
    target's field of view has no voxel there.
    """
    labels = np.zeros(target.shape, dtype=np.int32)
    share = np.zeros(target.shape, dtype=np.float32)
    fullest: dict[int, tuple[int, ...]] = {}
    target_from_source = np.linalg.inv(source_from_target @ target.affine) @ source.affine
    for label, box in enumerate(ndimage.find_objects(lesions.labels), start=1):
        if box is None:
            continue
        window = _window(box, target_from_source, target.shape)
        if window is None:
            continue
        filled = _filled(lesions.labels, label, box, source, target, source_from_target, window)
        highest = float(filled.max(initial=0))
        if highest <= 0.01:
            continue
        place = np.unravel_index(int(filled.argmax()), filled.shape)
        fullest[label] = tuple(int(n) + side.start for n, side in zip(place, window, strict=True))
        own = filled >= min(0.5, highest / 2)
        own &= filled > share[window]
        labels[window][own] = label
        share[window][own] = filled[own]
    _uncover(labels, fullest)
    return Lesions(labels, lesions.kinds)


def _uncover(labels: NDArray[np.int32], fullest: dict[int, tuple[int, ...]]) -> None:
    """Give each lesion that has no voxel its fullest one, unless that is another's last."""
    voxels = np.bincount(labels.ravel(), minlength=max(fullest, default=0) + 1)
    for label, place in fullest.items():
        holder = int(labels[place])
        if voxels[label] == 0 and (holder == 0 or voxels[holder] > 1):
            labels[place] = label
            voxels[holder] -= 1
            voxels[label] = 1


def _filled(
    labels: NDArray[np.int32], label: int, box: tuple[slice, ...], source: Grid, target: Grid, matrix: Affine,
    window: tuple[slice, ...],
) -> NDArray[np.float32]:  # fmt: skip
    """How much of each voxel of the target's ``window`` the lesion fills, in [0, 1]."""
    wide = tuple(slice(max(side.start - 4, 0), side.stop + 4) for side in box)
    part = (labels[wide] == label).astype(np.float32)
    lesion = Volume(part, _shifted(source.affine, [side.start for side in wide]))
    shape = tuple(side.stop - side.start for side in window)
    grid = Grid((shape[0], shape[1], shape[2]), _shifted(target.affine, [side.start for side in window]))
    return np.clip(resample(lesion, grid, matrix, order=1).data, 0, 1)


def _shifted(affine: Affine, start: list[int]) -> Affine:
    shifted = affine.copy()
    shifted[:3, 3] = apply_affine(affine, np.array(start))
    return shifted


def _window(
    box: tuple[slice, ...], target_from_source: Affine, shape: tuple[int, int, int]
) -> tuple[slice, slice, slice] | None:
    """The target's voxels that a box of the source's voxels can touch; None if there are none."""
    ends = np.array(np.meshgrid(*[(side.start - 1, side.stop) for side in box], indexing="ij")).reshape(3, -1).T
    mapped = apply_affine(target_from_source, ends)
    first = np.maximum(np.floor(mapped.min(axis=0)).astype(int) - 1, 0)
    last = np.minimum(np.ceil(mapped.max(axis=0)).astype(int) + 2, shape)
    if (last <= first).any():
        return None
    i, j, k = (slice(int(a), int(b)) for a, b in zip(first, last, strict=True))
    return i, j, k
