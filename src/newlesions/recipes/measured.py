"""What was measured of recipes, as one table: `benchmarks/recipes.py` writes it, the recipes' pages show it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path

from newlesions.errors import ConfigError
from newlesions.images.files import write_text

COLUMNS = {
    "recipe": "recipe",
    "cohort": "trained and scored on",
    "budget_min": "training budget, CPU min",
    "networks": "networks of a model",
    "steps": "steps of each network",
    "train_cpu_min": "training a model took, CPU min",
    "apply_s": "to apply to a pair, CPU s",
    "Dice": "Dice",
    "F1_score": "F1_score",
    "false_lesions": "false lesions on a pair without new ones",
    "empty_clean": "such pairs left clean",
    "machine": "machine",
    "remark": "remark",
}
"""The columns, and what each is in words. An empty cell is a value that was not measured."""

ABSENT = "—"
"""How a page writes an empty cell."""

Row = dict[str, str]


def read(path: Path) -> dict[str, Row]:
    """The rows by recipe; none where there is no such file.

    Raises
    ------
    ConfigError
        If the table has other columns than `COLUMNS`, or two rows of one recipe.
    """
    if not path.is_file():
        return {}
    rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8")), delimiter="\t"))
    if not rows or rows[0] != list(COLUMNS):
        raise ConfigError(f"{path}: found columns {', '.join(rows[0]) if rows else 'none'}; expected "
                          f"{', '.join(COLUMNS)}")  # fmt: skip
    found: dict[str, Row] = {}
    for number, cells in enumerate(rows[1:], start=2):
        if len(cells) != len(COLUMNS):
            raise ConfigError(f"{path}: line {number}: found {len(cells)} cells; expected {len(COLUMNS)}")
        if cells[0] in found:
            raise ConfigError(f"{path}: line {number}: found a second row of {cells[0]}; expected one")
        found[cells[0]] = dict(zip(COLUMNS, cells, strict=True))
    return found


def write(path: Path, rows: Iterable[Mapping[str, str]]) -> None:
    """Write the rows, by recipe."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(COLUMNS), delimiter="\t", lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows(sorted(rows, key=lambda row: row["recipe"]))
    write_text(path, text.getvalue())
