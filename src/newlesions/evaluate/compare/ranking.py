"""Rankings of the systems, and how far they can be trusted.

Systems are ranked by their mean, as MSSEG-2 did, in four separate rankings; resampled cohorts are ranked likewise
(Wiesenfarth et al., Sci Rep 2021, 11:2369: aggregate, then rank; bootstrap over cases).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from newlesions.evaluate.compare.bootstrap import Bootstrap
from newlesions.evaluate.compare.catalogue import MEASURES, RANKED, Measure
from newlesions.evaluate.compare.cohort import Cohort

OVERALL = "overall"
_DIGITS = 9  # of a mean: equal systems stay tied whatever the order of the sums


@dataclass(frozen=True)
class Rank:
    """The place of one system in one ranking.

    Parameters
    ----------
    ranking
        The measure, or ``overall``: the mean of the ranks in the others.
    pairs
        Pairs in which every system has a value; 0 for ``overall``.
    value
        The mean by which it is ranked.
    rank
        1 is best; ties share the average of their ranks.
    low, high
        Confidence interval of the rank over resampled cohorts.
    first
        The share of resampled cohorts in which it is first; ties for first share it.
    frequencies
        The share of resampled cohorts with each rank, best first: (rank, share).
    """

    ranking: str
    system: str
    pairs: int
    value: float
    rank: float
    low: float
    high: float
    first: float
    frequencies: tuple[tuple[float, float], ...]


def rankings(cohort: Cohort, bootstrap: Bootstrap) -> list[Rank]:
    """The four rankings of MSSEG-2 that the cohort allows, then the overall one. Empty for one system."""
    if len(cohort.systems) < 2:
        return []
    out, points, drawn = [], [], []
    for measure in (MEASURES[name] for name in RANKED):
        values = cohort.values(measure)
        complete = np.isfinite(values).all(axis=0)
        values = values[:, complete]
        if not values.size:
            continue
        subjects = None
        if bootstrap.by_subject:
            subjects = np.unique(cohort.subjects(measure.population)[complete], return_inverse=True)[1].astype(np.int64)
        means = np.round(values.mean(axis=1), _DIGITS)
        points.append(ranks(means, measure))
        drawn.append(ranks(np.round(bootstrap.means(values, measure.population, subjects), _DIGITS), measure))
        out += _ranked(measure.name, cohort.names, values.shape[1], means, points[-1], drawn[-1], bootstrap)
    mean_rank, mean_drawn = np.mean(points, axis=0), np.mean(drawn, axis=0)
    overall = _lowest_first(mean_rank), _lowest_first(mean_drawn)
    return out + _ranked(OVERALL, cohort.names, 0, mean_rank, *overall, bootstrap)


def ranks(means: NDArray[np.float64], measure: Measure) -> NDArray[np.float64]:
    """Ranks along the last axis, shape of ``means``: 1 is best in ``measure``'s direction, ties share the average."""
    return _lowest_first(means if measure.better == "lower" else -means)


def _lowest_first(values: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.stats import rankdata

    return rankdata(values, axis=-1)


def _ranked(
    ranking: str,
    names: tuple[str, ...],
    pairs: int,
    means: NDArray[np.float64],
    points: NDArray[np.float64],
    drawn: NDArray[np.float64],
    bootstrap: Bootstrap,
) -> list[Rank]:
    """The rows of one ranking; ``drawn`` has shape (resamples, systems)."""
    best = drawn == drawn.min(axis=1, keepdims=True)
    first = (best / best.sum(axis=1, keepdims=True)).mean(axis=0)
    tails = (1 - bootstrap.confidence) / 2, (1 + bootstrap.confidence) / 2
    low, high = np.quantile(drawn, tails, axis=0, method="inverted_cdf")
    out = []
    for index, name in enumerate(names):
        found, counts = np.unique(drawn[:, index], return_counts=True)
        frequencies = tuple((float(r), float(c / len(drawn))) for r, c in zip(found, counts, strict=True))
        place = float(points[index]), float(low[index]), float(high[index]), float(first[index])
        out.append(Rank(ranking, name, pairs, float(means[index]), *place, frequencies))
    return out
