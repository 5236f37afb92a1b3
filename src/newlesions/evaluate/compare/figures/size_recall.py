"""Recall of lesions against their size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

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
from newlesions.evaluate.compare.sizes import recall_by_class, smooth_recall

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_CLASS_LIMITS = (3, 10, 30, 100, 300)


@styled
def size_recall(lesions: Mapping[str, pd.DataFrame]) -> Figure | None:
    """The share of reference lesions that each system finds, against lesion volume.

    Points with bars are size classes with Wilson's 95 % interval, lines a Gaussian smoother over log volume.

    Parameters
    ----------
    lesions
        Name of the system -> `scores/lesions.tsv` (`newlesions.evaluate.compare.read.read_lesions`).

    Returns
    -------
    matplotlib.figure.Figure or None
        ``None`` if no system has a reference lesion.
    """
    from matplotlib.lines import Line2D

    shown = {name: table for name, table in lesions.items() if recall_by_class(table)}
    if not shown:
        return None
    figure, (axes,) = panels(1, 1, (6.6, 4.2))
    labels = [_draw(axes, index, name, table, len(shown)) for index, (name, table) in enumerate(shown.items())]
    _frame(axes, next(iter(shown.values())))
    if len(shown) <= FEW and len(lesions) > 1:
        label_right(axes, labels)
    elif len(shown) > FEW:
        legend_below(
            figure,
            [
                Line2D([], [], color=colour(i), linestyle=line(i), marker=marker(i), label=name)
                for i, name in enumerate(shown)
            ],
        )
    return figure


def _draw(axes: Axes, index: int, name: str, lesions: pd.DataFrame, systems: int) -> Label:
    classes = recall_by_class(lesions)
    volume, recall = smooth_recall(lesions)
    axes.plot(volume, recall, color=colour(index), linestyle=line(index), linewidth=1.8)
    shift = 10 ** (0.035 * (index - (systems - 1) / 2))  # bars of several systems stand side by side
    x = np.array([c.volume for c in classes]) * shift
    y = np.array([c.recall for c in classes])
    bars = [[c.recall - c.low for c in classes], [c.high - c.recall for c in classes]]
    axes.errorbar(
        x, y, yerr=np.maximum(bars, 0), fmt=marker(index), color=colour(index), markersize=5, capsize=2.5, linewidth=1.1
    )
    drawn = np.flatnonzero(np.isfinite(recall))
    end = recall[drawn[-1]] if len(drawn) else y[-1]
    return Label(float(end), name, colour(index))


def _frame(axes: Axes, lesions: pd.DataFrame) -> None:
    reference = lesions[lesions["side"] == "reference"]
    low, high = min(3.0, reference["volume_mm3"].min()), max(300.0, reference["volume_mm3"].max())
    axes.set_xscale("log")
    axes.set_xlim(low * 0.9, high * 1.15)
    axes.set_ylim(-0.02, 1.09)
    for limit in _CLASS_LIMITS:
        axes.axvline(limit, color="#BBBBBB", linewidth=0.7, linestyle=(0, (2, 2)), zorder=0)
    ticks = [tick for tick in (3, 10, 30, 100, 300, 1000, 3000, 10000, 30000) if tick <= high * 1.15]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.grid(visible=False, axis="x")
    axes.set_yticks(np.linspace(0, 1, 6))
    axes.set_xlabel("volume of the reference lesion (mm³; dashed: size classes)")
    axes.set_ylabel("lesion sensitivity (pooled)")
    for item in recall_by_class(lesions):
        axes.annotate(
            f"n = {item.reference}", (item.volume, 1.075), ha="center", va="center", fontsize=8, color="#555555"
        )
