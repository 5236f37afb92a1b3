"""How the numbers of a cohort are spread: one small histogram per number, with the limits of its rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from newlesions.report.flags import RULES, Rule, Severity
from newlesions.report.tables import shown

WIDTH, HEIGHT = 240, 90
_BINS = 24
_TOP = 8


@dataclass(frozen=True)
class Bar:
    """One bar, in pixels from the upper left corner; ``severity`` is that of the median of its values."""

    x: float
    y: float
    width: float
    height: float
    severity: Severity


@dataclass(frozen=True)
class Distribution:
    """One histogram: its bars, the limits as (x, severity beyond it), the ends of its axis, and its words."""

    name: str
    bars: list[Bar]
    limits: list[tuple[float, Severity]]
    low: str
    high: str
    middle: str
    flagged: str


def distributions(cohort: Sequence[Mapping[str, float]]) -> list[Distribution]:
    """A histogram for each rule whose number at least two pairs have and that is not the same in all.

    Parameters
    ----------
    cohort
        The measures of each pair, as `measures_of` gives them.
    """
    drawn = []
    for rule in RULES:
        values = [numbers[rule.measure] for numbers in cohort if rule.measure in numbers]
        if len(values) > 1 and min(values) < max(values):
            drawn.append(_distribution(rule, values))
    return drawn


def _distribution(rule: Rule, values: Sequence[float]) -> Distribution:
    limits: list[tuple[float, Severity]] = [(rule.look, "look")]
    if rule.bad is not None:
        limits.append((rule.bad, "bad"))
    low, high = min(values), max(values)
    counts, edges = np.histogram(values, _BINS, (low, high))
    # The bin of each value, as numpy.histogram has it: the last bin holds its upper end.
    bins = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, _BINS - 1)
    scale = WIDTH / (high - low)
    tall = (HEIGHT - _TOP) / max(int(counts.max()), 1)
    bars = [
        Bar(
            (start - low) * scale,
            HEIGHT - max(count * tall, 1.5),
            WIDTH / _BINS - 1,
            max(count * tall, 1.5),
            rule.severity(median(np.asarray(values)[bins == place].tolist())),
        )
        for place, (count, start) in enumerate(zip(counts.tolist(), edges[:-1].tolist(), strict=True))
        if count
    ]
    marks = [((limit - low) * scale, severity) for limit, severity in limits if low < limit < high]
    severities = [rule.severity(value) for value in values]
    flagged = ", ".join(f"{severities.count(name)} {name}" for name in ("look", "bad") if severities.count(name))
    whole = all(value == round(value) for value in values)
    digits = 0 if whole or high >= 100 else 1 if high >= 10 else 3 if high <= 1 else 2
    unit = rule.unit
    factor = 1
    if rule.percent:
        unit, factor, digits = "%", 100, 1
    low_text, high_text, middle = (shown(factor * value, digits) for value in (low, high, median(values)))
    return Distribution(
        f"{rule.name}, {unit}" if unit else rule.name, bars, marks, low_text, high_text, middle, flagged
    )
