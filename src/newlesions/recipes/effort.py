"""How much a recipe computes when it is trained as it says: floating point operations, counted without computing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from newlesions.networks import nnunet
from newlesions.networks.stages import Stage
from newlesions.recipes.stages import is_network_recipe, stages_of

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Effort:
    """The training of one network of a stage.

    Attributes
    ----------
    stage
        Its name.
    steps, patches
        Optimiser steps, and patches in each.
    flops
        Floating point operations of all of them, forward and backward; None where the network is planned from the data.
    """

    stage: str
    steps: int
    patches: int
    flops: float | None


def efforts(recipe: Mapping[str, Any]) -> list[Effort]:
    """The effort of a network of each stage that has some; looks at validation pairs are not counted."""
    if not is_network_recipe(recipe):
        return []
    found = []
    for stage in stages_of(recipe):
        if not stage.is_trained:
            continue
        patches, steps = stage.sample.batch * stage.optimise.accumulate, steps_of(stage)
        planned = stage.network["name"] == nnunet.NAME
        found.append(
            Effort(stage.name, steps, patches, None if planned else float(steps) * patches * flops_of_patch(stage))
        )
    return found


def steps_of(stage: Stage) -> int:
    """The optimiser steps of a network of a stage; nnU-Net counts epochs and batches."""
    if stage.network["name"] == nnunet.NAME:
        return int(stage.network.get("epochs", 300)) * int(stage.network.get("batches", 250))
    return stage.optimise.steps


def flops_of_patch(stage: Stage) -> float:
    """Floating point operations to learn from one patch: the network forward and backward, on no device."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from newlesions.networks.build import build, margin

    sides = [side + 2 * margin(stage.network) for side in stage.sample.patch]
    with torch.device("meta"):
        network = build(stage.network, stage.channels).train()
        # Two patches, since normalisation over a batch may refuse one.
        inputs = torch.empty(2, stage.channels, *sides)
    with FlopCounterMode(display=False) as counter:
        total = torch.stack([one.sum() for one in _tensors(network(inputs)) if one.requires_grad]).sum()
        total.backward()
    return float(counter.get_total_flops()) / 2


def _tensors(outputs: Any) -> Iterator[torch.Tensor]:
    """What a network gives in training: an image; or what its deeper levels say too; or how it moved the baseline."""
    import torch

    from newlesions.networks.registration import Registered

    if isinstance(outputs, torch.Tensor):
        yield outputs
    elif isinstance(outputs, Registered):
        yield from (one for one in vars(outputs).values() if isinstance(one, torch.Tensor))
    else:
        for one in outputs:
            yield from _tensors(one)
