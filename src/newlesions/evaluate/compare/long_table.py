"""``comparison.tsv``: every number, one per row."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from newlesions.evaluate.compare.comparison import Comparison

COLUMNS = ("section", "measure", "system", "against", "statistic", "value")
_KEYS = {"measure", "system", "first", "second", "ranking", "quantity", "size_class", "frequencies"}


def long_table(comparison: Comparison) -> str:
    """All descriptions, tests, ranks, agreements, curve scores and recalls by size as a tab-separated table.

    Numbers have ten significant digits, ``nan`` where undefined.
    """
    rows = ["\t".join(COLUMNS), *("\t".join(row) for row in _rows(comparison))]
    return "\n".join(rows) + "\n"


def _rows(comparison: Comparison) -> Iterator[tuple[str, ...]]:
    for d in comparison.descriptions:
        yield from _one("description", d.measure, d.system, "", d)
    for t in comparison.tests:
        yield from _one("test", t.measure, t.first, t.second, t)
    for r in comparison.ranks:
        yield from _one("ranking", r.ranking, r.system, "", r)
        yield from (
            ("ranking", r.ranking, r.system, "", f"share_of_rank_{at:g}", _text(share)) for at, share in r.frequencies
        )
    for a in comparison.agreements:
        yield from _one("agreement", a.quantity, a.system, "", a)
    for c in comparison.curves:
        yield from _one("curves", "", c.system, "", c)
    for system, classes in comparison.sizes.items():
        for size in classes:
            yield from _one("recall_by_size", size.size_class, system, "", size)


def _one(section: str, measure: str, system: str, against: str, row: Any) -> Iterable[tuple[str, ...]]:
    for statistic, value in asdict(row).items():
        if statistic not in _KEYS:
            yield section, measure, system, against, statistic, _text(value)


def _text(value: Any) -> str:
    if isinstance(value, float):
        return "nan" if math.isnan(value) else f"{value:.10g}"
    return str(value)
