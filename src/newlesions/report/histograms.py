"""Curves of how often each intensity occurs, as SVG paths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 600, 160


@dataclass(frozen=True)
class HistogramPlot:
    """Two curves in a box of `WIDTH` by `HEIGHT`, and the ticks of the axis as (x, text)."""

    baseline: str
    followup: str
    ticks: list[tuple[float, str]]
    alt: str


def histogram_plot(counted: Mapping[str, Any], title: str) -> HistogramPlot:
    """Draw what `preprocess.histograms` counted: ``low``, ``high``, ``baseline``, ``followup``, ``overlap``.

    The outermost bins, which gather what lies beyond, are not drawn.
    """
    low, high = float(counted["low"]), float(counted["high"])
    curves = [list(map(float, counted[visit]))[1:-1] for visit in ("baseline", "followup")]
    top = max(map(max, curves)) or 1.0
    shares = (0.0, 0.25, 0.5, 0.75, 1.0)
    ticks = [(WIDTH * share, f"{low + share * (high - low):.3g}") for share in shares]
    first, second = (_path(curve, top) for curve in curves)
    alt = f"{title}: intensities in the brain at baseline and follow-up; {100 * float(counted['overlap']):.0f} % shared"
    return HistogramPlot(first, second, ticks, alt)


def _path(counts: Sequence[float], top: float) -> str:
    bins = len(counts) + 2
    points = (
        f"{WIDTH * (index + 1.5) / bins:.1f} {HEIGHT - 2 - 150 * count / top:.1f}" for index, count in enumerate(counts)
    )
    return "M" + "L".join(points)
