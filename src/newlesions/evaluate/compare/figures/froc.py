"""The FROC figure: lesion sensitivity against false lesions per scan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from newlesions.evaluate.compare.curves import Pooled, pool_all
from newlesions.evaluate.compare.figures.style import (
    FEW,
    Label,
    colour,
    label_right,
    legend_below,
    line,
    marker,
    panels,
    styled,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TICKS = {0: "0", 1 / 8: "1/8", 1 / 4: "1/4", 1 / 2: "1/2", 1: "1", 2: "2", 4: "4", 8: "8", 16: "16", 32: "32"}
_LINEAR = 1 / 8  # below it the axis is linear, so that zero false lesions has a place


@styled
def froc(curves: Mapping[str, pd.DataFrame]) -> Figure | None:
    """Sensitivity against false lesions per scan over the thresholds of the probability, pooled over pairs.

    The operating point, the written mask, is a large marker; a system without probability maps has only that.

    Parameters
    ----------
    curves
        Name of the system -> `scores/curves.tsv` (`newlesions.evaluate.compare.read.read_curves`).

    Returns
    -------
    matplotlib.figure.Figure or None
        ``None`` if no system has a curve with a reference lesion.
    """
    pooled = pool_all(curves)
    if not any(np.isfinite(one.curve.sensitivity).any() for one in pooled.values()):
        return None
    figure, (axes,) = panels(1, 1, (6.4, 4.4))
    labels = [_draw(axes, index, name, one) for index, (name, one) in enumerate(pooled.items())]
    right = max(float(np.nanmax([*one.curve.false_per_scan, *one.mask.false_per_scan])) for one in pooled.values())
    frame(axes, min(max(1.0, right * 1.04), 32.0))
    if 1 < len(pooled) <= FEW:
        label_right(axes, labels)
    legend_below(figure, system_key(list(pooled)))
    return figure


def system_key(names: list[str]) -> list[object]:
    """What stands in the legend below curves: the operating point, and the systems if they are many."""
    from matplotlib.lines import Line2D

    mask = Line2D([], [], color="#777777", marker="o", markersize=9, markeredgecolor="black", linestyle="")
    mask.set_label("operating point (mask)")
    if len(names) <= FEW:
        return [mask]
    systems = [
        Line2D([], [], color=colour(i), linestyle=line(i), marker=marker(i), markersize=5, label=name)
        for i, name in enumerate(names)
    ]
    return [*systems, mask]


def _draw(axes: Axes, index: int, name: str, pooled: Pooled) -> Label:
    curve, mask = pooled.curve, pooled.mask
    axes.plot(
        curve.false_per_scan, curve.sensitivity, color=colour(index), linestyle=line(index), linewidth=1.6,
        marker=marker(index), markersize=3, alpha=0.9,
    )  # fmt: skip
    axes.plot(
        mask.false_per_scan, mask.sensitivity, color=colour(index), marker=marker(index), markersize=9,
        markeredgecolor="black", linestyle="", zorder=5,
    )  # fmt: skip
    ends = curve if len(curve.threshold) else mask
    at = int(np.argmax(ends.false_per_scan))
    return Label(float(ends.sensitivity[at]), name, colour(index))


def frame(axes: Axes, right: float) -> None:
    """The axes of a FROC curve, up to ``right`` false lesions per scan."""
    axes.set_xscale("symlog", base=2, linthresh=_LINEAR, linscale=0.7)
    axes.set_xlim(-_LINEAR / 5, right)
    ticks = {tick: text for tick, text in _TICKS.items() if tick <= right}
    axes.set_xticks(list(ticks), list(ticks.values()))
    axes.set_xticks([], minor=True)
    axes.set_ylim(-0.02, 1.02)
    axes.set_yticks(np.linspace(0, 1, 6))
    axes.set_xlabel("false lesions per scan (all pairs)")
    axes.set_ylabel("lesion sensitivity (pooled)")
