"""Two tables: the user's, with exceptions to the rules, and the key, which tells who is who and what was taken."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from pathlib import Path

from newlesions.dicom.headers import Series
from newlesions.errors import ConfigError
from newlesions.images.files import write_text

TAKE, LEAVE = "take", "leave"
_LABEL = re.compile(r"[A-Za-z0-9+]+")
_DATE = re.compile(r"\d{8}")


@dataclass(frozen=True)
class Row:
    """One row, all of it text.

    In the user's table the first four columns say which series are meant, an empty one any; the next three what is to
    be done, an empty one what the rules say. ``series`` is the description, where * and ? stand for any characters.
    ``study_date`` is YYYYMMDD. In the key every column is filled.
    """

    patient: str = ""
    study_date: str = ""
    series_number: str = ""
    series: str = ""
    use: str = ""
    subject: str = ""
    session: str = ""
    images: str = ""
    series_uid: str = ""
    remark: str = ""

    def fits(self, series: Series) -> bool:
        """Whether the row is about ``series``."""
        description, pattern = series.description.casefold(), self.series.casefold()
        return (
            self.patient in ("", series.patient)
            and self.study_date in ("", series.date)
            and self.series_number in ("", series.number)
            and (pattern in ("", description) or fnmatchcase(description, pattern))
        )


COLUMNS = tuple(column.name for column in fields(Row))


def read_table(path: Path) -> list[Row]:
    """Read a table of rows. Dates may be written 2021-03-04 or 20210304, labels with or without sub- and ses-.

    Raises
    ------
    ConfigError
        If there is no such table, or a row of it cannot be meant.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigError(f"{path}: found no readable table ({reason}); expected tab-separated columns") from error
    lines = csv.DictReader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE, restval="")
    names = list(lines.fieldnames or [])
    strange = [name for name in names if name not in COLUMNS or names.count(name) > 1]
    if strange or not names:
        found = f"the column {strange[0]!r}" if strange else "nothing"
        raise ConfigError(f"{path}: found {found}; expected some of {', '.join(COLUMNS)}, each once, between tabs")
    return [_row(path, number, line) for number, line in enumerate(lines, start=2) if any(line.values())]


def _row(path: Path, number: int, line: dict[str, str]) -> Row:
    if None in line:
        raise ConfigError(f"{path}: row {number}: found more values than columns; expected as many")
    values = {name: value.strip() for name, value in line.items()}
    values = {name: "" if value == "n/a" else value for name, value in values.items()}
    for name, prefix in (("subject", "sub-"), ("session", "ses-")):
        label = values.get(name, "").removeprefix(prefix)
        if label and not _LABEL.fullmatch(label):
            raise ConfigError(f"{path}: row {number}, column {name}: found {label!r}; expected letters and digits")
        values[name] = label
    use = values.get("use", "").casefold()
    if use not in ("", TAKE, LEAVE):
        raise ConfigError(f"{path}: row {number}, column use: found {use!r}; expected take, leave, or nothing")
    date = values.get("study_date", "").replace("-", "")
    if date and not _DATE.fullmatch(date):
        raise ConfigError(f"{path}: row {number}, column study_date: found {date!r}; expected a date as 2021-03-04")
    return Row(**{**values, "use": use, "study_date": date})


def write_key(path: Path, rows: Sequence[Row]) -> None:
    """Write the key, which only its owner may read."""
    lines = ["\t".join(COLUMNS), *("\t".join(vars(row).values()) for row in rows)]
    before = os.umask(0o077)
    try:
        write_text(path, "\n".join(lines) + "\n")
    finally:
        os.umask(before)


def first(rows: Sequence[Row], series: Series, column: str) -> str:
    """What the first row that is about ``series`` and says something in ``column`` says there; "" if none does."""
    return next((getattr(row, column) for row in rows if getattr(row, column) and row.fits(series)), "")
