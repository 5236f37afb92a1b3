"""Whether a consensus is better than the best of its systems, on pairs whose subject chose and taught nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from newlesions.consensus.fuse import LESION, WAYS, fuse
from newlesions.consensus.weights import Moments, learn_weights, moments
from newlesions.errors import ConfigError
from newlesions.evaluate.compare.bootstrap import Bootstrap
from newlesions.evaluate.compare.catalogue import SCORES, Measure
from newlesions.evaluate.compare.paired import signed_rank
from newlesions.evaluate.masks import LabelImage, label_image
from newlesions.evaluate.measures import Measures, score

JUDGED = ("Dice", "F1_score", "NbTestedLesions")
"""The measures that are compared: the challenge's two, and false lesions of pairs whose reference is empty."""

VERDICT = ("Dice", "F1_score")
"""Those of the printed line."""

_DIGITS = 9


@dataclass(frozen=True)
class Known:
    """A pair with a reference.

    ``read``: gives the systems' probabilities of new lesions, (S, I, J, K), and the reference on the same grid. It is
    called twice, so that one pair's maps at a time are in memory.
    """

    pair: str
    subject: str
    read: Callable[[], tuple[NDArray[Any], LabelImage]]


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
        pairs (`Bootstrap.intervals`).
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


@dataclass(frozen=True)
class Evidence:
    """What `leave_one_subject_out` found.

    Attributes
    ----------
    rows
        Systems first, then ways, each in every measure that some pair has.
    scores
        By name and pair: the tool's measures (`newlesions.evaluate.measures`).
    chosen
        By measure and subject: the best single system of the other subjects.
    weights
        By subject: the weights learned from the others, in the systems' order.
    """

    systems: tuple[str, ...]
    rows: tuple[Row, ...]
    scores: Mapping[str, Mapping[str, Measures]]
    chosen: Mapping[str, Mapping[str, str]]
    weights: Mapping[str, tuple[float, ...]]

    def row(self, name: str, measure: str) -> Row | None:
        """That of a system or way in a measure; None where no pair has a value."""
        return next((row for row in self.rows if (row.name, row.measure) == (name, measure)), None)


def leave_one_subject_out(
    systems: Sequence[str],
    known: Sequence[Known],
    ways: Sequence[str] = WAYS,
    bootstrap: Bootstrap | None = None,
) -> Evidence:
    """Score every system and every way to fuse them on each pair, with nothing taken from the pair's own subject.

    Weights are learned, and the best single system is chosen (by the mean of the measure), from the pairs of all other
    subjects. Systems whose networks have seen a pair do not belong here: nothing in the maps can tell.

    Raises
    ------
    ConfigError
        On fewer than two systems or subjects, or names that are given twice or are those of ways.
    """
    _check(systems, known, ways)
    seen = {one.pair: moments(*_arrays(one)) for one in known}
    subjects = list(dict.fromkeys(one.subject for one in known))
    weights = {subject: _learned(known, seen, subject) for subject in subjects} if "weights" in ways else {}
    scores: dict[str, dict[str, Measures]] = {name: {} for name in (*systems, *ways)}
    for one in known:
        maps, reference = one.read()
        masks = {name: maps[number] >= LESION for number, name in enumerate(systems)}
        masks |= {how: fuse(maps, how, weights.get(one.subject)) >= LESION for how in ways}
        for name, mask in masks.items():
            scores[name][one.pair] = score(reference, label_image(mask, reference.affine, reference.spacing))
    rows: list[Row] = []
    chosen = {}
    for measure in (measure for measure in SCORES if measure.name in JUDGED):
        values = {name: np.array([scores[name][one.pair].get(measure.name, math.nan) for one in known])
                  for name in scores}  # fmt: skip
        chosen[measure.name] = _best(systems, known, values, measure)
        best = np.array([values[chosen[measure.name][one.subject]][n] for n, one in enumerate(known)])
        rows += _rows(systems, ways, values, best, measure, bootstrap or Bootstrap())
    order = {name: number for number, name in enumerate((*systems, *ways))}
    return Evidence(
        tuple(systems),
        tuple(sorted(rows, key=lambda row: order[row.name])),
        scores,
        chosen,
        {subject: tuple(float(w) for w in found) for subject, found in weights.items()},
    )


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
    return f"consensus ({how}): " + "; ".join(parts)


def _check(systems: Sequence[str], known: Sequence[Known], ways: Sequence[str]) -> None:
    if len(systems) < 2:
        raise ConfigError(f"consensus: found {len(systems)} systems; expected at least 2")
    taken = [name for name in systems if name in WAYS or list(systems).count(name) > 1]
    if taken:
        expected = f"names of their own, other than {', '.join(WAYS)}"
        raise ConfigError(f"consensus: found {taken[0]!r} as the name of a system; expected {expected}")
    unknown = [how for how in ways if how not in WAYS]
    if unknown:
        raise ConfigError(f"consensus: found {unknown[0]!r}; expected some of {', '.join(WAYS)}")
    subjects = {one.subject for one in known}
    if len(subjects) < 2:
        found = f"references of {len(subjects)} subjects"
        raise ConfigError(f"consensus: found {found}; expected at least 2, or none can be left out")


def _arrays(one: Known) -> tuple[NDArray[Any], NDArray[Any]]:
    maps, reference = one.read()
    return maps, reference.labels


def _learned(known: Sequence[Known], seen: Mapping[str, Moments], subject: str) -> NDArray[np.float64]:
    return learn_weights([seen[one.pair] for one in known if one.subject != subject])


def _best(
    systems: Sequence[str], known: Sequence[Known], values: Mapping[str, NDArray[np.float64]], measure: Measure
) -> dict[str, str]:
    """By subject: the system with the best mean over the other subjects' pairs; of equal ones, or where no pair has a
    value, the first."""
    sign = 1 if measure.better == "higher" else -1
    chosen = {}
    for subject in dict.fromkeys(one.subject for one in known):
        others = np.array([one.subject != subject for one in known])
        means = []
        for name in systems:
            there = values[name][others & np.isfinite(values[name])]
            means.append(sign * there.mean() if len(there) else -math.inf)
        chosen[subject] = systems[int(np.argmax(means))]
    return chosen


def _rows(
    systems: Sequence[str],
    ways: Sequence[str],
    values: Mapping[str, NDArray[np.float64]],
    best: NDArray[np.float64],
    measure: Measure,
    bootstrap: Bootstrap,
) -> list[Row]:
    sign = 1 if measure.better == "higher" else -1
    names = [name for name in (*systems, *ways) if np.isfinite(values[name] - best).any()]
    gaps = {name: np.round(sign * (values[name] - best), _DIGITS) for name in names}
    intervals = bootstrap.intervals(np.array(list(gaps.values())), measure.population) if gaps else []
    rows = []
    for name, interval in zip(names, intervals, strict=True):
        both = np.isfinite(gaps[name])
        moved = gaps[name][both]
        _, p, method = signed_rank(moved)
        mean, against = float(values[name][both].mean()), float(best[both].mean())
        kind: Literal["system", "consensus"] = "system" if name in systems else "consensus"
        rows.append(Row(name, kind, measure.name, len(moved), mean, against, float(moved.mean()), *interval, p, method))
    return rows
