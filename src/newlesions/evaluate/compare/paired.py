"""Two systems on the same pairs: Wilcoxon's signed-rank test with Holm's correction, and the size of the effect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from newlesions.evaluate.compare.bootstrap import Bootstrap
from newlesions.evaluate.compare.catalogue import POPULATIONS, Measure
from newlesions.evaluate.compare.cohort import Cohort

_EXACT_LARGEST = 50  # differences; 2^50 sums are counted without rounding
_DIGITS = 9  # of a difference: scores have six, and subtraction must not break their ties
_LEAST = 6  # differences: with five, the smallest possible p is 2 / 2^5 = 0.06


@dataclass(frozen=True)
class PairedTest:
    """The comparison of ``first`` with ``second`` in one measure; differences are first minus second.

    Parameters
    ----------
    pairs, undefined
        Pairs where both have a value, and pairs of the population where one has none.
    zeros
        Pairs without a difference.
    median_difference, mean_difference, low, high, interval
        Over all ``pairs``; the interval is of the mean difference (see `Bootstrap.intervals`).
    rank_biserial
        (R+ - R-) / (R+ + R-) of the signed ranks, 1 where first is always larger, -1 where it is always smaller.
    statistic, p
        Wilcoxon's smaller rank sum and two-sided p; NaN where no pair can be compared.
    p_holm
        Corrected over all comparisons of the measure.
    method, note
        How ``p`` was computed, and what to beware of.
    """

    measure: str
    first: str
    second: str
    pairs: int
    undefined: int
    zeros: int
    median_difference: float
    mean_difference: float
    low: float
    high: float
    interval: str
    rank_biserial: float
    statistic: float
    p: float
    p_holm: float
    method: str
    note: str


def paired_tests(cohort: Cohort, bootstrap: Bootstrap) -> list[PairedTest]:
    """Every two systems in every measure that has a better direction, by measure."""
    duels = list(combinations(range(len(cohort.systems)), 2))
    if not duels:
        return []
    found: dict[str, list[PairedTest]] = {}
    tested = [measure for measure in cohort.measures if measure.better]
    for population in POPULATIONS:
        measures = [measure for measure in tested if measure.population == population]
        if measures:
            found |= _tested(cohort, measures, duels, bootstrap)
    return [test for measure in tested for test in found[measure.name]]


def holm(p: Sequence[float]) -> list[float]:
    """P-values corrected for their number by Holm's step-down method (Scand J Stat 1979, 6:65); NaN is no test."""
    values = np.asarray(p, float)
    tests = np.flatnonzero(~np.isnan(values))
    order = tests[np.argsort(values[tests], kind="stable")]
    corrected = np.full(len(values), np.nan)
    corrected[order] = np.minimum(1, np.maximum.accumulate(values[order] * np.arange(len(order), 0, -1)))
    return [float(value) for value in corrected]


def signed_rank(differences: NDArray[np.float64]) -> tuple[float, float, str]:
    """Wilcoxon's signed-rank test of ``differences``: (smaller rank sum, two-sided p, method).

    Zero differences are dropped (Wilcoxon 1945). Exact up to 50 differences, tied or not; beyond, SciPy's normal
    approximation with the correction for ties and none for continuity. No difference at all gives p = 1.
    """
    from scipy import stats

    moved = differences[differences != 0]
    if not len(moved):
        return 0.0, 1.0, "all differences are zero"
    if len(moved) <= _EXACT_LARGEST:
        ranks = stats.rankdata(np.abs(moved))
        smaller = float(min(ranks[moved > 0].sum(), ranks[moved < 0].sum()))
        return smaller, _exact_p(ranks, smaller), "exact"
    result = stats.wilcoxon(moved, zero_method="wilcox", correction=False, method="asymptotic")
    return float(result.statistic), float(result.pvalue), "normal approximation"


def rank_biserial(differences: NDArray[np.float64]) -> float:
    """The matched-pairs rank-biserial correlation (Kerby, Compr Psychol 2014, 3:11.IT.3.1), zeros dropped."""
    from scipy.stats import rankdata

    moved = differences[differences != 0]
    ranks = rankdata(np.abs(moved))
    return float((ranks * np.sign(moved)).sum() / ranks.sum()) if len(moved) else 0.0


def _exact_p(ranks: NDArray[np.float64], smaller: float) -> float:
    """Two-sided p of the rank sum ``smaller`` over all signs of ``ranks``, ties included.

    Counts the subsets of the ranks by their sum (Streitberg & Roehmel, Stat Softw Newsl 1986, 12:10); SciPy's exact
    distribution holds without ties only.
    """
    doubled = np.rint(2 * ranks).astype(int)  # mid-ranks are multiples of a half
    subsets = np.zeros(doubled.sum() + 1)
    subsets[0] = 1
    for rank in doubled:
        subsets[rank:] = subsets[rank:] + subsets[:-rank]
    return float(min(1.0, 2 * subsets[: round(2 * smaller) + 1].sum() / 2.0 ** len(ranks)))


def _tested(
    cohort: Cohort, measures: Sequence[Measure], duels: Sequence[tuple[int, int]], bootstrap: Bootstrap
) -> dict[str, list[PairedTest]]:
    tables = {measure.name: cohort.values(measure) for measure in measures}
    differences = [np.round(table[a] - table[b], _DIGITS) for table in tables.values() for a, b in duels]
    population = measures[0].population
    subjects = cohort.subjects(population) if bootstrap.by_subject else None
    intervals = iter(bootstrap.intervals(np.array(differences), population, subjects))
    rows = iter(differences)
    out = {}
    for measure in measures:
        tests = [_one(measure.name, cohort.names[a], cohort.names[b], next(rows), next(intervals)) for a, b in duels]
        corrected = holm([test.p for test in tests])
        out[measure.name] = [replace(test, p_holm=p) for test, p in zip(tests, corrected, strict=True)]
    return out


def _one(
    measure: str, first: str, second: str, row: NDArray[np.float64], interval: tuple[float, float, str]
) -> PairedTest:
    kept = row[np.isfinite(row)]
    zeros, undefined = int((kept == 0).sum()), len(row) - len(kept)
    if not len(kept):
        nothing = (np.nan, np.nan, *interval, np.nan, np.nan, np.nan, np.nan, "none", "no pair where both have a value")
        return PairedTest(measure, first, second, 0, undefined, 0, *nothing)
    statistic, p, method = signed_rank(kept)
    moved = len(kept) - zeros
    note = f"{moved} differ: p cannot be below {2 / 2**moved:.2g}" if 0 < moved < _LEAST else ""
    return PairedTest(
        measure, first, second, len(kept), undefined, zeros,
        float(np.median(kept)), float(kept.mean()), *interval, rank_biserial(kept),
        statistic, p, np.nan, method, note,
    )  # fmt: skip
