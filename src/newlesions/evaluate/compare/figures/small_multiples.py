"""FROC curves of many systems: one panel for each, the others grey behind it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from newlesions.evaluate.compare.curves import Pooled, pool_all
from newlesions.evaluate.compare.figures.froc import frame
from newlesions.evaluate.compare.figures.style import COLOURS, legend_below, panels, styled

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLUMNS = 4
_GREY = "#C9C9C9"
_MOST_FALSE = 32.0


@styled
def froc_multiples(curves: Mapping[str, pd.DataFrame]) -> Figure | None:
    """A panel per system: its sensitivity against its false lesions per scan, as in `froc`, all others in grey.

    Parameters
    ----------
    curves
        Name of the system -> `scores/curves.tsv`.

    Returns
    -------
    matplotlib.figure.Figure or None
        ``None`` if no system has a curve with a reference lesion.
    """
    pooled = pool_all(curves)
    if not any(np.isfinite(one.curve.sensitivity).any() for one in pooled.values()):
        return None
    right = max(float(np.nanmax([1.0, *one.curve.false_per_scan, *one.mask.false_per_scan])) for one in pooled.values())
    figure, all_axes = panels(len(pooled), _COLUMNS, (2.7, 2.3))
    for axes, name in zip(all_axes, pooled, strict=True):
        for other, one in pooled.items():
            if other != name:
                axes.plot(one.curve.false_per_scan, one.curve.sensitivity, color=_GREY, linewidth=0.7, zorder=1)
        _draw(axes, pooled[name])
        frame(axes, min(right * 1.04, _MOST_FALSE))
        axes.set_title(name)
        axes.tick_params(labelsize=8)
        axes.set_xlabel("false lesions per scan", fontsize=8)
        axes.set_ylabel("lesion sensitivity", fontsize=8)
    legend_below(figure, _key())
    return figure


def _draw(axes: Axes, pooled: Pooled) -> None:
    axes.plot(
        pooled.curve.false_per_scan, pooled.curve.sensitivity, color=COLOURS[0], linewidth=1.8, marker="o",
        markersize=3, zorder=3,
    )  # fmt: skip
    axes.plot(
        pooled.mask.false_per_scan, pooled.mask.sensitivity, color=COLOURS[0], marker="o", markersize=8,
        markeredgecolor="black", linestyle="", zorder=5,
    )  # fmt: skip


def _key() -> list[object]:
    from matplotlib.lines import Line2D

    mask = Line2D([], [], color=COLOURS[0], marker="o", markersize=8, markeredgecolor="black", linestyle="")
    mask.set_label("operating point (mask)")
    return [
        Line2D([], [], color=COLOURS[0], linewidth=1.8, label="the system"), mask,
        Line2D([], [], color=_GREY, linewidth=0.9, label="all others"),
    ]  # fmt: skip
