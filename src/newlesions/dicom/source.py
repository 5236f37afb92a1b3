"""Finding the DICOM series that a scan was converted from: by its grid, and then by its voxels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from newlesions.dicom.headers import Series
from newlesions.dicom.match import Order, nearest_order
from newlesions.dicom.planes import TOLERANCE_MM, Plane, Stack, StackError, stack
from newlesions.errors import InputError
from newlesions.images.volume import Array, Volume

_LEAST_CORRELATION = 0.99


@dataclass(frozen=True)
class Source:
    """A series, its slices, and how an array on the scan's grid becomes one on theirs (column, row, slice)."""

    series: Series
    stack: Stack
    order: Order


def stacks_of(series: Sequence[Series]) -> list[tuple[Series, Stack]]:
    """The series that make a volume, each with its slices."""
    made = []
    for one in series:
        try:
            made.append((one, stack(one.planes)))
        except StackError:  # no FLAIR was converted from it
            continue
    return made


def find_source(name: str, scan: Volume, series: Sequence[tuple[Series, Stack]]) -> Source:
    """The one series with the grid and the voxels of ``scan``, the follow-up of the pair ``name``.

    Grids may differ by 0.1 mm. Voxels must correlate; those where the scan is 0 do not count, so that a face may have
    been removed. Patients scanned with one protocol can share a grid: it alone would not tell them apart.

    Raises
    ------
    InputError
        If there is no such series, or more than one.
    """
    fits = [(one, made, *nearest_order(scan.grid, made.grid)) for one, made in series]
    near = [Source(one, made, order) for one, made, order, apart in fits if apart <= TOLERANCE_MM]
    if not near:
        nearest = min((apart for *_, apart in fits), default=float("inf"))
        found = f"none of {len(fits)} series on the grid of its follow-up"
        found += f" (the nearest lies {nearest:.2f} mm off)" if np.isfinite(nearest) else " (all have other sizes)"
        raise InputError(name, found, f"one within {TOLERANCE_MM} mm")
    same = [source for source in near if _correlation(scan, source) >= _LEAST_CORRELATION]
    if len(same) != 1:
        numbers = ", ".join(source.series.name for source in same or near)
        found = f"{len(same)} series with its follow-up's voxels among those on its grid ({numbers})"
        raise InputError(name, found, "one")
    return same[0]


def _correlation(scan: Volume, source: Source) -> float:
    ours = source.order.apply(scan.data)
    counted = ours != 0
    theirs = pixels(source.stack.planes)[counted].astype(np.float64)
    return float(np.corrcoef(ours[counted], theirs)[0, 1]) if counted.any() else 0.0


def pixels(planes: Sequence[Plane]) -> Array:
    """The values of the images, axes (column, row, slice), with each image's own slope and intercept."""
    import pydicom

    read: dict[Any, tuple[Any, Array]] = {}
    slices = []
    for plane in planes:
        if plane.path not in read:
            data = pydicom.dcmread(plane.path)
            frames = data.pixel_array
            read = {plane.path: (data, frames if frames.ndim == 3 else frames[None])}  # one file at a time
        data, frames = read[plane.path]
        slope, intercept = float(data.get("RescaleSlope") or 1), float(data.get("RescaleIntercept") or 0)
        slices.append(frames[plane.frame].T * slope + intercept)
    return np.stack(slices, axis=2)
