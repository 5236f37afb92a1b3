"""The networks that a recipe needs where some subjects are held out, each under the name of all that bears on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from newlesions.benchmark.folders import network_folder, pace_file
from newlesions.benchmark.keys import key_of
from newlesions.networks.stages import Stage
from newlesions.recipes.members import Member, members_of
from newlesions.recipes.stages import applied, before, needed

_OF_ALL = 500
"""From this number on count the seeds of networks that leave nobody out: two recipes with one stage share such a
network, however many networks of folds stand before it in each."""


@dataclass(frozen=True)
class Learned:
    """What a recipe learns from.

    Attributes
    ----------
    pairs
        (pair, subject) in the order of the pairs table.
    extra
        Those that train every network and validate none.
    raters
        The names of the raters whose masks all pairs have.
    """

    pairs: tuple[tuple[str, str], ...]
    extra: frozenset[str] = frozenset()
    raters: tuple[str, ...] = ()

    @property
    def subjects(self) -> list[str]:
        """Of the pairs that folds are dealt of."""
        return [subject for pair, subject in self.pairs if pair not in self.extra]


def members(stage: Stage, learned: Learned, seed: int) -> tuple[Member, ...]:
    """The networks of a stage, with seeds that do not depend on how many stand before one that leaves nobody out."""
    made = members_of(stage, learned.subjects, seed, learned.raters)
    whole = [one for one in made if not one.left_out]
    base = made[0].seed - made[0].number if made else 0
    return tuple(one if one.left_out else replace(one, seed=base + _OF_ALL + whole.index(one)) for one in made)


def wanted(stages: Sequence[Stage], learned: Learned, seed: int, *, seen: bool = False) -> dict[str, list[Member]]:
    """The networks to train, by stage: those that are applied to new pairs, and those that later stages learn from.

    A stage that is fitted again on all pairs (``members.refit``) needs no networks of folds unless something learns
    from what they say.

    Parameters
    ----------
    seen
        Whether classifiers learn from what networks say of pairs that they have not seen.
    """
    shown = {name for stage in stages for name in needed(stage, [other.name for other in stages])}
    if seen:
        shown |= {stage.name for stage in applied(stages)}
    found = {}
    for stage in stages:
        every = list(members(stage, learned, seed))
        whole = [one for one in every if not one.left_out]
        found[stage.name] = every if stage.name in shown else whole or every
    return found


def networks_of(
    recipe: str,
    stages: Sequence[Stage],
    learned: Learned,
    limits: Mapping[str, Any],
    candidates: str,
    seed: int,
    seconds: float | None,
    *,
    seen: bool = False,
) -> tuple[dict[str, dict[str, Any]], dict[str, list[dict[str, Any]]]]:
    """The trainings of a recipe, and its networks by stage as steps take them.

    Parameters
    ----------
    limits
        ``width``, ``patch``, ``steps``, ``tensorboard``.
    candidates
        The name of the preparation.
    seconds
        For all networks together, split evenly; None: as long as the recipe says.

    Returns
    -------
    tuple
        The jobs by key; and of each stage its networks' ``folder`` and ``left_out``.
    """
    chosen = wanted(stages, learned, seed, seen=seen)
    share = None if seconds is None else seconds / max(sum(map(len, chosen.values())), 1)
    jobs: dict[str, dict[str, Any]] = {}
    known: dict[str, list[dict[str, Any]]] = {}
    for stage in stages:
        rows = []
        for member in chosen[stage.name]:
            key, job = _job(recipe, stage, stages, member, known, learned, limits, candidates, share)
            jobs[key] = job
            rows.append({"folder": network_folder(key), "left_out": list(member.left_out)})
        known[stage.name] = rows
    return jobs, known


def pace_job(job: Mapping[str, Any], candidates: str, cases: Sequence[str], raters: Sequence[str]) -> dict[str, Any]:
    """The measurement of the pace that a training needs."""
    limits = {name: job["limits"][name] for name in ("width", "patch", "steps", "tensorboard")}
    names = ("recipe", "stages")
    return {
        **{name: job[name] for name in names}, "limits": limits, "candidates": candidates, "cases": list(cases),
        "raters": list(raters),
    }  # fmt: skip


def _job(
    recipe: str,
    stage: Stage,
    stages: Sequence[Stage],
    member: Member,
    known: Mapping[str, Sequence[Mapping[str, Any]]],
    learned: Learned,
    limits: Mapping[str, Any],
    candidates: str,
    share: float | None,
) -> tuple[str, dict[str, Any]]:
    earlier = before(stage, stages)
    cases = [pair for pair, subject in learned.pairs if subject not in member.left_out]
    validation = [pair for pair, subject in learned.pairs if subject in member.left_out]
    plain = {other.name: other.plain() for other in earlier}
    pace = _pace_key(stage, plain, limits, candidates)
    bearing = {
        "stage": _bearing(stage, looks=bool(validation)),
        "before": plain,
        "earlier": {other.name: known[other.name] for other in earlier},
        "limits": {name: limits[name] for name in ("width", "patch", "steps")},
        "candidates": candidates,
        "seed": member.seed,
        "rater": member.rater,
        "cases": cases,
        "validation": validation,
        "budget": None if share is None else [pace, share],
    }
    return key_of(bearing), {
        "recipe": recipe,
        "stage": stage.name,
        "stages": {**plain, stage.name: stage.plain()},
        "members": {other.name: list(known[other.name]) for other in earlier},
        "seed": member.seed,
        "rater": member.rater,
        "limits": dict(limits),
        "candidates": candidates,
        "cases": cases,
        "validation": validation,
        "earlier": [row["folder"] for other in earlier for row in known[other.name]],
        "pace": None if share is None else pace_file(pace),
        "pace_key": None if share is None else pace,
        "seconds": share,
    }


def _bearing(stage: Stage, *, looks: bool) -> dict[str, Any]:
    """What of a stage bears on the weights of one network: how it is applied does where looks choose among them."""
    plain = stage.plain()
    plain.pop("members")
    if not looks:
        plain.pop("predict")
    return plain


def _pace_key(stage: Stage, plain: Mapping[str, Any], limits: Mapping[str, Any], candidates: str) -> str:
    within = {name: limits[name] for name in ("width", "patch")}
    return key_of([_bearing(stage, looks=False), stage.members.raters, plain, within, candidates])
