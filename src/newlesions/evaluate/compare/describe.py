"""Each system by itself: mean, spread, median, and the confidence interval of the mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from newlesions.evaluate.compare.bootstrap import Bootstrap
from newlesions.evaluate.compare.catalogue import POPULATIONS, Measure
from newlesions.evaluate.compare.cohort import Cohort


@dataclass(frozen=True)
class Description:
    """One measure of one system over the pairs of the measure's population.

    Parameters
    ----------
    pairs, undefined
        Pairs with a value, and pairs of the population without one (0/0); the latter enter nothing.
    mean, sd, median
        Over ``pairs``; the SD divides by n - 1 and is NaN for one pair.
    low, high, interval
        Bootstrap interval of the mean, and how it was made (see `Bootstrap.intervals`).
    """

    measure: str
    system: str
    pairs: int
    undefined: int
    mean: float
    sd: float
    median: float
    low: float
    high: float
    interval: str


def describe(cohort: Cohort, bootstrap: Bootstrap) -> list[Description]:
    """Every measure of every system, by measure and then by system."""
    found: dict[tuple[str, str], Description] = {}
    for population in POPULATIONS:
        measures = [measure for measure in cohort.measures if measure.population == population]
        if measures:
            found |= _described(cohort, measures, bootstrap)
    return [found[measure.name, name] for measure in cohort.measures for name in cohort.names]


def _described(cohort: Cohort, measures: Sequence[Measure], bootstrap: Bootstrap) -> dict[tuple[str, str], Description]:
    keys = [(measure.name, name) for measure in measures for name in cohort.names]
    values = np.concatenate([cohort.values(measure) for measure in measures])
    population = measures[0].population
    subjects = cohort.subjects(population) if bootstrap.by_subject else None
    intervals = bootstrap.intervals(values, population, subjects)
    out = {}
    for (measure, name), row, interval in zip(keys, values, intervals, strict=True):
        kept = row[np.isfinite(row)]
        mean, median = (float(kept.mean()), float(np.median(kept))) if len(kept) else (np.nan, np.nan)
        sd = float(kept.std(ddof=1)) if len(kept) > 1 else np.nan
        out[measure, name] = Description(measure, name, len(kept), len(row) - len(kept), mean, sd, median, *interval)
    return out
