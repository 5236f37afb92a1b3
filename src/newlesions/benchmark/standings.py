"""Who takes part in a benchmark, and how all compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from newlesions.benchmark import folders
from newlesions.benchmark.costs import Cost, cost_of
from newlesions.benchmark.plan import Plan
from newlesions.cohort.outcome import WHY
from newlesions.consensus.evidence import Evidence, judge
from newlesions.consensus.held_out import measures_of
from newlesions.evaluate.compare.bootstrap import Bootstrap
from newlesions.evaluate.compare.comparison import Comparison, compare
from newlesions.evaluate.compare.disagreement import ReferenceLesion, lesion_matrix
from newlesions.evaluate.compare.ranking import OVERALL
from newlesions.evaluate.compare.read import read_system
from newlesions.evaluate.scores import write_scores
from newlesions.images.files import read_json
from newlesions.settings import read_recipe


@dataclass(frozen=True)
class Entrant:
    """A recipe, or a consensus ``of`` some, with the scores of its pairs, by pair; those that failed have a reason."""

    name: str
    title: str
    scores: Mapping[str, Mapping[str, Any]]
    remark: str
    of: tuple[str, ...] = ()

    @property
    def done(self) -> dict[str, Mapping[str, Any]]:
        """Those that were scored."""
        return {pair: row for pair, row in self.scores.items() if WHY not in row}

    @property
    def failed(self) -> dict[str, str]:
        """Why the others were not."""
        return {pair: str(row[WHY]) for pair, row in self.scores.items() if WHY in row}


@dataclass(frozen=True)
class Standings:
    """How the recipes compare.

    Attributes
    ----------
    entrants
        Those that scored some pair.
    found
        Their comparison over the pairs that all have.
    order
        Their names by the overall ranking.
    costs
        By name.
    lesions
        The lesions of the references, hardest first, with who finds them.
    consensus
        Recipes that are fused, and each consensus of them, beside the best single one of other subjects; None where
        nothing is fused, or only pairs of one subject.
    """

    entrants: Sequence[Entrant]
    found: Comparison
    order: Sequence[str]
    costs: Mapping[str, Cost]
    lesions: Sequence[ReferenceLesion]
    consensus: Evidence | None


def standings(out: Path, plan: Plan, entrants: Sequence[Entrant], bootstrap: Bootstrap, scores: Path) -> Standings:
    """Compare the recipes that scored some pair; their tables of scores are written into the folder ``scores``.

    Raises
    ------
    ValueError
        If none did.
    """
    taking_part = [one for one in entrants if one.done]
    if not taking_part:
        raise ValueError(f"no recipe scored any pair: {entrants[0].failed}")
    systems = []
    for one in taking_part:
        path = scores / f"{one.name}.tsv"
        write_scores(path, [one.done[pair] for pair in sorted(one.done)], details=True)
        systems.append(read_system(one.name, path))
    found = compare(systems, bootstrap)
    costs = {one.name: cost_of(out, plan, one.name) for one in taking_part}
    lesions = lesion_matrix([_lesions(one) for one in taking_part])
    return Standings(taking_part, found, _order(found), costs, lesions, _consensus(taking_part, plan, bootstrap))


def entrants_of(out: Path, plan: Mapping[str, Any], about: Mapping[str, Any]) -> list[Entrant]:
    """The recipes of the plan with their scores. ``about``: ``remarks`` by recipe."""
    by_recipe: dict[str, dict[str, Any]] = {}
    for entry in plan["entries"].values():
        path = out / folders.scores_file(entry["recipe"], entry["fold"])
        by_recipe.setdefault(entry["recipe"], {}).update(read_json(path))
    fused = {entry["recipe"]: entry for entry in plan["entries"].values() if entry["kind"] == folders.CONSENSUS}
    return [
        Entrant(
            name,
            _fused_title(fused[name]) if name in fused else _title(out, name),
            rows,
            about["remarks"].get(name, ""),
            tuple(fused[name]["of"]) if name in fused else (),
        )
        for name, rows in by_recipe.items()
    ]


def _title(out: Path, name: str) -> str:
    return str(read_recipe(str(out / folders.recipe_file(name)))["title"])


def _fused_title(entry: Mapping[str, Any]) -> str:
    return f"consensus ({entry['how']}) of {', '.join(entry['of'])}"


def _consensus(taking_part: Sequence[Entrant], plan: Plan, bootstrap: Bootstrap) -> Evidence | None:
    """Over the pairs that every consensus and all that it fuses have."""
    ways = [one for one in taking_part if one.of]
    systems = [one for one in taking_part if one.name in {name for way in ways for name in way.of}]
    scores = {one.name: measures_of(one.done) for one in (*systems, *ways)}
    shared = set.intersection(*(set(rows) for rows in scores.values())) if ways else set()
    subject_of = {row["pair"]: row["subject"] for row in plan["pairs"] if row["pair"] in shared}
    if len(set(subject_of.values())) < 2:
        return None
    return judge([one.name for one in systems], [one.name for one in ways], scores, subject_of, bootstrap)


def _order(found: Comparison) -> list[str]:
    """The systems by the overall ranking; ties, and one system alone, in the order given."""
    overall = {rank.system: rank.rank for rank in found.ranks if rank.ranking == OVERALL}
    return sorted(found.cohort.names, key=lambda name: overall.get(name, 0.0))


def _lesions(one: Entrant) -> dict[str, list[Mapping[str, Any]]]:
    return {pair: list(row["lesions"]) for pair, row in one.done.items()}
