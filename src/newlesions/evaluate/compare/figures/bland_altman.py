"""Bland-Altman figures of volumes and counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from newlesions.evaluate.compare.agreement import QUANTITIES, Agreement, agreement
from newlesions.evaluate.compare.figures.style import GREY, MANY, Label, colour, label_right, panels, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LARGEST = 11  # how much larger than one pair's the largest point's area is, at most
Sides = tuple[NDArray[np.float64], NDArray[np.float64]]


@styled
def bland_altman(sides: Mapping[str, Sides], quantity: str) -> Figure | None:
    """Predicted minus reference against their mean, a panel per system, with bias and 95 % limits of agreement.

    Parameters
    ----------
    sides
        Name of the system -> (reference, predicted), each of shape (pairs,), as `agreement.sides` gives them.
    quantity
        ``volume`` or ``count``. Of counts, equal points are one larger point.

    Returns
    -------
    matplotlib.figure.Figure or None
        ``None`` if no system has a pair.
    """
    shown = {name: both for name, both in sides.items() if len(both[0])}
    if not shown:
        return None
    figure, all_axes = panels(len(shown), 3, (4.3, 3.5))
    lows, highs, named = [], [], []
    for index, (axes, (name, both)) in enumerate(zip(all_axes, shown.items(), strict=True)):
        found = agreement(name, quantity, *both)
        _draw(axes, both, found, colour(index))
        axes.set_title(name)
        named.append([Label(height, f"{text}\n{_signed(height)}", "black") for height, text, _ in _named(found)])
        lows.append(np.nanmin([(both[1] - both[0]).min(), found.lower]))
        highs.append(np.nanmax([(both[1] - both[0]).max(), found.upper]))
    margin = 0.08 * max(max(highs) - min(lows), 1e-6)
    right = max(float((both[0] + both[1]).max()) / 2 for both in shown.values()) or 1.0
    for axes, labels in zip(all_axes, named, strict=True):
        axes.set_ylim(min(lows) - margin, max(highs) + margin)
        axes.set_xlim(-0.04 * right, 1.06 * right)
        label_right(axes, labels, gap=0.11, size=8)
    figure.supxlabel(
        f"mean of reference and predicted {QUANTITIES[quantity][1]}\n(larger points: several pairs)", fontsize=10
    )
    figure.supylabel("predicted − reference", fontsize=10)
    return figure


def _draw(axes: Axes, both: Sides, found: Agreement, chosen: str) -> None:
    reference, predicted = both
    points, times = np.unique(
        np.column_stack([(reference + predicted) / 2, predicted - reference]), axis=0, return_counts=True
    )
    axes.axhline(0, color="#AAAAAA", linewidth=0.8)
    many = len(points) > MANY
    size, alpha = (6, 0.35) if many else (16, 0.6)
    more = (times - 1) * min(1.0, _LARGEST / max(times.max() - 1, 1))
    axes.scatter(
        points[:, 0], points[:, 1], s=size * (1 + more), color=chosen, alpha=alpha, linewidths=0, rasterized=many
    )
    _lines(axes, found)


def _lines(axes: Axes, found: Agreement) -> None:
    """Bias and limits."""
    lines = _named(found)
    for height, _, style in lines:
        axes.axhline(height, color="black", linewidth=1.1, linestyle=style)
    if len(lines) == 1:
        axes.annotate("one pair, or no spread", (0.03, 0.03), xycoords="axes fraction", fontsize=8, color=GREY)


def _named(found: Agreement) -> list[tuple[float, str, str]]:
    """The height, name and style of each line; limits only where there is spread."""
    lines = [(found.bias, "bias", "-")]
    if np.isfinite(found.sd) and found.sd > 0:
        lines += [(found.upper, "+1.96 SD", "--"), (found.lower, "−1.96 SD", "--")]
    return lines


def _signed(value: float) -> str:
    text = f"{value:+.0f}" if abs(value) >= 100 else f"{value:+.1f}"
    return text.replace("-", "−")
