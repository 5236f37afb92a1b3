"""``pairs.tsv``: writing it, and reading it with every row checked against the schema."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from newlesions.cohort.pairs import COLUMNS, OPTIONAL, Pair, faults_between, raise_faults
from newlesions.errors import ConfigError
from newlesions.images.files import write_text

_SCHEMA = "workflow/schemas/pairs.schema.json"


def write_pairs(path: Path | str, pairs: Sequence[Pair]) -> None:
    """Write ``pairs`` as a tab-separated table, checked as `read_pairs` checks it.

    Raises
    ------
    ConfigError
        If a value breaks the schema or the rows contradict one another; nothing is written then.
    """
    _check(str(path), pairs)
    lines = ["\t".join(COLUMNS), *("\t".join(pair.row().values()) for pair in pairs)]
    try:
        write_text(path, "\n".join(lines) + "\n")
    except UnicodeEncodeError as error:
        raise ConfigError(f"{path}: found a file name that is not UTF-8; expected UTF-8 names") from error


def read_pairs(path: Path | str) -> list[Pair]:
    """Read a table that `write_pairs` wrote or that a person wrote by its rules. The columns' order is free.

    Raises
    ------
    ConfigError
        If the file is missing or is no such table; all faults are listed with row, column, found and expected.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigError(f"{path}: found no readable table ({reason}); expected pairs.tsv") from error
    header, *lines = [line for line in text.split("\n") if line.strip()] or [""]
    columns = header.rstrip("\r").split("\t")
    if sorted({*columns, *OPTIONAL}) != sorted(COLUMNS) or len(set(columns)) < len(columns):
        missing = ", ".join(column for column in COLUMNS if column not in (*columns, *OPTIONAL))
        other = ", ".join(column for column in columns if column not in COLUMNS or columns.count(column) > 1)
        found = "; ".join(
            filter(None, [missing and f"no column {missing}", other and f"unknown or repeated column {other}"])
        )
        expected = f"exactly the columns {', '.join(COLUMNS)}, of which {', '.join(OPTIONAL)} may be left out"
        raise ConfigError(f"{path}: found {found}; expected {expected}")
    pairs, faults = [], []
    for number, line in enumerate(lines, start=2):
        values = line.rstrip("\r").split("\t")
        if len(values) == len(columns):
            pairs.append(Pair(**dict(zip(columns, values, strict=True))))
        else:
            faults.append(f"row {number}: found {len(values)} values; expected {len(columns)}, separated by tabs")
    raise_faults(str(path), faults)
    if not pairs:
        raise ConfigError(f"{path}: found no row; expected at least one pair")
    _check(str(path), pairs)
    return pairs


def _check(where: str, pairs: Sequence[Pair]) -> None:
    faults = [fault for number, pair in enumerate(pairs, start=2) for fault in row_faults(pair.row(), f"row {number}")]
    raise_faults(where, faults or faults_between(pairs))


def row_faults(row: Mapping[str, str], name: str) -> list[str]:
    """What the schema says against one row, one line per fault that starts with ``name``."""
    if all(fits(row[column]) for column, fits in _patterns().items()):
        return []
    faults = [
        f"{name}, column {error.path[0]}: found {error.instance!r}; expected {error.schema['description']}"
        for error in _validator().iter_errors(dict(row))
    ]
    return faults or [f"{name}: found a line break in a value; expected values of one line"]


@lru_cache(maxsize=1)
def schema() -> dict[str, Any]:
    """The JSON Schema of one row: from the checkout, or from the installed package."""
    package = Path(__file__).parents[1]
    for root in (package / "_house", package.parents[1]):
        if (root / _SCHEMA).is_file():
            return json.loads((root / _SCHEMA).read_text(encoding="utf-8"))
    raise ConfigError(f"{_SCHEMA}: found no such file beside the package; expected a complete installation")


@lru_cache(maxsize=1)
def _patterns() -> dict[str, Callable[[str], object]]:
    """The schema's pattern of each column, compiled: every job parses the table, so a good row must be cheap.

    They are all that the schema asks of a row (a test holds it to that); jsonschema explains the rows that fail.
    """
    return {column: re.compile(rule["pattern"]).fullmatch for column, rule in schema()["properties"].items()}


@lru_cache(maxsize=1)
def _validator() -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(schema())
