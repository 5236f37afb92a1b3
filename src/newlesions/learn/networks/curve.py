"""The learning curve of a training as a figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from newlesions.evaluate.compare.figures.style import GREY, colour, panels, styled, svg
from newlesions.learn.networks.loop import Row

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SMOOTH = 40
"""The smoothed loss is over so many parts of the training."""


@styled
def draw_curve(log: Sequence[Row], title: str, best: tuple[int, float] | None = None) -> Figure:
    """Three panels over the steps: loss (and its running mean), validation Dice, learning rate."""
    figure, (losses, scores, rates) = panels(3, 3, (3.6, 2.7))
    steps = np.array([row.step for row in log])
    values = np.array([row.loss for row in log])
    losses.plot(steps, values, color=GREY, linewidth=0.6, alpha=0.6)
    losses.plot(steps, _running_mean(values, max(1, len(values) // _SMOOTH)), color=colour(0))
    losses.set_title("training loss")
    looks = [(row.step, row.score) for row in log if row.score is not None]
    if looks:
        scores.plot(*zip(*looks, strict=True), color=colour(1), marker=".")
    else:
        scores.text(0.5, 0.5, "no validation pairs", ha="center", va="center", transform=scores.transAxes, color=GREY)
    if best is not None:
        scores.axvline(best[0], color=GREY, linewidth=0.8, linestyle="--")
    scores.set_title("validation Dice")
    rates.plot(steps, [row.lr for row in log], color=colour(2))
    rates.set_title("learning rate")
    for axes in (losses, scores, rates):
        axes.set_xlabel("step")
    figure.suptitle(title)
    return figure


def curve_svg(log: Sequence[Row], title: str, best: tuple[int, float] | None = None) -> str:
    """`draw_curve` as SVG text."""
    return svg(draw_curve(log, title, best))


def _running_mean(values: np.ndarray[tuple[int], np.dtype[np.float64]], width: int) -> list[float]:
    return [float(values[max(0, n - width + 1) : n + 1].mean()) for n in range(len(values))]
