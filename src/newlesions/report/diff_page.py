"""The page that tells how two releases of a cohort differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from newlesions.report.render import render
from newlesions.report.tables import KINDS, number, without_folders

_MOST_PAIRS, _MOST_LESIONS, _MOST_VALUES = 1000, 2000, 500
"""Rows that the page shows; the tables beside it have all."""


@dataclass(frozen=True)
class DiffPage:
    """What the page shows, as text and numbers.

    ``rows`` has one mapping per pair that differs: pair, state, note, ``files`` (names), ``counts`` (lesions by what
    became of them) and ``values`` ((column, first, second) triples). ``lesions`` has one mapping per lesion that is not
    the same, with the columns of lesions.tsv. ``circumstances`` are (sort, name, first, second).
    """

    names: tuple[str, str]
    version: str
    compared: int
    counts: Mapping[str, int]
    rows: Sequence[Mapping[str, Any]]
    lesions: Sequence[Mapping[str, Any]]
    circumstances: Sequence[tuple[str, str, str, str]]


def diff_html(page: DiffPage) -> str:
    """The whole page as text. Equal content gives equal text."""
    rows = [_row(row) for row in page.rows[:_MOST_PAIRS]]
    in_both = sum(not row["state"].startswith("only") for row in page.rows)
    context = {
        "names": page.names,
        "version": page.version,
        "compared": page.compared,
        "equal": page.compared - in_both,
        "states": _states(page.rows),
        "counts": page.counts,
        "rows": rows,
        "more_rows": len(page.rows) - len(rows),
        "lesions": page.lesions[:_MOST_LESIONS],
        "more_lesions": max(0, len(page.lesions) - _MOST_LESIONS),
        "circumstances": [tuple(map(without_folders, value)) for value in page.circumstances[:_MOST_VALUES]],
        "more_circumstances": max(0, len(page.circumstances) - _MOST_VALUES),
        "kinds": KINDS,
    }
    return render("diff.html.jinja", context)


def _states(rows: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    states: dict[str, int] = {}
    for row in rows:
        states[row["state"]] = states.get(row["state"], 0) + 1
    return states


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A pair's row: the kinds whose count or volume differs, what became of its lesions, and all the rest in words."""
    values = {name: (first, second) for name, first, second in row["values"]}
    kinds = {kind: _kind(values, kind) for kind in KINDS}
    shown = {f"{kind}_{what}" for kind in KINDS for what in ("count", "volume_mm3")}
    others = [
        (name, without_folders(first) or "none", without_folders(second) or "none")
        for name, (first, second) in values.items()
        if name not in shown
    ]
    return {**row, "kinds": kinds, "others": others, "changed": [item for item in row["counts"].items() if item[1]]}


def _kind(values: Mapping[str, tuple[str, str]], kind: str) -> dict[str, tuple[float | None, float | None]]:
    return {
        what: (number(values[name][0]), number(values[name][1]))
        for what, name in (("count", f"{kind}_count"), ("volume", f"{kind}_volume_mm3"))
        if name in values
    }
