"""The card of a trained model of networks: what it is, what it learned from, how it does on what it has not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from newlesions.detect.networks.model import NetworkModel
from newlesions.learn.boosting.card import LIMITS, scores_text
from newlesions.networks.stages import Limits, Stage


def card(model: NetworkModel, recipe: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    """The card as Markdown.

    Parameters
    ----------
    model
        The model: the stages that it is applied with, and their networks.
    recipe
        Its recipe.
    rows
        The scores of each pair by the networks that left its subject out (`held_out`).
    """
    subjects = {row["subject"] for row in rows}
    parts = [
        f"# Model of the recipe `{model.recipe}`",
        str(recipe.get("description", "")).strip(),
        "Research software: not a medical device, not for diagnosis.",
        "## Data",
        f"{len(rows)} pairs of {len(subjects)} subjects with reference masks of new lesions. `model.json` holds the "
        "SHA-256 of every scan and mask; no image and no name beyond the pairs' ids is kept.",
        "## Protocol",
        "\n".join(_protocol(stage, model) for stage in model.stages.values()) + _smaller(model.limits),
        "## Scores on subjects left out",
        _held_out(rows),
        "## Limits",
        LIMITS,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _protocol(stage: Stage, model: NetworkModel) -> str:
    seen = ", ".join(f"`{one}`" for one in stage.inputs)
    if not stage.is_trained:
        return f"- `{stage.name}` ({stage.task}): {stage.predict.combine} of {seen}."
    members = model.members[stage.name]
    folds = "one per fold of subjects" if any(one.left_out for one in members) else "of all pairs"
    steps = stage.optimise.steps if model.limits.steps is None else min(stage.optimise.steps, model.limits.steps)
    losses = " + ".join(str(entry["name"]) for entry in stage.loss)
    patch = " x ".join(map(str, stage.sample.patch))
    return (
        f"- `{stage.name}` ({stage.task}): {len(members)} networks `{stage.network['name']}`, {folds}; {losses}, "
        f"{stage.optimise.name} {stage.optimise.lr:g}, {steps} steps of {stage.sample.batch} patches of {patch}; seen: "
        f"{seen}."
    )


def _smaller(limits: Limits) -> str:
    if (limits.width, limits.patch, limits.steps) == (1.0, 1.0, None):
        return ""
    steps = "" if limits.steps is None else f", at most {limits.steps} steps"
    return (
        f"\n\n**Smaller than the recipe**: {100 * limits.width:g} % of its channels, {100 * limits.patch:g} % of its "
        f"patches' sides{steps}. It is a trial of the recipe, not the system that the recipe describes."
    )


def _held_out(rows: Sequence[Mapping[str, Any]]) -> str:
    scored = [row for row in rows if len(row) > 2]
    if not scored:
        return "None: every network of some stage was trained on all subjects. Score the model on pairs of its own."
    return (
        "On the working grid; each pair by the networks that have seen no pair of its subject. `candidates`: the "
        "subtraction alone.\n\n" + scores_text(scored)
    )
