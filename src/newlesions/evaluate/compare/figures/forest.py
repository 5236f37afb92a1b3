"""Means with their intervals, a row per system."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from newlesions.evaluate.compare.catalogue import MEASURES
from newlesions.evaluate.compare.describe import Description
from newlesions.evaluate.compare.figures.style import COLOURS, panels, styled
from newlesions.evaluate.compare.text import heading

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLUMNS = 3


@styled
def forest(descriptions: Sequence[Description], measures: Sequence[str], order: Sequence[str]) -> Figure | None:
    """A panel per measure: each system's mean and the interval of it, the systems in ``order`` from above.

    Parameters
    ----------
    descriptions
        As `describe.describe` gives them.
    measures
        Which are drawn; those without any value are left out.

    Returns
    -------
    matplotlib.figure.Figure or None
        ``None`` if no measure has a value.
    """
    found = {(one.measure, one.system): one for one in descriptions}
    drawn = [
        name for name in measures if any((name, s) in found and np.isfinite(found[name, s].mean) for s in order)
    ]  # fmt: skip
    if not drawn:
        return None
    height = 0.9 + 0.24 * len(order)
    figure, all_axes = panels(len(drawn), _COLUMNS, (3.9, height))
    for number, (axes, name) in enumerate(zip(all_axes, drawn, strict=True)):
        for row, system in enumerate(order):
            _draw(axes, row, found.get((name, system)))
        axes.set_title(heading(MEASURES[name]))
        named = number % _COLUMNS == 0
        axes.set_yticks(range(len(order)), order if named else [""] * len(order))
        axes.set_ylim(len(order) - 0.4, -0.6)
        axes.tick_params(labelsize=8)
        if MEASURES[name].better == "lower":
            axes.set_xlim(left=0)
        else:
            axes.set_xlim(-0.02, 1.02)
    return figure


def _draw(axes: Axes, row: int, one: Description | None) -> None:
    if one is None or not np.isfinite(one.mean):
        return
    if np.isfinite(one.low):
        axes.hlines(row, one.low, one.high, color=COLOURS[0], linewidth=2.2, alpha=0.55)
    axes.plot([one.mean], [row], marker="o", markersize=5, color=COLOURS[0], markeredgecolor="black", linestyle="")
