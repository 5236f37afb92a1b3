"""What a person thinks of a pair's lesions: the tables that pages export, read and checked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from newlesions.errors import ConfigError
from newlesions.report.tables import read_rows

MARKS = ("accept", "reject", "unsure")
"""What can be said of a lesion; one that nobody marked has ""."""

_COLUMNS = ("pair", "id", "review")


@dataclass(frozen=True)
class Mark:
    """One lesion's review: where it was read (``file, row n``), the lesion, one of `MARKS` or "", and a comment.

    ``results`` is the digest of the results that it is about, ``kind`` the lesion's; "" where the table does not say.
    """

    where: str
    pair: str
    id: str
    review: str
    comment: str = ""
    results: str = ""
    kind: str = ""


def results_digest(pair: str, baseline_session: str, table: Path) -> str:
    """What names the results of a pair: 16 hexadecimal digits of the SHA-256 of its labels and its lesion table."""
    content = f"{pair}\t{baseline_session}\n".encode() + Path(table).read_bytes()
    return hashlib.sha256(content).hexdigest()[:16]


def read_marks(paths: Iterable[Path]) -> dict[str, dict[str, Mark]]:
    """The marks of all tables by pair and lesion id; lesions without mark and comment are left out.

    Raises
    ------
    ConfigError
        If a table is none, a mark is not one of `MARKS`, or two rows say different things of one lesion.
    """
    found: dict[str, dict[str, Mark]] = {}
    for path in paths:
        for mark in _marks(path):
            mine = found.setdefault(mark.pair, {})
            other = mine.get(mark.id)
            if other is not None and (other.review, other.comment) != (mark.review, mark.comment):
                raise ConfigError(
                    f"{mark.where}: found {_told(mark)} for lesion {mark.id} of {mark.pair}; "
                    f"expected {_told(other)}, as in {other.where}"
                )
            mine[mark.id] = mark
    return found


def _told(mark: Mark) -> str:
    return f"{mark.review or 'no mark'!r}" + (f" ({mark.comment!r})" if mark.comment else "")


def _marks(path: Path) -> list[Mark]:
    try:
        rows = read_rows(path)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigError(
            f"{path}: found no readable table ({reason}); expected a review exported by a page"
        ) from error
    if not rows:
        raise ConfigError(f"{path}: found no row; expected a page's export")
    missing = [name for name in _COLUMNS if name not in rows[0]]
    if missing:
        raise ConfigError(f"{path}: found no column {', '.join(missing)}; expected {', '.join(_COLUMNS)}")
    marks = [_mark(row, f"{path}, row {number}") for number, row in enumerate(rows, start=2)]
    return [mark for mark in marks if mark.review or mark.comment]


def _mark(row: Mapping[str, str], where: str) -> Mark:
    values = {name: row.get(name, "").strip() for name in (*_COLUMNS, "comment", "results", "kind")}
    if values["review"] not in ("", *MARKS):
        raise ConfigError(f"{where}: found review {values['review']!r}; expected {', '.join(MARKS)}, or nothing")
    return Mark(where, **values)
