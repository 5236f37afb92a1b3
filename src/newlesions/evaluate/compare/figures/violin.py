"""Violins of scores over pairs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from newlesions.evaluate.compare.figures.style import MANY, are_long, colour, legend_below, name_axis, panels, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HALF = 0.38  # a violin's half width
_SHAPED = 5  # values from which a density says something
_GOLDEN = 0.6180339887498949


@styled
def violins(values: Mapping[str, Mapping[str, NDArray[np.float64]]]) -> Figure | None:
    """One panel per measure with one violin per system: every pair a point, the median a line, the mean a diamond.

    Parameters
    ----------
    values
        Title of the panel -> name of the system -> values over pairs, shape (pairs,). NaN is left out.

    Returns
    -------
    matplotlib.figure.Figure or None
        ``None`` if there is no value at all. Panels without a value are left out. A system with fewer than five
        values, or equal ones, gets its points without a violin.
    """
    kept = {
        title: {name: row[np.isfinite(row)] for name, row in systems.items()}
        for title, systems in values.items()
        if any(np.isfinite(row).any() for row in systems.values())
    }
    if not kept:
        return None
    count = max(len(systems) for systems in kept.values())
    names = list(next(iter(kept.values())))
    height = 3.0 + (0.07 * max(map(len, names)) if are_long(names) else 0)
    figure, all_axes = panels(len(kept), 3, (max(2.9, 0.6 * count + 1), height))
    for axes, (title, systems) in zip(all_axes, kept.items(), strict=True):
        for index, row in enumerate(systems.values()):
            if len(row):
                _draw(axes, index, np.sort(row))
        name_axis(axes, list(systems))
        axes.set_title(title)
        _limits(axes, np.concatenate(list(systems.values())))
    legend_below(figure, _key())
    return figure


def _draw(axes: Axes, index: int, row: NDArray[np.float64]) -> None:
    """The violin, points, median and mean of one sorted row."""
    widths = np.full(len(row), 0.12)
    if len(row) >= _SHAPED and np.ptp(row) > 1e-9:
        at = np.linspace(row[0], row[-1], 160)
        density = _density(row, at)
        axes.fill_betweenx(at, index - density, index + density, color=colour(index), alpha=0.22, linewidth=0)
        widths = np.interp(row, at, density) * 0.85
    # A low-discrepancy sequence spreads the points evenly, the same way every time.
    spread = 2 * ((np.arange(1, len(row) + 1) * _GOLDEN) % 1) - 1
    size, alpha = (14, 0.75) if len(row) <= 150 else (6, 0.45)
    axes.scatter(
        index + spread * widths, row, s=size, color=colour(index), alpha=alpha, linewidths=0, zorder=2,
        rasterized=len(row) > MANY,
    )  # fmt: skip
    axes.hlines(np.median(row), index - 0.26, index + 0.26, color="black", linewidth=1.8, zorder=3)
    axes.scatter([index], [row.mean()], marker="D", s=30, facecolor="white", edgecolor="black", linewidth=1.1, zorder=4)


def _density(row: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Half widths of the violin at ``at``: a Gaussian kernel density (Scott's rule), largest `_HALF`."""
    from scipy.stats import gaussian_kde

    density = gaussian_kde(row)(at)
    return density / density.max() * _HALF


def _limits(axes: Axes, row: NDArray[np.float64]) -> None:
    """All of 0 to 1 for shares; from about 0 for what is never negative."""
    if row.min() >= 0 and row.max() <= 1 and row.max() > 0.01:
        axes.set_ylim(-0.04, 1.04)
    elif row.min() >= 0:
        top = row.max() if row.max() > 0 else 1.0
        axes.set_ylim(-0.05 * top, 1.08 * top)


def _key() -> list[object]:
    from matplotlib.lines import Line2D

    return [
        Line2D([], [], color="black", linewidth=1.8, label="median"),
        Line2D([], [], color="black", marker="D", markerfacecolor="white", linestyle="", label="mean"),
        Line2D([], [], color="#888888", marker="o", markersize=4, linestyle="", label="one pair"),
    ]
