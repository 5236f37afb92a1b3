"""Looks at the pairs that a training leaves out."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from newlesions.detect.networks import candidates
from newlesions.evaluate.overlap import count_voxels, modified_dice
from newlesions.learn.networks.sources import Outputs, Task
from newlesions.networks.case import Image
from newlesions.networks.inputs import channels
from newlesions.networks.prepare import Prepared, prepare
from newlesions.networks.stages import CLASSIFY, Limits, Stage


def mean_dice(
    tasks: Sequence[tuple[Task, Outputs]], stage: Stage, limits: Limits
) -> Callable[[torch.nn.Module], float]:
    """A function that gives a network's mean Dice over tasks, at ``predict.threshold``.

    Looks are quick: without mirrored versions, and in one pass without dropout.

    Tasks without a lesion count only where none has one: 1 for an empty answer, else about 0.
    """
    changed = [(task, outputs) for task, outputs in tasks if task.case.masks[task.mask].any()] or list(tasks)
    quick = replace(stage, predict=replace(stage.predict, flips=(), passes=1))

    looked_at = [_Look.of(task, outputs, stage) for task, outputs in changed]

    def validate(network: torch.nn.Module) -> float:
        # The predictor may lay weights out anew, which a network in training must not notice.
        network = copy.deepcopy(network).eval().requires_grad_(False)
        return float(np.mean([_dice(network, look, quick, limits) for look in looked_at]))

    return validate


@dataclass(frozen=True)
class _Look:
    """A task as the network sees it: its inputs, (C, I, J, K), what is known of it, and what it is to judge."""

    task: Task
    prepared: Prepared
    inputs: Image
    labels: candidates.Labels | None

    @classmethod
    def of(cls, task: Task, outputs: Outputs, stage: Stage) -> _Look:
        prepared = prepare(task.case, stage.prepare)
        inputs = channels(stage.inputs, prepared, outputs, task.visit)
        labels = candidates.find(stage, prepared, outputs) if stage.task == CLASSIFY else None
        # What is not needed again takes much memory.
        return cls(task, replace(prepared, images={}, masks={}), inputs, labels)


def _dice(network: torch.nn.Module, look: _Look, stage: Stage, limits: Limits) -> float:
    from newlesions.detect.networks import members, regions

    case = look.task.case
    if stage.task == "classify_regions":
        probability = regions.apply_stage(stage, [network], case, look.inputs, limits)
    elif look.labels is not None:
        probability = candidates.apply_stage(stage, [network], look.inputs, look.labels, limits)
    else:
        where = members.looked_at(stage, look.prepared.brain)
        probability = members.apply_stage(stage, [network], look.inputs, where, limits)
    inside = members.looked_at(stage, case.brain)
    found = ((look.prepared.back(probability) >= stage.predict.threshold) & inside).astype(np.uint8)
    return modified_dice(count_voxels(case.masks[look.task.mask], found, found.size))
