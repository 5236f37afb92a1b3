"""Outlines of masks as SVG paths: sharp at every size, a few bytes each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from skimage import measure

from newlesions.images.volume import Array


def contours(picture: Array, level: float = 0.5, tolerance: float = 0.0) -> list[NDArray[np.float64]]:
    """Closed curves where ``picture`` crosses ``level``, each of shape (n, 2) as (x, y).

    The first pixel covers 0 to 1. Things that touch the picture's border are closed along it. ``tolerance`` is the
    distance, in pixels, by which a simplified curve may stray (Douglas and Peucker).
    """
    padded = np.pad(np.asarray(picture, np.float32), 1)
    curves = measure.find_contours(padded, level)
    if tolerance > 0:
        curves = [measure.approximate_polygon(curve, tolerance) for curve in curves]
    return [curve[:, ::-1] - 0.5 for curve in curves if len(curve) > 3]


def svg_path(curves: list[NDArray[np.float64]], offset: tuple[float, float] = (0.0, 0.0)) -> str:
    """The ``d`` attribute of a path through ``curves``, moved by ``offset``, in tenths of a pixel."""
    return "".join(_subpath(curve + np.asarray(offset)) for curve in curves)


def _subpath(curve: NDArray[np.float64]) -> str:
    tenths = np.rint(curve * 10).astype(int)
    steps = np.diff(tenths[:-1], axis=0)  # the last point repeats the first: "z" closes the curve
    return f"M{_pair(tenths[0])}l{' '.join(_pair(step) for step in steps)}z" if len(steps) else ""


def _pair(values: NDArray[np.int64]) -> str:
    return f"{values[0] / 10:g} {values[1] / 10:g}"
