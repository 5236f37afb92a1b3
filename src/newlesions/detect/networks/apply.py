"""All stages of a trained model on a pair, one after the other."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from newlesions.detect.components import Rule, keep_components
from newlesions.detect.networks import candidates, regions
from newlesions.detect.networks.members import apply_whole, join, logits_of, looked_at
from newlesions.detect.networks.model import NetworkModel
from newlesions.detect.networks.window import device_of, threads_of
from newlesions.errors import ConfigError
from newlesions.networks import inputs, nnunet
from newlesions.networks.case import Case
from newlesions.networks.prepare import Prepared, prepare
from newlesions.networks.stages import BRAIN, CLASSIFY, OF_VISITS, TRAINING_ONLY, Limits, Stage

Image = NDArray[np.float32]

_OF_ONE_VISIT = {inputs.FLAIR, *inputs.EDGES, "brain", "depth", "height", "length"}
_OTHER = {"baseline": "followup", "followup": "baseline"}


def apply(case: Case, model: NetworkModel, limits: Limits, left_out: str | None = None) -> dict[str, Image]:
    """What every stage says of a pair, in the direction from baseline to follow-up.

    Returns
    -------
    dict
        Probabilities, float32, on the case's grid, (I, J, K): by the stage's name, of a stage of one visit by
        ``stage(baseline)`` and ``stage(followup)``. That of ``model.answer`` tells new lesions. And the baselines that
        stages have moved, by ``stage(moved)``.
    """
    return outputs(case, model, list(model.stages), limits, left_out)


def outputs(
    case: Case,
    model: NetworkModel,
    names: Collection[str],
    limits: Limits,
    left_out: str | None = None,
    known: Mapping[str, Image] | None = None,
) -> dict[str, Image]:
    """What some stages say of a pair, and those that they need.

    Parameters
    ----------
    names
        Of stages, as ``lesions``, or of their outputs, as ``lesions(baseline)``.
    limits
        The device and the threads; how wide the networks are is the model's.
    left_out
        A subject: of each stage only the networks that were not trained on it, where there are some.
    known
        Outputs that need not be computed again.

    Raises
    ------
    ConfigError
        If the model has no such stage, or it is one for training only.
    """
    done: dict[str, Image] = dict(known or {})
    wanted = _needed(model, names)
    within = model.within(limits)
    for stage in (stage for name, stage in model.stages.items() if name in wanted):
        missing = {key: visit for key, visit in _keys(stage).items() if key not in done}
        if missing:
            prepared = prepare(case, stage.prepare)
            for key, visit in missing.items():
                channels = inputs.channels(stage.inputs, prepared, done, visit)
                told, moved = _told(stage, model, left_out, prepared, channels, done, within)
                told = np.clip(prepared.back(told), 0, 1)
                if stage.task != BRAIN:
                    told = np.where(case.brain, told, 0)
                done[key] = by_rules(told.astype(np.float32), stage, done, case.spacing)
                if moved is not None:
                    done[inputs.moved(stage.name)] = prepared.back(moved).astype(np.float32)
    return done


def by_rules(probability: Image, stage: Stage, outputs: Mapping[str, Image], spacing: float) -> Image:
    """The map without the lesions that the stage's rules (``predict.components``) take away: there it is 0.

    Parameters
    ----------
    probability
        What the stage says, (I, J, K).
    outputs
        What the stages before it say, on the same grid.
    spacing
        The edge of a voxel, mm.
    """
    rules = [Rule.of(entry) for entry in stage.predict.components]
    if not rules:
        return probability
    mask = probability >= stage.predict.threshold
    kept = keep_components(mask, rules, lambda other: inputs.evaluate(other, outputs), spacing)
    return np.where(mask & ~kept, np.float32(0), probability)


def both_directions(
    case: Case, model: NetworkModel, limits: Limits, left_out: str | None = None
) -> tuple[Image, Image]:
    """The probability of what is new and of what is gone, each float32, (I, J, K).

    What is gone is new in the pair with its visits exchanged. What stages say of one visit is computed once.
    """
    answer = model.answer.name
    ahead = outputs(case, model, [answer], limits, left_out)
    visits: dict[str, Image] = {}
    for stage in model.stages.values():
        if of_one_visit(stage) and f"{stage.name}(baseline)" in ahead:
            visits |= {f"{stage.name}({_OTHER[visit]})": ahead[f"{stage.name}({visit})"] for visit in inputs.VISITS}
    back = outputs(case.swapped(), model, [answer], limits, left_out, visits)
    return ahead[answer], back[answer]


def of_one_visit(stage: Stage) -> bool:
    """Whether what a stage says of a visit is the same in the pair with its visits exchanged."""
    return stage.task in OF_VISITS and set(stage.inputs) <= _OF_ONE_VISIT


def _keys(stage: Stage) -> dict[str, str | None]:
    """The names of a stage's outputs, and the visit that each is about."""
    if stage.task in OF_VISITS:
        return {f"{stage.name}({visit})": visit for visit in inputs.VISITS}
    return {stage.name: None}


def _needed(model: NetworkModel, names: Collection[str]) -> set[str]:
    """The stages that give ``names``, and all that these need."""
    needed: set[str] = set()
    waiting = [name.partition("(")[0] for name in names]
    while waiting:
        name = waiting.pop()
        if name in needed:
            continue
        stage = model.stages.get(name)
        if stage is None:
            known = ", ".join(model.stages) or "none"
            raise ConfigError(f"model of {model.recipe}: found no stage {name}; its stages are: {known}")
        if stage.task in TRAINING_ONLY:
            continue
        needed.add(name)
        waiting += [one for expression in stage.expressions for one in inputs.names(expression)]
    return needed


def _told(
    stage: Stage,
    model: NetworkModel,
    left_out: str | None,
    prepared: Prepared,
    channels: Image,
    outputs: Mapping[str, Image],
    limits: Limits,
) -> tuple[Image, Image | None]:
    """What a stage says and, where it registers, the moved baseline; on its own grid."""
    if not stage.is_trained:
        return join((logits_of(one) for one in channels), stage.predict.combine), None
    if stage.network["name"] == nnunet.NAME:
        from newlesions.detect.networks.nnunet import apply_stage as apply_nnunet

        paths = [member.path for member in model.chosen(stage.name, left_out)]
        return apply_nnunet(stage, paths, channels, list(prepared.spacing), limits), None
    networks = model.networks(stage.name, left_out)
    if stage.task == "classify_regions":
        device = device_of(limits.device)
        with threads_of(limits.threads):
            on_device = [network.to(device) for network in networks]
            return regions.apply_stage(stage, on_device, prepared.case, channels, limits), None
    if stage.task == CLASSIFY:
        found = candidates.find(stage, prepared, outputs)
        return candidates.apply_stage(stage, networks, channels, found, limits), None
    return apply_whole(stage, networks, channels, looked_at(stage, prepared.brain), limits)
