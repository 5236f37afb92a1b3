"""Scoring many pairs side by side: one that cannot be scored is named, the others go on."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from newlesions.errors import ConfigError, InputError
from newlesions.evaluate.pair import Inputs, Options, evaluate_pair
from newlesions.evaluate.scores import read_table

_NEEDED = ("pair", "reference", "prediction")
_OPTIONAL = ("probability", "gone_reference", "gone_prediction", "regions")
_RATER = "rater_"
KILLED = "the process that scored it was killed: out of memory, perhaps"

# Results wait in memory for their turn; more than this many pairs ahead are not begun.
_AHEAD = 8


@dataclass(frozen=True)
class Outcome:
    """What came of one pair: its scores, or why there are none."""

    pair: str
    result: dict[str, Any] | None
    reason: str = ""


def read_inputs(table: Path, patterns: Mapping[str, str] | None = None) -> list[Inputs]:
    """The rows of a table with the columns pair, reference and prediction.

    Further columns are optional: probability, gone_reference, gone_prediction, regions, and ``rater_<name>`` for
    masks by single raters, or ``raters`` as a pairs table has it (``name=path``, joined by semicolons); others are
    ignored. Relative paths are taken from the table's folder or, where there is no such file, from the working
    directory.

    Parameters
    ----------
    table
        The table.
    patterns
        Paths that replace or make columns: ``{"prediction": "mine/{subject}/mask.nii.gz"}`` fills in each row's values.

    Raises
    ------
    ConfigError
        If the table cannot be read, lacks a column or a value, has no row, or names a pair twice.
    """
    rows = [_filled(row, patterns or {}, table) for row in read_table(table)]
    header = set(rows[0]) if rows else set()
    missing = [name for name in _NEEDED if name not in header]
    if rows and missing:
        raise ConfigError(f"{table}: found no column {', '.join(missing)}; expected {', '.join(_NEEDED)}")
    if not rows:
        raise ConfigError(f"{table}: found no row; expected one per pair, with {', '.join(_NEEDED)}")
    for number, row in enumerate(rows, start=2):
        empty = [name for name in _NEEDED if not row[name].strip()]
        if empty:
            raise ConfigError(f"{table}, line {number}: found no {empty[0]}; expected a value")
    twice = [name for name, count in Counter(row["pair"] for row in rows).items() if count > 1]
    if twice:
        raise ConfigError(f"{table}: found {twice[0]} more than once; expected one row per pair")
    return [_inputs(row, table.parent) for row in rows]


def evaluate_cohort(pairs: Sequence[Inputs], options: Options, cores: int = 1) -> Iterator[Outcome]:
    """Score ``pairs`` on up to ``cores`` processes; outcomes come in the order of the pairs."""
    if cores <= 1 or len(pairs) <= 1:
        yield from (_outcome(inputs, options) for inputs in pairs)
        return
    # Fresh processes, since forked ones may inherit locks of libraries' threads.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(cores, len(pairs)), mp_context=context) as pool:
        rest = iter(pairs)
        waiting: list[tuple[Inputs, Future[Outcome]]] = []
        while True:
            more = islice(rest, _AHEAD * cores - len(waiting))
            waiting += [(inputs, _submit(pool, inputs, options)) for inputs in more]
            if not waiting:
                return
            inputs, future = waiting.pop(0)
            try:
                yield future.result()
            except BrokenProcessPool:
                yield Outcome(inputs.pair, None, KILLED)


def _submit(pool: ProcessPoolExecutor, inputs: Inputs, options: Options) -> Future[Outcome]:
    try:
        return pool.submit(_outcome, inputs, options)
    except BrokenProcessPool as error:
        future: Future[Outcome] = Future()
        future.set_exception(error)
        return future


def _outcome(inputs: Inputs, options: Options) -> Outcome:
    try:
        return Outcome(inputs.pair, evaluate_pair(inputs, options))
    except InputError as error:
        return Outcome(inputs.pair, None, str(error))


def _inputs(row: Mapping[str, str], folder: Path) -> Inputs:
    paths = {name: _path(row[name], folder) for name in ("reference", "prediction")}
    optional = {name: _path(row[name], folder) for name in _OPTIONAL if row.get(name, "").strip()}
    raters = {
        name.removeprefix(_RATER): _path(value, folder)
        for name, value in row.items()
        if name.startswith(_RATER) and value.strip()
    }
    listed = (item.partition("=") for item in row.get("raters", "").split(";") if item.strip())
    raters |= {name.strip(): _path(path, folder) for name, _, path in listed}
    return Inputs(row["pair"].strip(), paths["reference"], paths["prediction"], raters=raters, **optional)


def _filled(row: Mapping[str, str], patterns: Mapping[str, str], table: Path) -> dict[str, str]:
    """``row`` with the columns that ``patterns`` describe by its others."""
    filled = dict(row)
    for column, pattern in patterns.items():
        try:
            filled[column] = pattern.format_map(row)
        except (KeyError, ValueError, IndexError, AttributeError) as error:
            known = ", ".join(f"{{{name}}}" for name in row)
            raise ConfigError(f"--{column}: found {pattern!r}; expected columns of {table} in it: {known}") from error
    return filled


def _path(text: str, folder: Path) -> Path:
    path = Path(text.strip())
    beside = folder / path
    return path if not beside.exists() and path.exists() else beside
