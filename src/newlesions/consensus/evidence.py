"""Whether a consensus is better than the best of its systems, on pairs whose subject chose and taught nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from newlesions.evaluate.compare.bootstrap import Bootstrap
from newlesions.evaluate.compare.catalogue import SCORES, Measure
from newlesions.evaluate.compare.paired import signed_rank

Scores = Mapping[str, Mapping[str, Mapping[str, float]]]
"""By system or way, by pair: measures (`newlesions.evaluate.measures`)."""

JUDGED = ("Dice", "F1_score", "NbTestedLesions")
"""The measures that are compared: the challenge's two, and false lesions of pairs whose reference is empty."""

VERDICT = ("Dice", "F1_score")
"""Those of the printed line."""

_DIGITS = 9


@dataclass(frozen=True)
class Row:
    """One system or way in one measure.

    Attributes
    ----------
    name, kind
        Of a system or of a way to fuse.
    measure
        One of `JUDGED`.
    pairs, mean
        Pairs with a value, and its mean over them.
    best
        The mean of the best single system, chosen for each subject from the other subjects' pairs, over the same pairs.
    difference, low, high, interval
        Its mean paired difference to that (positive is better, whatever the measure), with a bootstrap interval over
        subjects (`Bootstrap.intervals`).
    p, method
        Of Wilcoxon's signed-rank test, two-sided.
    """

    name: str
    kind: Literal["system", "consensus"]
    measure: str
    pairs: int
    mean: float
    best: float
    difference: float
    low: float
    high: float
    interval: str
    p: float
    method: str

    @property
    def is_better(self) -> bool:
        """Whether the interval lies above 0."""
        return bool(self.low > 0)


ROW = tuple(field.name for field in fields(Row))
"""The columns of a table of rows."""


@dataclass(frozen=True)
class Evidence:
    """What `judge` found.

    Attributes
    ----------
    rows
        Systems first, then ways, each in every measure that some pair has.
    scores
        By name and pair.
    chosen
        By measure and subject: the best single system of the other subjects.
    weights
        By subject: the weights learned from the others, in the systems' order.
    """

    systems: tuple[str, ...]
    rows: tuple[Row, ...]
    scores: Scores
    chosen: Mapping[str, Mapping[str, str]]
    weights: Mapping[str, tuple[float, ...]]

    def row(self, name: str, measure: str) -> Row | None:
        """That of a system or way in a measure; None where no pair has a value."""
        return next((row for row in self.rows if (row.name, row.measure) == (name, measure)), None)


def judge(
    systems: Sequence[str],
    ways: Sequence[str],
    scores: Scores,
    subject_of: Mapping[str, str],
    bootstrap: Bootstrap | None = None,
    weights: Mapping[str, tuple[float, ...]] | None = None,
) -> Evidence:
    """Every system and every way beside the best single system of the other subjects.

    Parameters
    ----------
    systems, ways
        The names of both in ``scores``.
    subject_of
        The subject of each pair that is compared; all in ``scores`` have these.
    bootstrap
        Of the intervals; subjects are drawn, each with all of its pairs.
    weights
        Handed on.
    """
    rows: list[Row] = []
    chosen = {}
    subjects = list(subject_of.values())
    for measure in (measure for measure in SCORES if measure.name in JUDGED):
        values = {
            name: np.array([scores[name][pair].get(measure.name, math.nan) for pair in subject_of])
            for name in (*systems, *ways)
        }
        chosen[measure.name] = _best(systems, subjects, values, measure)
        best = np.array([values[chosen[measure.name][subject]][n] for n, subject in enumerate(subjects)])
        rows += _rows(systems, values, best, measure, subjects, bootstrap or Bootstrap())
    order = {name: number for number, name in enumerate((*systems, *ways))}
    rows.sort(key=lambda row: order[row.name])
    return Evidence(tuple(systems), tuple(rows), scores, chosen, weights or {})


def verdict(evidence: Evidence, how: str) -> str:
    """In one line: whether the consensus beats the best single system, by the interval of the paired difference."""
    parts = []
    for measure in VERDICT:
        row = evidence.row(how, measure)
        if row is None:
            parts.append(f"{measure} is not defined for any pair")
            continue
        word = "beats" if row.is_better else "is worse than" if row.high < 0 else "is not shown to beat"
        between = f"{row.low:+.3f} to {row.high:+.3f}" if math.isfinite(row.low) else "no interval"
        parts.append(
            f"in {measure} it {word} the best single system ({row.mean:.3f} against {row.best:.3f}, "
            f"difference {row.difference:+.3f}, {between}, p = {row.p:.3g}, {row.pairs} pairs)"
        )
    return "; ".join(parts)


def verdicts(evidence: Evidence) -> list[str]:
    """A line for each consensus."""
    names = dict.fromkeys(row.name for row in evidence.rows if row.kind == "consensus")
    return [f"{name}: {verdict(evidence, name)}." for name in names]


def _best(
    systems: Sequence[str], subjects: Sequence[str], values: Mapping[str, NDArray[np.float64]], measure: Measure
) -> dict[str, str]:
    """By subject: the system with the best mean over the other subjects' pairs; of equal ones, or where no pair has a
    value, the first."""
    sign = 1 if measure.better == "higher" else -1
    chosen = {}
    for subject in dict.fromkeys(subjects):
        others = np.array([other != subject for other in subjects])
        means = []
        for name in systems:
            there = values[name][others & np.isfinite(values[name])]
            means.append(sign * there.mean() if len(there) else -math.inf)
        chosen[subject] = systems[int(np.argmax(means))]
    return chosen


def _rows(
    systems: Sequence[str],
    values: Mapping[str, NDArray[np.float64]],
    best: NDArray[np.float64],
    measure: Measure,
    subjects: Sequence[str],
    bootstrap: Bootstrap,
) -> list[Row]:
    sign = 1 if measure.better == "higher" else -1
    gaps = {name: np.round(sign * (found - best), _DIGITS) for name, found in values.items()}
    gaps = {name: gap for name, gap in gaps.items() if np.isfinite(gap).any()}
    if not gaps:
        return []
    table = np.array(list(gaps.values()))
    there = np.isfinite(table).any(axis=0)
    first = {subject: number for number, subject in enumerate(dict.fromkeys(np.array(subjects)[there].tolist()))}
    drawn = np.array([first[subject] for subject in np.array(subjects)[there].tolist()], np.int64)
    intervals = bootstrap.intervals(table[:, there], measure.population, drawn)
    rows = []
    for name, interval in zip(gaps, intervals, strict=True):
        both = np.isfinite(gaps[name])
        moved = gaps[name][both]
        _, p, method = signed_rank(moved)
        mean, against = float(values[name][both].mean()), float(best[both].mean())
        kind: Literal["system", "consensus"] = "system" if name in systems else "consensus"
        rows.append(Row(name, kind, measure.name, len(moved), mean, against, float(moved.mean()), *interval, p, method))
    return rows
