"""The recipes of a benchmark as systems: what each says of pairs that it has not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from newlesions.benchmark import folders
from newlesions.cohort.outcome import WHY
from newlesions.cohort.pairs import COLUMNS, Pair
from newlesions.errors import ConfigError
from newlesions.images.files import read_json


@dataclass(frozen=True)
class HeldOut:
    """A recipe of the benchmark in ``out``. ``fold_of``: the fold of each pair; ``scores``: its measures, by pair."""

    name: str
    out: Path
    fold_of: Mapping[str, str]
    scores: Mapping[str, Mapping[str, float]]

    def probability(self, pair: Pair) -> Path:
        """The map of new lesions on the follow-up's own grid, by the model that has not seen the pair's subject."""
        return self.out / folders.result_file(self.name, self.fold_of[pair.pair], pair.pair, "probseg")


def read_held_out(out: Path, names: Sequence[str]) -> tuple[list[HeldOut], list[Pair]]:
    """The recipes of a benchmark, and the pairs that all of them have.

    Parameters
    ----------
    out
        The benchmark's folder.
    names
        Of recipes; none: all that have scores.

    Raises
    ------
    ConfigError
        If there is no benchmark, it has not the recipes, or fewer than two.
    """
    path = out / folders.PLAN
    if not path.is_file():
        raise ConfigError(f"--benchmark: found no {path}; expected the folder of a finished newlesions benchmark")
    plan = read_json(path)
    scores = {name: found for name in plan["recipes"] if (found := _scores(out, plan, name))}
    missing = [name for name in names if name not in scores]
    if missing:
        raise ConfigError(f"--recipes: found {missing[0]!r}; expected some of {', '.join(scores) or 'none'}")
    taken = list(names) or list(scores)
    if len(taken) < 2:
        raise ConfigError(f"{out}: found scores of {len(taken)} recipes; expected at least 2")
    rows = [row for row in plan["pairs"] if row["fold"] and all(row["pair"] in scores[name] for name in taken)]
    fold_of = {row["pair"]: row["fold"] for row in rows}
    pairs = [Pair(**{column: row[column] for column in COLUMNS}) for row in rows]
    return [HeldOut(name, out, fold_of, scores[name]) for name in taken], pairs


def measures_of(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """By pair: the measures of a benchmark's scores; pairs that failed are left out."""
    return {
        pair: {measure: float(value) for measure, value in row["measures"].items()}
        for pair, row in rows.items()
        if WHY not in row
    }


def _scores(out: Path, plan: Mapping[str, Any], name: str) -> dict[str, dict[str, float]]:
    """By pair: what a recipe scored; nothing where a fold is not done."""
    files = [
        out / folders.scores_file(name, entry["fold"]) for entry in plan["entries"].values() if entry["recipe"] == name
    ]
    if not all(path.is_file() for path in files):
        return {}
    return {pair: row for path in files for pair, row in measures_of(read_json(path)).items()}
