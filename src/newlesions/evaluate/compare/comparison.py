"""Everything that is computed about a cohort of systems, as plain rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from newlesions.errors import ConfigError
from newlesions.evaluate.compare.agreement import Agreement, agreements
from newlesions.evaluate.compare.bootstrap import Bootstrap
from newlesions.evaluate.compare.catalogue import HEADLINE, Measure
from newlesions.evaluate.compare.cohort import Cohort, common_cohort
from newlesions.evaluate.compare.curves import Pooled, average_precision, froc_score, pool_all
from newlesions.evaluate.compare.describe import Description, describe
from newlesions.evaluate.compare.paired import PairedTest, paired_tests
from newlesions.evaluate.compare.ranking import Rank, rankings
from newlesions.evaluate.compare.read import System
from newlesions.evaluate.compare.sizes import SizeClass, recall_by_class


@dataclass(frozen=True)
class CurveScore:
    """The threshold-free scores of one system, pooled over its pairs with a probability map.

    Parameters
    ----------
    pairs, without
        Pairs pooled, and pairs left out for want of a probability map.
    froc_score, average_precision
        See `curves.froc_score` and `curves.average_precision`; NaN without any probability map.
    sensitivity, false_per_scan
        Of the written mask, over the same pairs (over all pairs where none has a map).
    """

    system: str
    pairs: int
    without: int
    froc_score: float
    average_precision: float
    sensitivity: float
    false_per_scan: float


@dataclass(frozen=True)
class Comparison:
    """What `compare` found. ``shown`` are the measures that are printed; the rows hold all measures."""

    cohort: Cohort
    bootstrap: Bootstrap
    shown: tuple[Measure, ...]
    descriptions: tuple[Description, ...]
    tests: tuple[PairedTest, ...]
    ranks: tuple[Rank, ...]
    agreements: tuple[Agreement, ...]
    curves: tuple[CurveScore, ...]
    sizes: dict[str, list[SizeClass]]


def compare(systems: Sequence[System], bootstrap: Bootstrap | None = None, measures: Sequence[str] = ()) -> Comparison:
    """Describe ``systems`` over their common pairs, and, if there are two or more, test and rank them.

    Parameters
    ----------
    measures
        The names of the measures to print; the headline ones if empty.

    Raises
    ------
    ConfigError
        If the systems have no common pair or other references, or lack a measure that is asked for.
    """
    bootstrap = bootstrap or Bootstrap()
    cohort = common_cohort(systems)
    return Comparison(
        cohort,
        bootstrap,
        _shown(cohort, measures),
        tuple(describe(cohort, bootstrap)),
        tuple(paired_tests(cohort, bootstrap)),
        tuple(rankings(cohort, bootstrap)),
        tuple(agreements(cohort.systems)),
        _curve_scores(cohort),
        {s.name: recall_by_class(s.lesions) for s in cohort.systems if s.lesions is not None},
    )


def _shown(cohort: Cohort, names: Sequence[str]) -> tuple[Measure, ...]:
    available = {measure.name: measure for measure in cohort.measures}
    for name in names:
        if name not in available:
            raise ConfigError(f"--measures: found {name!r}; expected some of {', '.join(available)}")
    return tuple(available[name] for name in dict.fromkeys(names or HEADLINE) if name in available)


def _curve_scores(cohort: Cohort) -> tuple[CurveScore, ...]:
    tables = {system.name: system.curves for system in cohort.systems if system.curves is not None}
    return tuple(_curve_score(name, pooled) for name, pooled in pool_all(tables).items())


def _curve_score(name: str, pooled: Pooled) -> CurveScore:
    curve, mask = pooled.curve, pooled.mask
    scores = froc_score(curve), average_precision(curve)
    return CurveScore(name, pooled.pairs, pooled.without, *scores, _only(mask.sensitivity), _only(mask.false_per_scan))


def _only(values: NDArray[np.float64]) -> float:
    return float(values[0]) if len(values) else np.nan
