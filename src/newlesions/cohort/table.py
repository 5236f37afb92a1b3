"""Reading a table of pairs that a person wrote: any order of columns, tabs or commas, relative paths, few columns."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from newlesions.cohort.dates import ABSENT, days_between, parse_date
from newlesions.cohort.labels import clean_label
from newlesions.cohort.pairs import COLUMNS, Pair, faults_between, join_raters, pair_id, raise_faults, split_raters
from newlesions.cohort.pairs_table import row_faults
from newlesions.errors import ConfigError

REQUIRED = ("subject", "baseline", "followup")
_PATHS = (
    "baseline",
    "followup",
    "baseline_brain",
    "followup_brain",
    "reference",
    "gone_reference",
    "baseline_lesions",
    "followup_lesions",
)
_YES, _NO = frozenset({"yes", "y", "true", "1"}), frozenset({"no", "n", "false", "0", ""})


def read_table(path: Path) -> tuple[list[Pair], list[str]]:
    """The pairs of a hand-written table, one per row, and remarks on columns that are not used.

    Columns ``subject``, ``baseline`` and ``followup`` are required, the others of ``pairs.tsv`` may be given. Every
    value is text (``01`` stays ``01``); ``n/a`` is absent. Sessions are ``1`` and ``2`` where not given. Paths are
    relative to the table's folder.

    Raises
    ------
    ConfigError
        One error that lists every fault with its row, column, what was found and what was expected.
    """
    columns, rows = _read(path)
    notes, faults = _judge_columns(columns)
    raise_faults(str(path), faults)
    pairs: list[Pair] = []
    raw_subjects: dict[str, str] = {}
    for number, values in rows:
        name = f"row {number}"
        if len(values) != len(columns):
            faults.append(f"{name}: found {len(values)} values; expected {len(columns)}, one per column")
            continue
        row = {column: value for column, value in zip(columns, values, strict=True) if column in COLUMNS}
        pair, found = _pair({**dict.fromkeys(COLUMNS, ""), **row}, path.absolute().parent, name)
        first = raw_subjects.setdefault(pair.subject, row["subject"].removeprefix("sub-"))
        if first != row["subject"].removeprefix("sub-"):
            found.append(
                f"{name}, column subject: found {row['subject']!r}, which becomes {pair.subject!r} as {first!r} does; "
                "expected labels that differ in letters or digits"
            )
        faults += found
        pairs.append(pair)
    if not rows:
        raise ConfigError(f"{path}: found no row; expected one row per pair below the column names")
    raise_faults(str(path), faults or faults_between(pairs))
    return pairs, notes


def _read(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Column names, and (line number, stripped values) of each row that is not blank."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{path}: found no readable file ({error.strerror}); expected a table of pairs") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: found bytes that are not UTF-8; expected a table saved as UTF-8 text") from error
    header = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max("\t,;", key=header.count)
    reader = csv.reader(text.splitlines(), delimiter=delimiter)
    try:
        rows = [(reader.line_num, [value.strip() for value in row]) for row in reader if any(map(str.strip, row))]
    except csv.Error as error:
        raise ConfigError(f"{path}: found a row that cannot be read ({error}); expected one pair per line") from error
    if not rows:
        raise ConfigError(
            f"{path}: found an empty file; expected the columns {', '.join(REQUIRED)} and one row per pair"
        )
    return [column.lower() for column in rows[0][1]], rows[1:]


def _judge_columns(columns: Sequence[str]) -> tuple[list[str], list[str]]:
    """Notes and faults."""
    faults = [
        f"columns: found no {column!r}; expected at least {', '.join(REQUIRED)}"
        for column in REQUIRED
        if column not in columns
    ]
    faults += [
        f"columns: found {name!r} twice; expected it once" for name in sorted(set(columns)) if columns.count(name) > 1
    ]
    ignored = []
    for column in columns:
        if column in COLUMNS:
            continue
        likely = difflib.get_close_matches(column, COLUMNS, n=1, cutoff=0.8)
        if likely:
            faults.append(
                f"columns: found {column!r}; expected {likely[0]!r}, if that is meant, or a name less like it"
            )
        else:
            ignored.append(column)
    return [f"columns not used: {', '.join(ignored)}"] if ignored else [], faults


def _pair(row: dict[str, str], folder: Path, name: str) -> tuple[Pair, list[str]]:
    """The pair of one row, and its faults."""
    values = {column: "" if value.casefold() in ABSENT else value for column, value in row.items()}
    faults: list[str] = []

    def replace(column: str, convert: Callable[[str], str | None], expected: str) -> None:
        converted = convert(values[column])
        if converted is None:
            faults.append(f"{name}, column {column}: found {values[column]!r}; expected {expected}")
        else:
            values[column] = converted

    # A label may well be `NA` or `none`: only the empty cell is absent there.
    values["subject"] = clean_label(row["subject"], "sub-")
    for column, default in (("baseline_session", "1"), ("followup_session", "2")):
        values[column] = clean_label(row[column], "ses-") or default
    for column in _PATHS:
        replace(column, lambda value: str(folder / value) if value else "", "a path")
    replace("raters", partial(_raters, folder=folder), "name=path, joined by ; and each name once")
    replace("aligned", _yes_or_no, "yes or no")
    for column in ("baseline_date", "followup_date"):
        replace(column, _iso_date, "a date like 2021-03-04")
    if not values["pair"]:
        values["pair"] = pair_id(values["subject"], values["followup_session"])
    if not faults:
        _fill_days(values, name, faults)
    return Pair(**values), faults or row_faults(values, name)


def _fill_days(values: dict[str, str], name: str, faults: list[str]) -> None:
    first, second = parse_date(values["baseline_date"]), parse_date(values["followup_date"])
    if first is None or second is None:
        return
    days = days_between(first, second)
    if days < 0:
        faults.append(f"{name}, column followup_date: found a date before baseline_date; expected one after it")
    elif values["days"] not in ("", str(days)):
        faults.append(f"{name}, column days: found {values['days']}; expected {days}, as the dates say, or nothing")
    else:
        values["days"] = str(days)


def _yes_or_no(value: str) -> str | None:
    folded = value.casefold()
    return "yes" if folded in _YES else "no" if folded in _NO else None


def _raters(value: str, folder: Path) -> str | None:
    items = [item.strip() for item in value.split(";") if item.strip()]
    masks = split_raters(";".join(items))
    if len(masks) < len(items) or not all(masks.values()):
        return None
    return join_raters({name: str(folder / path) for name, path in masks.items()})


def _iso_date(value: str) -> str | None:
    if not value:
        return ""
    moment = parse_date(value)
    return moment.date().isoformat() if moment else None
