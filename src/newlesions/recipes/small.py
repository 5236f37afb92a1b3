"""A recipe made small enough for a short training, and its steps by a budget of time."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from newlesions.networks import nnunet
from newlesions.networks.stages import Stage
from newlesions.recipes.stages import network_entries

RATES = {"adam": 1e-3, "adamw": 1e-3, "sgd": 1e-2}
"""The least learning rate for a short training, by optimiser: the papers' are made for some hundred times the steps."""

_NNUNET_STEP, _NNUNET_MOST = 16, 128
"""Sides of patches that nnU-Net's halvings divide, whatever the voxels: multiples of the one up to the other."""


def made_small(
    recipe: Mapping[str, Any],
    patch: int | None,
    folds: int | None,
    *,
    batch: int | None = None,
    own_rates: bool = False,
) -> tuple[dict[str, Any], str]:
    """A recipe with smaller patches, fewer networks, all on the working grid, and learning rates for few steps.

    Parameters
    ----------
    recipe
        As `settings.read_recipe` gives it.
    patch
        The most voxels along a side of a patch; twice that for networks of slices. None: patches and grids stay.
    folds
        The most folds of a stage; one seed remains. None: all networks stay.
    batch
        The most patches in a batch. None: batches stay.
    own_rates
        Whether the learning rates stay as they are. Else none is below `RATES`.

    Returns
    -------
    tuple
        The recipe, whose steps are still its own; and in words which learning rates were raised, or "".
    """
    content = copy.deepcopy(dict(recipe))
    raised = []
    for name, entry in network_entries(content).items():
        stage = Stage.of(name, entry)
        if not stage.is_trained:
            continue
        if patch is not None and entry["network"]["name"] == nnunet.NAME:
            side = max(min(patch, _NNUNET_MOST) // _NNUNET_STEP, 1) * _NNUNET_STEP
            kept = {key: value for key, value in entry["network"].items() if key != "spacing_mm"}
            entry["network"] = kept | {"patch": [side] * 3}
        elif patch is not None:
            entry.setdefault("sample", {})["patch"] = _patch(stage, patch)
            entry.get("predict", {}).pop("window", None)
        if patch is not None:
            entry.setdefault("prepare", {})["spacing_mm"] = None
        if batch is not None:
            entry.setdefault("sample", {})["batch"] = min(stage.sample.batch, batch)
        if folds is not None:
            entry.setdefault("members", {}).update(folds=min(stage.members.folds, folds), seeds=1)
        least = RATES[stage.optimise.name]
        if stage.optimise.lr < least and not own_rates:
            entry.setdefault("optimise", {})["lr"] = least
            raised.append(f"{name} {stage.optimise.lr:g} to {least:g}")
    return content, f"learning rate raised: {', '.join(raised)}" if raised else ""


def within_seconds(
    entry: Mapping[str, Any], limits: Mapping[str, Any], seconds: float, seconds_per_step: float
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A stage's entry and the limits of its training, for as many steps as ``seconds`` allow.

    At least one step, and no more than the stage has by itself. There is one look at the validation pairs, at the end:
    looks take time of their own, which is not training.
    """
    steps = max(int(seconds / seconds_per_step), 1)
    if limits.get("steps") is not None:
        steps = min(steps, int(limits["steps"]))
    optimise = dict(entry.get("optimise") or {})
    if entry["network"]["name"] != nnunet.NAME:  # whose steps are epochs by batches
        steps = min(steps, Stage.of("", entry).optimise.steps)
        optimise["validate_every"] = steps
    return {**entry, "optimise": optimise}, {**limits, "steps": steps}


def _patch(stage: Stage, most: int) -> list[int]:
    """The sides of its patch, none above ``most`` (twice that in slices), in multiples of what the network takes."""
    from newlesions.networks.build import patch_multiples

    limit = most * (2 if stage.sample.views else 1)
    return _multiples(stage.sample.patch, limit, patch_multiples(stage.network))


def _multiples(sides: Sequence[int], limit: int, multiples: Sequence[int]) -> list[int]:
    return [max(min(side, limit) // step, 1) * step for side, step in zip(sides, multiples, strict=True)]
