"""Reading tables of scores, with errors that name the file, what was found and what was expected."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from newlesions.errors import ConfigError
from newlesions.evaluate.additions import SIZE_CLASSES
from newlesions.evaluate.compare.catalogue import ABSOLUTE, ADDITIONS, SCORES

if TYPE_CHECKING:
    import pandas as pd

_QUANTITIES = ("reference_count", "predicted_count", "reference_volume_mm3", "predicted_volume_mm3")
_LESIONS = ("pair", "side", "size_class"), ("volume_mm3", "hit")
_CURVES = (
    ("pair", "threshold"),
    ("true_voxels", "predicted_voxels", "reference_voxels", "found", "reference", "true", "predicted"),
)
_MASK = "mask"


@dataclass(frozen=True)
class System:
    """The scores of one system.

    Parameters
    ----------
    name
        How the user calls it.
    scores
        One row per pair (the index), sorted; one column per measure, NaN where undefined or not applicable.
    empty
        Per pair (same index): whether its reference is empty.
    lesions, curves
        `scores/lesions.tsv` and `scores/curves.tsv`, or ``None`` where the details were not written.
    """

    name: str
    scores: pd.DataFrame
    empty: pd.Series[bool]
    lesions: pd.DataFrame | None = None
    curves: pd.DataFrame | None = None

    def only(self, pairs: Sequence[str]) -> System:
        """This system with nothing but ``pairs``, in their order."""
        lesions, curves = (
            table if table is None else table[table["pair"].isin(list(pairs))].reset_index(drop=True)
            for table in (self.lesions, self.curves)
        )
        index = list(pairs)
        return replace(self, scores=self.scores.loc[index], empty=self.empty.loc[index], lesions=lesions, curves=curves)


def read_systems(arguments: Sequence[str]) -> list[System]:
    """The systems named by ``NAME=PATH`` arguments, in their order."""
    paths: dict[str, Path] = {}
    for argument in arguments:
        name, equals, path = argument.partition("=")
        if not (equals and name.strip() and path):
            raise ConfigError(f"{argument}: found no name and path; expected NAME=PATH, as baseline=out/scores.tsv")
        if name in paths:
            raise ConfigError(f"{argument}: found the name {name!r} twice; expected another name for each system")
        paths[name] = Path(path)
    return [read_system(name, path) for name, path in paths.items()]


def read_system(name: str, path: Path) -> System:
    """The system ``name`` from a table of scores, or from the results folder that holds ``scores.tsv``.

    The details are read from the folder of the table's name without its ending, where it exists.
    """
    import pandas as pd

    path = path / "scores.tsv" if path.is_dir() else path
    scores = _by_pair(read_table(path, ["pair"], [measure.name for measure in SCORES]), path)
    details = path.with_suffix("")
    empty = scores["NbTestedLesions"].notna()
    if (details / "additions.tsv").is_file():
        scores = pd.concat([scores, _additions(details / "additions.tsv", scores.index, path)], axis=1)
    for measure in ABSOLUTE:
        if measure.source in scores:
            scores[measure.name] = scores[measure.source].abs()
    return System(name, scores, empty, read_lesions(details), read_curves(details))


def read_lesions(details: Path) -> pd.DataFrame | None:
    """`lesions.tsv` of the folder of details: pair, side, size_class, volume_mm3, hit; ``None`` if there is none."""
    path = details / "lesions.tsv"
    if not path.is_file():
        return None
    lesions = read_table(path, *_LESIONS)
    unknown = sorted(set(lesions["size_class"]) - {"", *SIZE_CLASSES})
    if unknown:
        raise ConfigError(f"{path}: found size class {unknown[0]!r}; expected one of {', '.join(SIZE_CLASSES)}")
    return lesions


def read_curves(details: Path) -> pd.DataFrame | None:
    """`curves.tsv` of the folder of details, its thresholds as numbers and NaN for the mask; ``None`` if none."""
    path = details / "curves.tsv"
    if not path.is_file():
        return None
    curves = read_table(path, *_CURVES)
    thresholds = curves["threshold"].replace(_MASK, "")
    curves["threshold"] = _numbers(path, "threshold", list(thresholds))
    if curves.duplicated(["pair", "threshold"]).any():
        twice = curves.loc[curves.duplicated(["pair", "threshold"]), "pair"].iloc[0]
        raise ConfigError(f"{path}: found a threshold of pair {twice} twice; expected one row for each threshold")
    return curves


def read_table(path: Path, text: Sequence[str], numbers: Sequence[str]) -> pd.DataFrame:
    """The columns ``text`` (as str) and ``numbers`` (as float; empty and ``nan`` are NaN) of a tab-separated table."""
    import pandas as pd

    header, rows = _cells(path)
    for column in (*text, *numbers):
        if column not in header:
            raise ConfigError(f"{path}: found no column {column}; expected {', '.join((*text, *numbers))}")
    cells = {column: [row[header.index(column)] for row in rows] for column in (*text, *numbers)}
    return pd.DataFrame(
        {column: cells[column] for column in text}
        | {column: _numbers(path, column, cells[column]) for column in numbers}
    )


def _cells(path: Path) -> tuple[list[str], list[list[str]]]:
    """The header and the rows of a tab-separated file; all rows have the header's length."""
    try:
        with open(path, encoding="utf-8", newline="") as stream:
            header, *rows = csv.reader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
    except (OSError, UnicodeDecodeError, csv.Error):
        raise ConfigError(f"{path}: found no readable file; expected a table of scores (scores.tsv)") from None
    except ValueError:
        raise ConfigError(f"{path}: found an empty file; expected a table of scores with a header") from None
    for line, row in enumerate(rows, 2):
        if len(row) != len(header):
            raise ConfigError(f"{path}: found {len(row)} fields in line {line}; expected {len(header)}, as the header")
    return header, rows


def _numbers(path: Path, column: str, cells: list[str]) -> list[float]:
    values = []
    for line, cell in enumerate(cells, 2):
        try:
            values.append(float(cell) if cell else math.nan)
        except ValueError:
            raise ConfigError(f"{path}: found {cell!r} in line {line}, column {column}; expected a number") from None
    return values


def _by_pair(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    """``table`` with its pairs as a sorted index; what is infinite is undefined."""
    if table.empty:
        raise ConfigError(f"{path}: found no row; expected one row per pair")
    twice = table["pair"][table["pair"].duplicated()]
    if len(twice):
        raise ConfigError(f"{path}: found pair {twice.iloc[0]} twice; expected one row per pair")
    return table.set_index("pair").sort_index().replace([math.inf, -math.inf], math.nan)


def _additions(path: Path, pairs: pd.Index[str], scores: Path) -> pd.DataFrame:
    additions = _by_pair(read_table(path, ["pair"], [*(m.name for m in ADDITIONS), *_QUANTITIES]), path)
    missing = pairs.difference(additions.index)
    if len(missing):
        raise ConfigError(f"{path}: found no row for pair {missing[0]}; expected all pairs of {scores.name}")
    return additions.loc[pairs]
