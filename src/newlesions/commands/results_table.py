"""The cohort's table, aligned for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from newlesions.cohort.outcome import DONE
from newlesions.cohort.results import cohort_files
from newlesions.report.tables import number, read_rows

_KINDS = ("new", "enlarging", "gone", "shrinking")


def print_results(out: Path) -> list[str]:
    """Print the table of the results folder and where its page is. Returns the pairs that failed."""
    files = cohort_files(out)
    rows = read_rows(files["table"])
    failed = [row for row in rows if row["status"] != DONE]
    print()
    print(aligned([_header(), *(_cells(row) for row in rows if row["status"] == DONE)]))
    if failed:
        print(f"\n{len(failed)} of {len(rows)} pairs failed:")
        print(aligned([["  " + row["pair"], row["reason"]] for row in failed]))
    print(f"\ntable   {_shown(files['table'])}\nreport  {_shown(files['page'])}")
    return [row["pair"] for row in failed]


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


def _header() -> list[str]:
    return ["pair", "days", *_KINDS]


def _cells(row: Mapping[str, str]) -> list[str]:
    return [row["pair"], row["days"], *(_kind(row, kind) for kind in _KINDS)]


def _kind(row: Mapping[str, str], kind: str) -> str:
    """Count and volume: ``3 (120 mm3)``."""
    count, volume = number(row[f"{kind}_count"]), number(row[f"{kind}_volume_mm3"])
    return f"{count or 0:.0f} ({volume or 0:.0f} mm3)"


def _shown(path: Path) -> str:
    """``path`` from here if it lies below, else in full."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
