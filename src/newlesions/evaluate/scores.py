"""The score tables of a cohort: ``scores.tsv`` and the folder of the same name beside it."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from newlesions.errors import ConfigError
from newlesions.evaluate.additions import ADDITIONS, LESION_COLUMNS, PREDICTED, REFERENCE, SIZE_CLASSES
from newlesions.evaluate.curves import CURVE_COLUMNS
from newlesions.evaluate.measures import EMPTY, MEASURES
from newlesions.images.files import write_text

Row = Mapping[str, Any]

_POOLED_COLUMNS = ("reference", "found", "sensitivity", "predicted", "true", "ppv")
TABLES: dict[str, tuple[str, ...]] = {
    "additions": ("pair", *ADDITIONS),
    "empty_references": ("pair", *EMPTY),
    "lesions": ("pair", *LESION_COLUMNS),
    "by_size": ("size_class", *_POOLED_COLUMNS),
    "by_region": ("region", *_POOLED_COLUMNS),
    "curves": ("pair", *CURVE_COLUMNS),
    "gone": ("pair", *MEASURES),
    "raters": ("pair", "reference", "prediction", *MEASURES),
}
"""The tables in the folder beside ``scores.tsv``, and their columns."""


def details_folder(scores: Path) -> Path:
    """The folder of the further tables that belong to ``scores`` (``scores.tsv`` and ``scores/``)."""
    return scores.with_suffix("")


def detail_files(scores: Path) -> dict[str, Path]:
    """The further tables that belong to ``scores``, by name."""
    return {name: details_folder(scores) / f"{name}.tsv" for name in TABLES}


def write_scores(path: Path, results: Sequence[Mapping[str, Any]], *, details: bool) -> None:
    """Write ``scores.tsv`` and, with ``details``, the tables of `TABLES`.

    Parameters
    ----------
    path
        A name that ends in .tsv.
    results
        What `evaluate_pair` (or `json_form` of it) gives for each pair, in the order wanted.

    Raises
    ------
    ConfigError
        If the folder of the further tables would be ``path`` itself.
    """
    if details and details_folder(path) == path:
        raise ConfigError(
            f"{path}: found a name without a suffix; expected one as scores.tsv, for details go to scores/"
        )
    rows = [{"pair": result["pair"], **result["measures"]} for result in results]
    write_table(path, ("pair", *MEASURES), rows)
    if details:
        for name, file in detail_files(path).items():
            write_table(file, TABLES[name], _detail_rows(name, results))


def _detail_rows(name: str, results: Sequence[Mapping[str, Any]]) -> Iterable[Row]:
    if name == "additions":
        return [{"pair": result["pair"], **result["additions"]} for result in results]
    if name == "empty_references":
        return [{"pair": r["pair"], **r["measures"]} for r in results if EMPTY[0] in r["measures"]]
    if name == "gone":
        return [{"pair": result["pair"], **result["gone"]} for result in results if result["gone"]]
    if name == "by_size":
        return pooled(results, "size_class", SIZE_CLASSES)
    if name == "by_region":
        return pooled(results, "region", sorted({row["region"] for r in results for row in r["lesions"]} - {""}))
    return [{"pair": result["pair"], **row} for result in results for row in result[name]]


def pooled(results: Sequence[Mapping[str, Any]], key: str, classes: Sequence[str]) -> list[dict[str, Any]]:
    """Lesions of all pairs together, by the classes of ``key``: how many there are and how many are found or true."""
    rows = []
    for name in classes:
        row: dict[str, Any] = {key: name}
        for side, hit, share in ((REFERENCE, "found", "sensitivity"), (PREDICTED, "true", "ppv")):
            hits = [row["hit"] for r in results for row in r["lesions"] if row["side"] == side and row[key] == name]
            row |= {side: len(hits), hit: sum(hits), share: sum(hits) / len(hits) if hits else math.nan}
        rows.append(row)
    return rows


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Write a tab-separated table in one step. Floats get six decimals or ``nan``; what is absent stays blank."""
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
    writer.writerow(columns)
    writer.writerows([_cell(row.get(column, "")) for column in columns] for row in rows)
    write_text(path, stream.getvalue())


def read_table(path: Path | str) -> list[dict[str, str]]:
    """The rows of a tab-separated table with a header, all values as text.

    Raises
    ------
    ConfigError
        If there is no such file, or a row has more or fewer cells than the header.
    """
    path = Path(path)
    if not path.is_file():
        raise ConfigError(f"{path}: found no such file; expected a tab-separated table")
    with open(path, encoding="utf-8-sig", newline="") as stream:
        rows = [row for row in csv.reader(stream, delimiter="\t") if row]
    if not rows:
        raise ConfigError(f"{path}: found an empty file; expected a tab-separated table with a header")
    header = rows[0]
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(header):
            raise ConfigError(
                f"{path}, line {number}: found {len(row)} cells; expected {len(header)}, as in the header"
            )
    return [dict(zip(header, row, strict=True)) for row in rows[1:]]


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return "nan" if math.isnan(value) else f"{value:.6f}"
    return str(value)
