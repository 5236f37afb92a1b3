"""The cohort's table, aligned for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from newlesions.cohort.outcome import DONE
from newlesions.cohort.pairs_table import read_pairs
from newlesions.cohort.results import cohort_files, score_files
from newlesions.report.tables import number, read_rows

_KINDS = ("new", "enlarging", "gone", "shrinking")


def print_results(out: Path) -> list[str]:
    """Print the table of the results folder and where its page is. Returns the pairs that failed or lack scores."""
    files = cohort_files(out)
    rows = read_rows(files["table"])
    done = [row for row in rows if row["status"] == DONE]
    failed = [row for row in rows if row["status"] != DONE]
    unscored = [row for row in done if row["reason"]]
    scores = _scores(out)
    print()
    print(aligned([_header(scores), *(_cells(row, scores) for row in done)]))
    for some, what in ((failed, "failed"), (unscored, "could not be scored")):
        if some:
            print(f"\n{len(some)} of {len(rows)} pairs {what}:")
            print(aligned([["  " + row["pair"], row["reason"]] for row in some]))
    print(f"\ntable   {_shown(files['table'])}\nreport  {_shown(files['page'])}")
    return [row["pair"] for row in (*failed, *unscored)]


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """``rows`` with their columns padded to one width; the first is text, numbers stand to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(
            cell.rjust(width) if index and cell[:1].isdigit() else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
    return "\n".join(lines)


def _scores(out: Path) -> dict[str, list[str]]:
    """Dice and F1 of each scored pair; nothing where no pair has a reference."""
    table = score_files(out)["table"]
    if not table.is_file() or not any(pair.reference for pair in read_pairs(out / "pairs.tsv")):
        return {}
    return {row["pair"]: [_short(row["Dice"]), _short(row["F1_score"])] for row in read_rows(table)}


def _short(text: str) -> str:
    value = number(text)
    return text if value is None else f"{value:.3f}"


def _header(scores: Mapping[str, Sequence[str]]) -> list[str]:
    return ["pair", "days", *_KINDS, *(["Dice", "F1"] if scores else [])]


def _cells(row: Mapping[str, str], scores: Mapping[str, Sequence[str]]) -> list[str]:
    more = scores.get(row["pair"], ["", ""]) if scores else []
    return [row["pair"], row["days"], *(_kind(row, kind) for kind in _KINDS), *more]


def _kind(row: Mapping[str, str], kind: str) -> str:
    """Count and volume: ``3 (120 mm3)``."""
    count, volume = number(row[f"{kind}_count"]), number(row[f"{kind}_volume_mm3"])
    return f"{count or 0:.0f} ({volume or 0:.0f} mm3)"


def _shown(path: Path) -> str:
    """``path`` from here if it lies below, else in full."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
