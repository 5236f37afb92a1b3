"""Reading the tables that the pages show, and writing numbers as people read them."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from newlesions.errors import InputError

KINDS = ("new", "enlarging", "gone", "shrinking")
KIND_LETTER = {"new": "N", "enlarging": "E", "gone": "G", "shrinking": "S"}
_LESION_COLUMNS = frozenset({"id", "kind", "volume_mm3", "x_mm", "y_mm", "z_mm"})


@dataclass(frozen=True)
class Lesion:
    """One row of a pair's lesion table. Millimetres and mm3; what the table leaves empty is None."""

    id: int
    kind: str
    volume: float | None
    voxels: int | None
    world: tuple[float, float, float] | None
    mni: tuple[float, float, float] | None
    region: str
    before: float | None
    after: float | None
    probability: float | None
    contrast: float | None

    @property
    def label(self) -> str:
        """The letter of the lesion's kind and its number in the table, as drawn on the pictures: ``N1``."""
        return f"{KIND_LETTER[self.kind]}{self.id}"


def read_rows(path: Path | str) -> list[dict[str, str]]:
    """The rows of a tab-separated table with a header line, all values as text, short rows filled with ''."""
    with open(path, encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE, restval="")
        return [{key: row[key] for key in row if key} for row in reader]


def read_lesions(path: Path | str) -> list[Lesion]:
    """The lesions of ``path`` in the table's order.

    Raises
    ------
    InputError
        If a column or a kind is not one of the lesion table's.
    """
    rows = read_rows(path)
    missing = _LESION_COLUMNS - rows[0].keys() if rows else frozenset()
    if missing:
        raise InputError(path, f"no column {', '.join(sorted(missing))}", "a lesion table")
    return [_lesion(row, path) for row in rows]


def number(text: object) -> float | None:
    """``text`` as a finite number, or None if it is empty or something else."""
    try:
        value = float(str(text))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def shown(value: float | None, decimals: int = 0, unit: str = "") -> str:
    """``value`` with thousands separated, ``decimals`` places and a unit; a dash where there is none."""
    if value is None:
        return "\N{EN DASH}"
    text = f"{value:,.{decimals}f}".replace("-", "\N{MINUS SIGN}")
    return f"{text}\N{NO-BREAK SPACE}{unit}" if unit else text


def coordinates(point: tuple[float, float, float] | None) -> str:
    """A point in whole millimetres, as ``-21, 14, 33``; a dash where there is none."""
    return ", ".join(shown(round(value) + 0.0) for value in point) if point else "\N{EN DASH}"


def flattened(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested settings as (dotted name, text) pairs, in their order. Of a path only its last part is shown."""
    for key, value in content.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from flattened(value, name + ".")
        elif isinstance(value, list | tuple) and any(isinstance(item, Mapping | list | tuple) for item in value):
            yield name, f"{len(value)} entries"
        elif isinstance(value, list | tuple):
            shown_values = ", ".join(_plain(item) for item in value[:12])
            yield name, shown_values + (f", … ({len(value)} values)" if len(value) > 12 else "")
        else:
            yield name, _plain(value)


def _plain(value: object) -> str:
    if value is None:
        return "\N{EN DASH}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return without_folders(str(value))


def without_folders(text: str) -> str:
    """``text`` in which each absolute path is cut to its last part: pages do not tell how a disk is laid out."""
    text = re.sub(r"(?<![\w.:/])/(?:[^\s/:;,'\"]+/)+[^\s/:;,'\"]*", lambda found: PurePosixPath(found[0]).name, text)
    return re.sub(r"\b[A-Za-z]:\\[^\s:;,'\"]+", lambda found: PureWindowsPath(found[0]).name, text)


def _lesion(row: Mapping[str, str], path: Path | str) -> Lesion:
    if row["kind"] not in KINDS or not row["id"].isdigit():
        raise InputError(
            path, f"lesion {row['id']!r} of kind {row['kind']!r}", f"a number, and one of {', '.join(KINDS)}"
        )
    voxels = number(row.get("voxels", ""))
    return Lesion(
        id=int(row["id"]),
        kind=row["kind"],
        volume=number(row["volume_mm3"]),
        voxels=None if voxels is None else int(voxels),
        world=_point(row, ""),
        mni=_point(row, "mni_"),
        region=row.get("region", ""),
        before=number(row.get("intensity_before", "")),
        after=number(row.get("intensity_after", "")),
        probability=number(row.get("probability", "")),
        contrast=number(row.get("contrast", "")),
    )


def _point(row: Mapping[str, str], prefix: str) -> tuple[float, float, float] | None:
    x, y, z = (number(row.get(f"{prefix}{axis}_mm", "")) for axis in "xyz")
    return None if x is None or y is None or z is None else (x, y, z)
