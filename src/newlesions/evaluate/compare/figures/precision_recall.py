"""The precision-recall figure, over voxels and over lesions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from newlesions.evaluate.compare.curves import Points, average_precision, pool_all
from newlesions.evaluate.compare.figures.froc import system_key
from newlesions.evaluate.compare.figures.style import FEW, colour, legend_below, line, marker, panels, styled

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_F_SCORES = (0.2, 0.4, 0.6, 0.8)


@styled
def precision_recall(curves: Mapping[str, pd.DataFrame]) -> Figure | None:
    """Precision against recall over the thresholds of the probability, pooled over pairs: of voxels, and of lesions.

    Parameters
    ----------
    curves
        Name of the system -> `scores/curves.tsv` (`newlesions.evaluate.compare.read.read_curves`).

    Returns
    -------
    matplotlib.figure.Figure or None
        ``None`` if no system has a curve with a reference voxel.
    """
    pooled = pool_all(curves)
    if not any(np.isfinite(one.curve.recall).any() for one in pooled.values()):
        return None
    figure, (voxels, lesions) = panels(2, 2, (4.4, 4.3))
    for index, (name, one) in enumerate(pooled.items()):
        value = average_precision(one.curve)
        named = f"{name} ({value:.3f})" if np.isfinite(value) else f"{name} (mask only)"
        _draw(voxels, index, *_voxels(one.curve), *_voxels(one.mask), named)
        _draw(lesions, index, *_lesions(one.curve), *_lesions(one.mask), name)
    for axes, title in ((voxels, "Voxels"), (lesions, "Lesions")):
        _frame(axes, title)
    if len(pooled) <= FEW:
        voxels.legend(loc="lower left", title="average precision", fontsize=8, title_fontsize=8, frameon=True)
        if len(pooled) > 1:
            lesions.legend(loc="lower left", fontsize=8, frameon=True)
    legend_below(figure, system_key(list(pooled)))
    return figure


Series = NDArray[np.float64]


def _voxels(points: Points) -> tuple[Series, Series]:
    return points.recall, points.precision


def _lesions(points: Points) -> tuple[Series, Series]:
    return points.sensitivity, points.lesion_precision


def _draw(
    axes: Axes, index: int, recall: Series, precision: Series, mask_recall: Series, mask_precision: Series, name: str
) -> None:
    axes.plot(
        recall, precision, color=colour(index), linestyle=line(index), linewidth=1.6, marker=marker(index),
        markersize=3, alpha=0.9, label=name,
    )  # fmt: skip
    axes.plot(
        mask_recall, mask_precision, color=colour(index), marker=marker(index), markersize=9, markeredgecolor="black",
        linestyle="", zorder=5,
    )  # fmt: skip


def _frame(axes: Axes, title: str) -> None:
    for score in _F_SCORES:  # along these lines, Dice (of lesions: F1) is constant
        recall = np.linspace(score / (2 - score), 1, 200)
        axes.plot(recall, score * recall / (2 * recall - score), color="#CCCCCC", linewidth=0.8, zorder=0)
        axes.annotate(
            f"F {score:g}", (1.03, score / (2 - score)), fontsize=7, color="#888888", va="center", annotation_clip=False
        )
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.04)
    axes.set_aspect("equal")
    axes.grid(visible=False)
    axes.set_title(title)
    axes.set_xlabel("recall (sensitivity)")
    axes.set_ylabel("precision (PPV)")
