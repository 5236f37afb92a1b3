"""Which systems differ from which: the paired tests of a measure as a matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from newlesions.evaluate.compare.catalogue import MEASURES
from newlesions.evaluate.compare.figures.style import COLOURS, panels, styled
from newlesions.evaluate.compare.paired import PairedTest

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEVEL = 0.05
_COLUMNS = 2


@styled
def tests_map(tests: Sequence[PairedTest], measures: Sequence[str], order: Sequence[str]) -> Figure | None:
    """A matrix per measure: in a row's cell, the mean difference of the row's system from the column's.

    Orange where the row's system is better, blue where it is worse; a black dot where p (Holm) is below 0.05.

    Returns
    -------
    matplotlib.figure.Figure or None
        ``None`` if nothing was tested.
    """
    drawn = [name for name in measures if any(test.measure == name and test.pairs for test in tests)]
    if not drawn:
        return None
    side = 1.6 + 0.27 * len(order)
    figure, all_axes = panels(len(drawn), _COLUMNS, (side + 1.2, side))
    for axes, name in zip(all_axes, drawn, strict=True):
        _matrix(axes, [test for test in tests if test.measure == name], name, order)
    return figure


def _matrix(axes: Axes, tests: Sequence[PairedTest], name: str, order: Sequence[str]) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    at = {system: number for number, system in enumerate(order)}
    sign = -1.0 if MEASURES[name].better == "lower" else 1.0
    values = np.full((len(order), len(order)), np.nan)
    for test in tests:
        if test.first in at and test.second in at:
            values[at[test.first], at[test.second]] = sign * test.mean_difference
            values[at[test.second], at[test.first]] = -sign * test.mean_difference
            if test.p_holm < LEVEL:
                both = [at[test.first], at[test.second]]
                axes.plot(both, both[::-1], marker="o", color="black", markersize=4, linestyle="", zorder=4)
    most = np.nanmax(np.abs(values)) if np.isfinite(values).any() else 0.0
    colours = LinearSegmentedColormap.from_list("better", [COLOURS[0], "#FFFFFF", COLOURS[1]])
    axes.imshow(values, cmap=colours, vmin=-(most or 1), vmax=most or 1, zorder=1)
    axes.set_xticks(range(len(order)), order, rotation=60, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(order)), order)
    axes.tick_params(labelsize=8, length=0)
    axes.grid(visible=False)
    axes.set_title(MEASURES[name].label)
