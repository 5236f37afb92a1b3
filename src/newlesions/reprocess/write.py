"""The difference of two releases as two tables and a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from newlesions import __version__
from newlesions.images.files import write_text
from newlesions.reasons import one_line
from newlesions.report.diff_page import DiffPage, diff_html
from newlesions.reprocess.difference import Difference, PairDifference
from newlesions.reprocess.matching import KEPT, LesionChange

CHANGES_COLUMNS = ("sort", "pair", "name", "first", "second")
LESION_COLUMNS = (
    "pair", "change", "first_kind", "second_kind", "first_mm3", "second_mm3", "overlap", "x_mm", "y_mm", "z_mm",
    "first_lesion", "second_lesion", "touches",
)  # fmt: skip


def write_difference(folder: Path, difference: Difference) -> list[Path]:
    """Write changes.tsv, lesions.tsv and diff.html into ``folder``. Returns their paths."""
    lesions = [lesion_row(pair.pair, lesion) for pair in difference.pairs for lesion in pair.lesions]
    paths = [folder / name for name in ("changes.tsv", "lesions.tsv", "diff.html")]
    write_text(paths[0], _tsv(CHANGES_COLUMNS, change_rows(difference)))
    write_text(paths[1], _tsv(LESION_COLUMNS, ([row[name] for name in LESION_COLUMNS] for row in lesions)))
    write_text(paths[2], diff_html(_page(difference, lesions)))
    return paths


def change_rows(difference: Difference) -> Iterator[tuple[str, str, str, str, str]]:
    """Everything that differs but the single lesions, one row each."""
    for value in difference.circumstances:
        yield value.sort, "", value.name, value.first, value.second
    for pair in difference.pairs:
        yield from _pair_rows(pair)


def _pair_rows(pair: PairDifference) -> Iterator[tuple[str, str, str, str, str]]:
    if pair.state.startswith("only"):
        sides = ("there", "absent") if pair.state.endswith("first") else ("absent", "there")
        yield "pair", pair.pair, "", *sides
    for value in pair.values:
        yield value.sort, pair.pair, value.name, value.first, value.second
    for change, count in pair.counts.items():
        if count:
            yield "lesions", pair.pair, change, "", str(count)
    for name in pair.files:
        yield "file", pair.pair, name, "", "differs"
    if pair.note:
        yield "note", pair.pair, pair.note, "", ""


def lesion_row(pair: str, lesion: LesionChange) -> dict[str, Any]:
    """A lesion by the columns of lesions.tsv; numbers stay numbers."""
    x, y, z = lesion.place
    return {
        "pair": pair,
        "change": lesion.change,
        "first_kind": lesion.kinds[0],
        "second_kind": lesion.kinds[1],
        "first_mm3": lesion.volumes[0],
        "second_mm3": lesion.volumes[1],
        "overlap": lesion.overlap,
        "x_mm": x,
        "y_mm": y,
        "z_mm": z,
        "first_lesion": lesion.first,
        "second_lesion": lesion.second,
        "touches": ",".join(map(str, lesion.touches)),
    }


def _page(difference: Difference, lesions: Sequence[dict[str, Any]]) -> DiffPage:
    return DiffPage(
        names=difference.names,
        version=__version__,
        compared=difference.compared,
        counts=difference.counts,
        rows=[
            {
                "pair": pair.pair,
                "state": pair.state,
                "note": pair.note,
                "files": list(pair.files),
                "counts": pair.counts,
                "values": [(value.name, value.first, value.second) for value in pair.values],
            }
            for pair in difference.pairs
        ],
        lesions=[row for row in lesions if row["change"] != KEPT],
        circumstances=[(value.sort, value.name, value.first, value.second) for value in difference.circumstances],
    )


def _tsv(columns: Sequence[str], rows: Any) -> str:
    lines = ["\t".join(columns)]
    lines += ["\t".join("" if cell is None else one_line(str(cell)) for cell in row) for row in rows]
    return "\n".join(lines) + "\n"
