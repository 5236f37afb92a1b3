"""Which lesions of two label images of one scan are the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from newlesions.detect.classes import KINDS
from newlesions.evaluate.lesions import CORNERS, Lesions, find_lesions
from newlesions.images.volume import Volume, apply_affine

KEPT, APPEARED, VANISHED = "kept", "appeared", "vanished"
CHANGED_VOLUME, CHANGED_KIND = "changed volume", "changed kind"
CHANGES = (KEPT, CHANGED_VOLUME, CHANGED_KIND, APPEARED, VANISHED)
"""What can become of a lesion, the least first."""

Box = tuple[slice, slice, slice]


@dataclass(frozen=True)
class LesionChange:
    """One lesion in two releases: numbers, kinds and volumes (mm3) in each, None or "" where it is absent.

    ``overlap`` is the Dice coefficient of the two; ``place`` the centroid in the follow-up's RAS millimetres, in the
    second release where it is there. ``touches`` has the numbers of all lesions of the other release that it overlaps,
    of those of the second where it is in both: more than one where a lesion was split or merged.
    """

    change: str
    first: int | None
    second: int | None
    kinds: tuple[str, str]
    volumes: tuple[float | None, float | None]
    overlap: float
    place: tuple[float, float, float]
    touches: tuple[int, ...]


@dataclass(frozen=True)
class _Side:
    """The lesions of one release, in the box that holds those of both; kinds by number from 1.

    ``centres`` in RAS millimetres, shape (n, 3); ``voxel`` is a voxel's volume in mm3.
    """

    lesions: Lesions
    kinds: Sequence[str]
    centres: NDArray[np.float64]
    voxel: float

    def volume(self, number: int) -> float:
        return round(float(self.lesions.sizes[number - 1]) * self.voxel, 2)

    def place(self, number: int) -> tuple[float, float, float]:
        x, y, z = (round(float(value), 1) + 0.0 for value in self.centres[number - 1])
        return x, y, z


def match_lesions(first: Volume, second: Volume) -> list[LesionChange]:
    """How the lesions of two label images (0 none, else a kind) on one grid correspond, largest first.

    Lesions are components of one kind, connected over faces, edges and corners. The two that share most voxels belong
    together, then the next two of those that are left; of equals those of one kind, then those of lower numbers.
    """
    box = _box(first.data, second.data)
    if box is None:
        return []
    sides = (_side(first, box), _side(second, box))
    shared = _shared(sides)
    partners = _partners(sides, shared)
    return _changes(sides, shared, partners)


def _box(*images: NDArray[Any]) -> Box | None:
    """The part of the grid that holds what is not 0 in any image; None where there is nothing."""
    marked = images[0] != 0
    for image in images[1:]:
        marked |= image != 0
    if not marked.any():
        return None
    sides = []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        found = np.flatnonzero(marked.any(axis=others))
        sides.append(slice(int(found[0]), int(found[-1]) + 1))
    i, j, k = sides
    return i, j, k


def _side(volume: Volume, box: Box) -> _Side:
    data = np.ascontiguousarray(volume.data[box])
    affine = volume.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ [side.start for side in box]
    lesions = find_lesions(data, 1, CORNERS)
    # Lesions are few voxels of many: what follows looks at these alone.
    voxels = np.nonzero(lesions.labels)
    numbers = lesions.labels[voxels]
    codes = np.zeros(lesions.count + 1, dtype=data.dtype)
    codes[numbers] = data[voxels]
    sums = [np.bincount(numbers, weights=axis, minlength=lesions.count + 1)[1:] for axis in voxels]
    centres = np.stack(sums, axis=1) / lesions.sizes[:, None]
    kinds = ["", *(KINDS.get(int(code), str(code)) for code in codes[1:])]
    return _Side(lesions, kinds, apply_affine(affine, centres), volume.grid.voxel_volume)


def _shared(sides: tuple[_Side, _Side]) -> dict[tuple[int, int], int]:
    """How many voxels each lesion of the first has in common with each of the second, where any."""
    a, b = (side.lesions.labels.ravel() for side in sides)
    both = np.flatnonzero((a != 0) & (b != 0))
    pairs, counts = np.unique(np.stack([a[both], b[both]]).astype(np.int64), axis=1, return_counts=True)
    return {(int(i), int(j)): int(count) for i, j, count in zip(*pairs, counts, strict=True)}


def _partners(sides: tuple[_Side, _Side], shared: Mapping[tuple[int, int], int]) -> dict[int, int]:
    """The lesion of the second that each of the first corresponds to, where one does."""

    def order(item: tuple[tuple[int, int], int]) -> tuple[int, bool, int, int]:
        (i, j), voxels = item
        return -voxels, sides[0].kinds[i] != sides[1].kinds[j], i, j

    partners: dict[int, int] = {}
    taken: set[int] = set()
    for (i, j), _ in sorted(shared.items(), key=order):
        if i not in partners and j not in taken:
            partners[i] = j
            taken.add(j)
    return partners


def _changes(
    sides: tuple[_Side, _Side], shared: Mapping[tuple[int, int], int], partners: Mapping[int, int]
) -> list[LesionChange]:
    first, second = sides
    touched: dict[int, list[int]] = defaultdict(list)
    touching: dict[int, list[int]] = defaultdict(list)
    for i, j in sorted(shared):
        touched[i].append(j)
        touching[j].append(i)
    changes = []
    for i in range(1, first.lesions.count + 1):
        kind, volume = first.kinds[i], first.volume(i)
        if i not in partners:
            touches = tuple(touched[i])
            changes.append(LesionChange(VANISHED, i, None, (kind, ""), (volume, None), 0.0, first.place(i), touches))
            continue
        j = partners[i]
        total = int(first.lesions.sizes[i - 1] + second.lesions.sizes[j - 1])
        dice = round(2 * shared[i, j] / total, 4)
        kinds, volumes = (kind, second.kinds[j]), (volume, second.volume(j))
        changes.append(
            LesionChange(_change(kinds, volumes), i, j, kinds, volumes, dice, second.place(j), tuple(touched[i]))
        )
    taken = set(partners.values())
    for j in range(1, second.lesions.count + 1):
        if j not in taken:
            kind, volume, touches = second.kinds[j], second.volume(j), tuple(touching[j])
            changes.append(LesionChange(APPEARED, None, j, ("", kind), (None, volume), 0.0, second.place(j), touches))
    return changes


def _change(kinds: tuple[str, str], volumes: tuple[float, float]) -> str:
    if kinds[0] != kinds[1]:
        return CHANGED_KIND
    return CHANGED_VOLUME if volumes[0] != volumes[1] else KEPT
