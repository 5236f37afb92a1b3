"""Where the images of a series lie: from the headers to one grid, or to what is wrong with it."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from newlesions.images.volume import Grid

TOLERANCE_MM = 0.1
"""How far a slice may lie from its place on the grid."""

_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0])


@dataclass(frozen=True)
class Plane:
    """One image: its file, which frame of it, and where it lies (DICOM's LPS mm); ``position`` is () if it is not told.

    ``orientation`` holds the directions in which columns and rows are counted, ``spacing`` the mm between rows and
    between columns, ``size`` the number of rows and columns.
    """

    path: Path
    frame: int
    position: tuple[float, ...]
    orientation: tuple[float, ...]
    spacing: tuple[float, ...]
    size: tuple[int, int]


@dataclass(frozen=True)
class Stack:
    """The planes of a series from its first slice to its last, and the grid (column, row, slice; RAS mm) they make."""

    planes: tuple[Plane, ...]
    grid: Grid


class StackError(Exception):
    """The images of a series do not make one volume; the message says why, in words that follow "found"."""


def planes_of(header: Any, path: Path) -> list[Plane]:
    """The planes of one file: one, or as many as an enhanced image has frames."""
    size = (int(header.get("Rows") or 0), int(header.get("Columns") or 0))
    frames = header.get("PerFrameFunctionalGroupsSequence")
    if not frames:
        where = (header.get(name) for name in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"))
        position, orientation, spacing = (_numbers(value) for value in where)
        return [Plane(path, 0, position, orientation, spacing, size)]
    shared = (header.get("SharedFunctionalGroupsSequence") or [{}])[0]
    places = (
        ("PlanePositionSequence", "ImagePositionPatient"),
        ("PlaneOrientationSequence", "ImageOrientationPatient"),
        ("PixelMeasuresSequence", "PixelSpacing"),
    )
    planes = []
    for number, own in enumerate(frames):
        position, orientation, spacing = (_numbers(_grouped(own, shared, *place)) for place in places)
        planes.append(Plane(path, number, position, orientation, spacing, size))
    return planes


def _grouped(own: Any, shared: Any, sequence: str, keyword: str) -> Any:
    group = own.get(sequence) or shared.get(sequence) or [{}]
    return group[0].get(keyword)


def _numbers(value: Any) -> tuple[float, ...]:
    return () if value is None else tuple(float(item) for item in value)


def stack(planes: Sequence[Plane]) -> Stack:
    """Order planes along their normal and find their grid. Images that are there twice with equal pixels count once.

    Raises
    ------
    StackError
        If slices are missing, differ in size or direction, or lie at one place with different pixels.
    """
    _check_alike(planes)
    first = planes[0]
    along_columns, along_rows = (np.array(first.orientation[n : n + 3]) for n in (0, 3))
    normal = np.cross(along_columns, along_rows)
    ordered = _one_per_place(planes, normal)
    if len(ordered) < 2:
        raise StackError("a single slice")
    positions = np.array([plane.position for plane in ordered])
    _check_gaps(positions @ normal)
    step = (positions[-1] - positions[0]) / (len(ordered) - 1)
    drift = np.abs(positions - positions[0] - np.arange(len(ordered))[:, None] * step).max()
    if drift > TOLERANCE_MM:
        raise StackError(f"slices that lie {drift:.2f} mm off an even stack")
    between_rows, between_columns = first.spacing
    matrix = np.column_stack([along_columns * between_columns, along_rows * between_rows, step])
    affine = np.eye(4)
    affine[:3, :3] = _LPS_TO_RAS @ matrix
    affine[:3, 3] = _LPS_TO_RAS @ positions[0]
    rows, columns = first.size
    return Stack(tuple(ordered), Grid((columns, rows, len(ordered)), affine))


def _check_alike(planes: Sequence[Plane]) -> None:
    """All planes tell where they lie, and agree in size, spacing and direction."""
    lengths = {(len(p.position), len(p.orientation), len(p.spacing)) for p in planes}
    if lengths != {(3, 6, 2)}:
        raise StackError("images without position, orientation or pixel spacing")
    if len({plane.size for plane in planes}) > 1:
        raise StackError("images of different sizes")
    for name, most in (("orientation", 1e-3), ("spacing", 1e-3)):
        values = np.array([getattr(plane, name) for plane in planes])
        if np.abs(values - values[0]).max() > most:
            raise StackError(f"images that differ in {name}")


def _one_per_place(planes: Sequence[Plane], normal: NDArray[np.float64]) -> list[Plane]:
    """The planes from low to high, without those whose pixels are those of another one at the same place."""
    places: dict[int, list[Plane]] = defaultdict(list)
    for plane in planes:
        places[round(float(np.dot(plane.position, normal)) / TOLERANCE_MM)].append(plane)
    for key in sorted(places):  # rounding may have parted two images of one place
        if key + 1 in places and key in places:
            places[key] += places.pop(key + 1)
    crowded = [group for group in places.values() if len(group) > 1]
    different = sum(len({_pixels(plane) for plane in group}) > 1 for group in crowded)
    if different:
        raise StackError(f"different images at one place ({different} of {len(places)} slices)")
    return [places[key][0] for key in sorted(places)]


def _pixels(plane: Plane) -> str:
    """A digest of the stored pixels."""
    import pydicom

    data = pydicom.dcmread(plane.path)
    content = data.get("PixelData", b"")
    frames = int(data.get("NumberOfFrames") or 1)
    if frames > 1:
        content = np.ascontiguousarray(data.pixel_array[plane.frame]).tobytes()
    return hashlib.sha256(content).hexdigest()


def _check_gaps(heights: NDArray[np.float64]) -> None:
    gaps = np.diff(heights)
    usual = float(np.median(gaps))
    wide = gaps > usual + max(TOLERANCE_MM, 0.1 * usual)
    if wide.any():
        missing = int(np.rint(gaps[wide] / usual - 1).sum())
        where = f"{int(wide.sum())} gaps" if wide.sum() > 1 else "a gap"
        raise StackError(f"{where} of up to {gaps.max():.2f} mm between slices {usual:.2f} mm apart, {missing} missing")
