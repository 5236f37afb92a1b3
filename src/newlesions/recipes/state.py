"""What a recipe is in few words, what it needs beyond the default installation, and whether a model of it ships."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from newlesions import house
from newlesions.detect.components import OVERLAP
from newlesions.networks import nnunet
from newlesions.networks.inputs import names
from newlesions.networks.stages import ANSWERS, BRAIN, ESTIMATE, PAINTERS, RESTORE, Stage
from newlesions.preprocess.brain_backends import OWN, missing_for
from newlesions.recipes.stages import applied, network_entries


@dataclass(frozen=True)
class Extra:
    """Something that the default installation lacks.

    Attributes
    ----------
    name
        Of the package or program.
    missing
        Called, says in words what is not there; "" where all is.
    """

    name: str
    missing: Callable[[], str]


def extras(recipe: Mapping[str, Any]) -> list[Extra]:
    """What ``recipe`` needs beyond the default installation."""
    found = []
    if any(entry.get("network", {}).get("name") == nnunet.NAME for entry in network_entries(recipe).values()):
        found.append(Extra("nnunetv2", _missing_nnunet))
    backend = recipe.get("preprocess", {}).get("brain", {}).get("backend", "atlas")
    if backend not in OWN:
        found.append(Extra(backend, lambda: missing_for(backend)))
    return found


def is_published(recipe: Mapping[str, Any]) -> bool:
    """Whether it is a system of a paper, under its name and year, and neither a part or variant of one nor our own."""
    return "paper" in recipe and "part_of" not in recipe and str(recipe["paper"]["year"]) in recipe["id"]


def completeness(recipe: Mapping[str, Any]) -> str:
    """``complete``, or which extra it needs; nothing of this machine."""
    needed = " and ".join(extra.name for extra in extras(recipe))
    return f"needs the extra {needed}" if needed else "complete"


def completeness_here(recipe: Mapping[str, Any]) -> str:
    """As `completeness`, and whether the extra is present on this machine."""
    needed = extras(recipe)
    if not needed:
        return completeness(recipe)
    absent = any(extra.missing() for extra in needed)
    return f"{completeness(recipe)} ({'not installed' if absent else 'installed'})"


def model(recipe: Mapping[str, Any]) -> str:
    """Which model a run needs, and where it comes from."""
    if recipe["id"] in house.models():
        return "ships trained"
    if recipe.get("needs_model"):
        return "to be trained"
    return "needs no training"


def kind(recipe: Mapping[str, Any], stages: Sequence[Stage] = ()) -> str:
    """What kind of system it is, by its stages: what looks at the pair, then how that was trained.

    Parameters
    ----------
    stages
        Its networks in order; none where it has none.
    """
    trees = "train" in recipe.get("stages", {})
    if not stages:
        return "boosting over the subtraction" if trees else "subtraction"
    used = [stage for stage in applied(stages) if stage.is_trained]
    several = [stage for stage in stages if not stage.is_trained and len(_joined(stage)) > 1]
    joined = "mean" if several else "cascade"
    words = [f"{joined} of {len(used)} kinds of networks" if joined == "mean" else f"cascade of {len(used)} networks"]
    if len(used) == 1:
        words = [_network(used[0])]
    if any(stage.task == "classify_regions" for stage in used):
        words.append("candidate regions")
    if any(rule["measure"] == OVERLAP for stage in applied(stages) for rule in stage.predict.components):
        words.append("comparison of masks")
    if trees:
        words.append("boosting")
    if any(stage.start for stage in stages):
        words.append("transfer")
    if any(stage.sample.synthetic or stage.task in PAINTERS for stage in stages):
        words.append("synthetic pairs")
    if any(stage.task == ESTIMATE for stage in stages):
        words.append("learned loss")
    if any(stage.task == RESTORE for stage in stages):
        words.append("self-supervision")
    return ", ".join(words)


def columns(stages: Sequence[Stage], trees: bool) -> list[str]:
    """The columns of the pairs table that a training learns from."""
    tasks = {stage.task for stage in stages if stage.is_trained} - {BRAIN}
    found = ["reference"] if tasks & {*ANSWERS, ESTIMATE} or trees else []
    if any(stage.sample.options.get("directions") == "both" for stage in stages):
        found.append("gone_reference")
    if tasks & {"segment_lesions", *PAINTERS}:
        found += ["baseline_lesions", "followup_lesions"]
    if any(stage.members.raters or stage.members.rater or stage.raters for stage in stages):
        found.append("raters")
    return found


def networks(stage: Stage) -> int:
    """How many networks a stage trains; with raters, how many for each of them."""
    if not stage.is_trained:
        return 0
    return stage.members.seeds * (stage.members.folds + (stage.members.refit and stage.members.folds > 1))


def _joined(stage: Stage) -> set[str]:
    """The stages whose maps a stage joins."""
    return {name for expression in stage.inputs for name in names(expression)}


def _network(stage: Stage) -> str:
    name = str(stage.network["name"])
    if stage.sample.views:
        views = len(stage.sample.views)
        return f"2D network ({name})" + (f" on {views} views" if views > 1 else "")
    return f"3D network ({name})"


def _missing_nnunet() -> str:
    return "" if nnunet.is_installed() else "`pip install 'newlesions[nnunet]'`"
