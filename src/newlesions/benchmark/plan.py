"""The whole benchmark as plain data: every job once, with what it reads and what it is told.

The workflow's rules look their jobs up here by the names in their wildcards. Nothing is computed while a plan is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from newlesions.benchmark import folders
from newlesions.benchmark.keys import key_of
from newlesions.benchmark.networks import Learned, networks_of, pace_job
from newlesions.benchmark.preparation import STEPS, preparation
from newlesions.cohort.pairs import Pair
from newlesions.cohort.visits import visits_of
from newlesions.learn.boosting.folds import outer_folds
from newlesions.models import BOTH, NETWORKS, TREES
from newlesions.networks.stages import Stage
from newlesions.recipes.stages import applied, is_network_recipe, stages_of

FORMAT = 1
SAMPLED = ("features", "region", "negatives", "seed")
"""The settings of the section ``train`` that bear on what classifiers learn from a pair."""

_PACED = 2
"""Pairs on which a pace is measured."""

Plan = dict[str, Any]


@dataclass(frozen=True)
class Entrant:
    """A recipe that takes part.

    Attributes
    ----------
    name
        Its id.
    recipe
        As `settings.read_recipe` gives it.
    settings
        All that hold for it, as `settings.merged` gives them.
    """

    name: str
    recipe: Mapping[str, Any]
    settings: Mapping[str, Any]

    @property
    def kind(self) -> str | None:
        """Of its model: `TREES`, `NETWORKS`, `BOTH`, or None where it is not trained."""
        trees = "train" in self.recipe.get("stages", {})
        if is_network_recipe(self.recipe):
            return BOTH if trees else NETWORKS
        return TREES if trees else None


@dataclass(frozen=True)
class Conditions:
    """What is the same for all recipes.

    Attributes
    ----------
    folds
        Outer folds by subject: ``loo``, or how many.
    seed
        Of the folds and of everything that is drawn in training.
    minutes
        Of training for a recipe in a fold; None: as long as each recipe says.
    paces
        Seconds of an optimiser step that were measured before, by key.
    """

    folds: str
    seed: int = 0
    minutes: float | None = None
    paces: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Consensus:
    """Recipes that are fused.

    Attributes
    ----------
    how
        One of `newlesions.consensus.fuse.WAYS`.
    of
        The names of the recipes, at least two.
    """

    how: str
    of: tuple[str, ...]

    @property
    def name(self) -> str:
        """What it is called in the plan and on the leaderboard."""
        return folders.consensus_name(self.how)


def folds_of(pairs: Sequence[Pair], conditions: Conditions) -> dict[str, str]:
    """The outer fold of each subject, 1 to K."""
    dealt = outer_folds([pair.subject for pair in pairs], conditions.folds, conditions.seed)
    return {subject: str(number) for number, subjects in enumerate(dealt, start=1) for subject in subjects}


def make_plan(
    pairs: Sequence[Pair],
    entrants: Sequence[Entrant],
    conditions: Conditions,
    *,
    consensus: Sequence[Consensus] = (),
    extra: Sequence[Pair] = (),
    paced: Sequence[str] = (),
    fold_of: Mapping[str, str] | None = None,
) -> Plan:
    """Every job of a benchmark.

    Parameters
    ----------
    pairs
        With references: each is held out once.
    entrants
        Who takes part.
    consensus
        What is fused of them.
    extra
        Pairs of other subjects that train the recipes that ask for such, and are never scored.
    paced
        The pairs on which paces are measured, such as have lesions to learn from; the first pairs where none are given.
    fold_of
        The outer fold of each subject, where it was dealt before; else it is dealt.

    Returns
    -------
    dict
        ``pairs`` (rows of the table with their ``fold``), ``steps`` (of the preparation, by step and key), ``paces``,
        ``networks``, ``samples``, ``seen``, ``trees``, ``entries`` (by recipe and fold), ``recipes`` and ``hardware``.
    """
    dealt = dict(fold_of or folds_of(pairs, conditions))
    maker = _Maker(list(pairs), list(extra), conditions, dealt, list(paced) or [one.pair for one in pairs[:_PACED]])
    for entrant in entrants:
        maker.add(entrant)
    for one in consensus:
        maker.fuse(one)
    return maker.plan()


class _Maker:
    """Gathers the jobs of one recipe after the other; those of equal names are one."""

    def __init__(
        self, pairs: list[Pair], extra: list[Pair], conditions: Conditions, fold_of: dict[str, str], paced: list[str]
    ) -> None:
        self.pairs, self.extra, self.conditions, self.fold_of, self.paced = pairs, extra, conditions, fold_of, paced
        visits = visits_of([*pairs, *extra])
        self.brains_given = all(visit.brain for visit in visits.values())
        self.steps: dict[str, dict[str, Any]] = {step: {} for step in STEPS}
        self.jobs: dict[str, dict[str, Any]] = {
            name: {} for name in ("paces", "networks", "samples", "seen", "trees", "entries", "recipes")
        }
        self.hardware: dict[str, Any] = {}

    def add(self, entrant: Entrant) -> None:
        """The jobs of a recipe in every fold."""
        steps = preparation(entrant.settings, brains_given=self.brains_given)
        for step, made in steps.items():
            self.steps[step][made.key] = {"before": made.before, "params": dict(made.params)}
        hardware = ("device", "threads", "gpus")
        self.hardware = {name: entrant.settings["networks"][name] for name in hardware}
        self.jobs["recipes"][entrant.name] = {
            "kind": entrant.kind,
            "prepared": {step: made.key for step, made in steps.items()},
            "extra": bool(entrant.recipe.get("extra_pairs")),
            "train": entrant.settings["train"] if entrant.kind in (TREES, BOTH) else None,
        }
        for fold in self._folds():
            self.jobs["entries"][f"{entrant.name}/{fold}"] = self._entry(entrant, fold, steps["candidates"].key)

    def fuse(self, consensus: Consensus) -> None:
        """The entries of a consensus in every fold."""
        for fold in self._folds():
            self.jobs["entries"][f"{consensus.name}/{fold}"] = {
                "recipe": consensus.name, "fold": fold, "pairs": self._held_out(fold), "kind": folders.CONSENSUS,
                "how": consensus.how, "of": list(consensus.of), "networks": [], "trees": None,
            }  # fmt: skip

    def plan(self) -> Plan:
        """Everything that was gathered."""
        rows = [{**pair.row(), "fold": self.fold_of[pair.subject]} for pair in self.pairs]
        rows += [{**pair.row(), "fold": ""} for pair in self.extra]
        return {"format": FORMAT, "pairs": rows, "steps": self.steps, **self.jobs, "hardware": self.hardware}

    def _folds(self) -> list[str]:
        return sorted({self.fold_of[pair.subject] for pair in self.pairs}, key=int)

    def _held_out(self, fold: str) -> list[str]:
        return [pair.pair for pair in self.pairs if self.fold_of[pair.subject] == fold]

    def _learned(self, entrant: Entrant, fold: str) -> Learned:
        taken = [pair for pair in self.pairs if self.fold_of[pair.subject] != fold]
        extra = self.extra if entrant.recipe.get("extra_pairs") else []
        names = [set(pair.rater_masks) for pair in [*taken, *extra]]
        return Learned(
            tuple((pair.pair, pair.subject) for pair in [*taken, *extra]),
            frozenset(pair.pair for pair in extra),
            tuple(sorted(set.intersection(*names))) if names else (),
        )

    def _entry(self, entrant: Entrant, fold: str, candidates: str) -> dict[str, Any]:
        entry: dict[str, Any] = {
            "recipe": entrant.name, "fold": fold, "pairs": self._held_out(fold), "kind": entrant.kind,
            "candidates": candidates, "networks": [], "trees": None, "stages": {}, "members": {}, "learned": [],
        }  # fmt: skip
        if entrant.kind is None:
            return entry
        learned = self._learned(entrant, fold)
        entry["learned"] = [pair for pair, _ in learned.pairs]
        if entrant.kind in (NETWORKS, BOTH):
            entry |= self._networks(entrant, learned, candidates)
        if entrant.kind in (TREES, BOTH):
            entry["trees"] = self._trees(entrant, learned, candidates, entry)
        return entry

    def _networks(self, entrant: Entrant, learned: Learned, candidates: str) -> dict[str, Any]:
        stages = stages_of(entrant.recipe)
        section = entrant.settings["networks"]
        limits = {name: section[name] for name in ("width", "patch", "steps", "tensorboard")}
        minutes = self.conditions.minutes
        jobs, known = networks_of(
            entrant.name, stages, learned, limits, candidates, entrant.settings["train"]["seed"],
            None if minutes is None else 60 * minutes, seen=entrant.kind == BOTH,
        )  # fmt: skip
        for key, job in jobs.items():
            self._add_network(key, job, learned)
        named = [stage.name for stage in applied(stages)]
        return {
            "networks": list(jobs),
            "stages": {stage.name: stage.plain() for stage in stages if stage.name in named},
            "members": {name: known[name] for name in named},
            "limits": limits,
        }

    def _add_network(self, key: str, job: dict[str, Any], learned: Learned) -> None:
        held = self.jobs["networks"].setdefault(key, job)
        if job["pace_key"]:
            paces = self.jobs["paces"]
            recorded = self.conditions.paces.get(job["pace_key"])
            made = pace_job(held, job["candidates"], self.paced, learned.raters)
            paces.setdefault(job["pace_key"], {**made, "recorded": recorded})

    def _trees(self, entrant: Entrant, learned: Learned, candidates: str, entry: Mapping[str, Any]) -> str:
        train = entrant.settings["train"]
        seen = self._seen(entrant, candidates, entry) if entrant.kind == BOTH else None
        sampled = {name: train[name] for name in SAMPLED}
        samples = key_of([candidates, sampled, seen])
        self.jobs["samples"][samples] = {"candidates": candidates, "settings": sampled, "seen": seen}
        pairs = [pair for pair, _ in learned.pairs]
        key = key_of([entrant.name, samples, dict(train), pairs])
        self.jobs["trees"][key] = {
            "recipe": entrant.name, "samples": samples, "pairs": pairs, "settings": dict(train),
        }  # fmt: skip
        return key

    def _seen(self, entrant: Entrant, candidates: str, entry: Mapping[str, Any]) -> str:
        job = {
            "recipe": entrant.name, "candidates": candidates,
            **{name: entry[name] for name in ("stages", "members", "limits")},
            "networks": [row["folder"] for rows in entry["members"].values() for row in rows],
        }  # fmt: skip
        key = key_of(job)
        self.jobs["seen"][key] = job
        return key


def scores_files(plan: Plan) -> list[str]:
    """The scores of every recipe in every fold: what the leaderboard is made of."""
    return [folders.scores_file(entry["recipe"], entry["fold"]) for entry in plan["entries"].values()]


def stage_of(job: Mapping[str, Any]) -> Stage:
    """The stage that a training of the plan is of."""
    return Stage.of(job["stage"], job["stages"][job["stage"]])
