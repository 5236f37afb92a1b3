"""Whether a recipe's networks can be trained: what its schema cannot tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from newlesions.errors import ConfigError
from newlesions.networks import nnunet
from newlesions.networks.stages import (
    ANSWERS,
    BRAIN,
    CLASSIFY,
    ESTIMATE,
    MASKS,
    OF_VISITS,
    RESTORE,
    TRAINING_ONLY,
    Stage,
)
from newlesions.recipes.stages import is_network_recipe, names_in, stages_of

if TYPE_CHECKING:
    import torch

OF_VISIT = (*OF_VISITS, *TRAINING_ONLY)
"""The tasks that see one visit."""

_MADE = {"inpaint": 1, "generate": 2}
"""The tasks whose images the training makes, and how many."""


@dataclass(frozen=True)
class Checked:
    """What is known of a stage without data.

    ``parameters`` is None where the network is planned from the data, and 0 where the stage joins others.
    """

    stage: Stage
    parameters: int | None


def check(recipe: Mapping[str, Any]) -> list[Checked]:
    """Build every network without memory and send a patch through it; none where the recipe has no networks.

    Raises
    ------
    ConfigError
        In one line: the stage, and an input, a network, a patch, a loss or an augmentation that cannot be.
    """
    if not is_network_recipe(recipe):
        return []
    stages = stages_of(recipe)
    made: dict[str, torch.nn.Module] = {}
    result = []
    for number, stage in enumerate(stages):
        with _named(recipe, stage):
            _check_inputs(stage, stages[:number], {other.name for other in stages})
            _check_components(stage, stages[:number])
            if not stage.is_trained:
                _check_combined(stage, stages[:number])
                result.append(Checked(stage, 0))
                continue
            _check_training(stage, {other.name: other.task for other in stages}, made)
            network = None if stage.network["name"] == nnunet.NAME else _built(stage)
            if network is not None:
                _check_start(stage, network, made)
                made[stage.name] = network
            count = None if network is None else sum(parameter.numel() for parameter in network.parameters())
        result.append(Checked(stage, count))
    return result


def _check_combined(stage: Stage, earlier: Sequence[Stage]) -> None:
    """Whether what it joins are what earlier stages say, on the pair's own grid."""
    for expression in stage.inputs:
        _check_of_stages(f"input '{expression}'", expression, earlier)
    if stage.network or stage.prepare.spacing_mm is not None:
        raise ConfigError("task combine: found a network or prepare.spacing_mm; expected neither")


def _check_of_stages(where: str, expression: str, earlier: Sequence[Stage]) -> None:
    """Whether an expression is about nothing but what earlier stages say of lesions."""
    from newlesions.learn.networks.sources import atoms
    from newlesions.networks.inputs import names, references

    lesions = [other for other in earlier if other.task in (*ANSWERS, "segment_lesions")]
    said = references(expression)
    if not said or set(atoms([expression])) - said or names(expression) - {other.name for other in lesions}:
        known = ", ".join(one.name if one.task in ANSWERS else f"{one.name}(<visit>)" for one in lesions)
        raise ConfigError(f"{where}: found what is no answer; expected sums of {known or 'no stage before it'}")


def _check_components(stage: Stage, earlier: Sequence[Stage]) -> None:
    """Rules about components, and what is to be judged."""
    from newlesions.detect.components import Rule
    from newlesions.detect.networks.candidates import CandidateSettings
    from newlesions.networks.inputs import check

    visits = [other.name for other in earlier if other.task in OF_VISITS]
    pairs = [other.name for other in earlier if other.task in ANSWERS]
    rules = [Rule.of(entry) for entry in stage.predict.components]
    if rules and stage.task in (*TRAINING_ONLY, BRAIN):
        raise ConfigError(f"predict.components: found rules for the task {stage.task}; expected none")
    others = [rule.other for rule in rules if rule.other is not None]
    if others and stage.task in OF_VISITS:
        raise ConfigError("predict.components: found the measure overlap; expected it in stages of the pair")
    if stage.task == CLASSIFY:
        others.append(CandidateSettings.of_stage(stage).of)
        if len(set(stage.sample.patch)) > 1:
            sides = " x ".join(map(str, stage.sample.patch))
            raise ConfigError(f"sample.patch: found {sides}; expected equal sides for the task classify_components")
        if stage.augment:
            raise ConfigError("augment: found some; expected none for the task classify_components")
    for other in others:
        check(other, pairs, visits=visits)
        _check_of_stages(f"'{other}'", other, earlier)


@contextmanager
def _named(recipe: Mapping[str, Any], stage: Stage) -> Iterator[None]:
    try:
        yield
    except ConfigError as error:
        raise ConfigError(f"recipe {recipe['id']}: stages.{stage.name}: {error}") from error


def _check_inputs(stage: Stage, earlier: Sequence[Stage], names: set[str]) -> None:
    from newlesions.networks.build import moves
    from newlesions.networks.derived import DERIVED
    from newlesions.networks.film import FILM
    from newlesions.networks.inputs import EDGES, FLAIR, IMAGES, MOVED, POSITIVE, check

    taken = names & {*IMAGES, *EDGES, FLAIR, MOVED, POSITIVE, *DERIVED, *MASKS}
    if taken:
        raise ConfigError(f"found a stage of the name {sorted(taken)[0]}; expected one that no image has")
    if stage.task == ESTIMATE:
        if stage.inputs != MASKS:
            raise ConfigError(f"inputs: found {', '.join(stage.inputs)}; expected {', '.join(MASKS)} for {ESTIMATE}")
        return
    if stage.task == RESTORE:
        earlier = ()  # what others say of a pair without a reference is not made
    visits = [other.name for other in earlier if other.task in OF_VISITS]
    pairs = [other.name for other in earlier if other.task in ANSWERS]
    moving = {other.name: other for other in earlier if moves(other.network)}
    for expression in stage.inputs:
        check(expression, pairs, visits=visits, moves=moving, one_visit=stage.task in OF_VISIT)
    if stage.network.get("name") == FILM and stage.inputs[-3:] != EDGES:
        raise ConfigError(f"inputs: found {', '.join(stage.inputs)}; expected {', '.join(EDGES)} as the last of {FILM}")
    _check_moved(stage, moving)
    wanted = _MADE.get(stage.task)
    if wanted is not None and len(stage.inputs) != wanted:
        raise ConfigError(f"inputs: found {len(stage.inputs)}; expected {wanted} for the task {stage.task}")
    if stage.sample.synthetic > 0 and sorted(stage.inputs) != ["baseline", "followup"]:
        raise ConfigError(f"inputs: found {', '.join(stage.inputs)}; expected baseline and followup, of which "
                          "synthetic pairs consist")  # fmt: skip


def _check_moved(stage: Stage, moving: Mapping[str, Stage]) -> None:
    """Of stages that register: whether this one may see the moved baselines that it names, and what it moves itself."""
    from newlesions.networks.build import moves
    from newlesions.networks.inputs import VISITS, moved, references

    seen = {name for one in stage.inputs for name in references(one)}
    for other in (other for name, other in moving.items() if moved(name) in seen):
        if other.prepare != stage.prepare:
            found = f"found {moved(other.name)}, which stage {other.name} prepares otherwise"
            raise ConfigError(f"inputs: {found}; expected the same prepare in both")
    if moves(stage.network) and (stage.task != "segment_new" or stage.inputs[:2] != VISITS):
        found = f"found {', '.join(stage.inputs)} of task {stage.task}"
        raise ConfigError(f"inputs: {found}; expected baseline, followup first, of task segment_new, to register them")


def _check_training(stage: Stage, tasks: Mapping[str, str], made: Mapping[str, torch.nn.Module]) -> None:
    """Losses, augmentations, optimiser and options by their names."""
    import torch

    from newlesions.detect.networks.regions import RegionSettings
    from newlesions.learn.networks.augment.pipeline import Augment
    from newlesions.learn.networks.estimate import EstimateSettings
    from newlesions.learn.networks.losses import Loss
    from newlesions.learn.networks.optimise import make_optimiser, make_schedule
    from newlesions.learn.networks.synthetic.settings import SyntheticSettings
    from newlesions.networks.build import gives_probabilities

    probabilities = stage.network["name"] != nnunet.NAME and gives_probabilities(stage.network)
    judges = [made[name] for name in stage.uses if tasks[name] == ESTIMATE]
    Loss(stage.loss, probabilities, judges[0] if judges else None)
    EstimateSettings.of(stage)
    _check_registration(stage)
    augment = Augment(stage.augment)
    if augment.lesions and (stage.task != "segment_new" or not {"baseline", "followup"} <= set(names_in(stage.inputs))):
        raise ConfigError("augment: found enhance_lesions; expected it where baseline and followup are inputs")
    if augment.lesions and stage.sample.neighbours:
        raise ConfigError("augment: found enhance_lesions and sample.neighbours; expected one of them")
    if stage.raters and stage.sample.synthetic > 0:
        raise ConfigError(
            "sample: found raters and synthetic pairs; expected one of them, since no rater saw those pairs"
        )
    if stage.network["name"] == nnunet.NAME:
        nnunet.check(stage)
    if stage.task == "classify_regions":
        RegionSettings.of(stage)
        if augment.spatial:
            raise ConfigError(f"augment: found {augment.spatial[0]['name']}; expected no spatial one for regions")
    make_optimiser([torch.nn.Parameter(torch.zeros(1))], stage.optimise)
    make_schedule(stage.optimise.schedule, stage.optimise.steps)
    SyntheticSettings.of(stage.sample.options)
    if stage.sample.synthetic > 0 and "inpaint" not in [tasks[name] for name in stage.uses]:
        raise ConfigError("uses: found no stage of task inpaint; expected one, since synthetic pairs need it")


def _check_registration(stage: Stage) -> None:
    """Losses of a field where there is one, and slices of stacks."""
    from newlesions.learn.networks.registration import LOSSES
    from newlesions.learn.networks.slices import check as check_slices
    from newlesions.networks.build import moves

    asked = [str(entry["name"]) for entry in stage.loss if entry["name"] in LOSSES]
    if asked and not moves(stage.network):
        raise ConfigError(f"loss {asked[0]}: found a network that moves no image; expected fieldnet or ncrnet")
    if moves(stage.network) and (stage.predict.passes > 1 or stage.optimise.mine):
        raise ConfigError("found predict.passes or optimise.mine; expected neither of a network that registers")
    if "slices" in stage.sample.options:
        check_slices(stage.sample.options["slices"], stage.name)


def _built(stage: Stage) -> torch.nn.Module:
    """The network on no device, after a patch went through it."""
    import torch

    from newlesions.networks.build import build, dimensions, margin, moves, patch_multiples

    patch, multiples = stage.sample.patch, patch_multiples(stage.network)
    flat = bool(stage.sample.views)
    if stage.sample.neighbours and not flat:
        raise ConfigError(f"sample.neighbours: found {stage.sample.neighbours}; expected sample.views with it")
    made = stage.sample.synthetic > 0 or stage.task not in ("segment_new", *OF_VISITS)
    if made and (stage.sample.neighbours or margin(stage.network)):
        raise ConfigError("network: found one that sees more than its patch; expected none where patches are made")
    for what, sides in (("sample.patch", patch), ("predict.window", stage.predict.window or patch)):
        if len(sides) != dimensions(stage.network) or flat != (len(sides) == 2):
            axes = "2 sides and sample.views" if dimensions(stage.network) == 2 else "3 sides and no sample.views"
            raise ConfigError(f"{what}: found {len(sides)} sides{', and views' if flat else ''}; expected {axes}")
        if any(side % step for side, step in zip(sides, multiples, strict=True)):
            steps = " x ".join(map(str, multiples)) if len(set(multiples)) > 1 else multiples[0]
            raise ConfigError(f"{what}: found {' x '.join(map(str, sides))}; expected multiples of {steps}")
    rim, window = stage.predict.rim, stage.predict.window or patch
    if rim and (flat or len(rim) != 3 or any(2 * n >= side for n, side in zip(rim, window, strict=True))):
        raise ConfigError(
            f"predict.rim: found {list(rim)}; expected three, less than half of a window that is no slice"
        )
    with torch.device("meta"):
        network = build(stage.network, stage.channels).eval()
        inputs = torch.empty(1, stage.channels, *(side + 2 * margin(stage.network) for side in patch))
    shape = _run(lambda: tuple(network(inputs).shape))
    outputs = (len(stage.inputs) if stage.task == RESTORE else 1 + stage.raters) + moves(stage.network)
    expected = (outputs, *([1] * len(patch) if stage.task == CLASSIFY else patch))
    if shape[1:] != expected:
        raise ConfigError(f"network: found an output of shape {shape[1:]}; expected {expected}")
    rates = [part.p for part in network.modules() if isinstance(part, torch.nn.Dropout)]
    if stage.predict.passes > 1 and not any(rates):
        raise ConfigError(f"predict.passes: found {stage.predict.passes}; expected 1, as the network has no dropout")
    return network


def _run(function: Callable[[], tuple[int, ...]]) -> tuple[int, ...]:
    try:
        return function()
    except RuntimeError as error:
        raise ConfigError(f"network: a patch does not pass through it: {' '.join(str(error).split())}") from error


def _check_start(stage: Stage, network: torch.nn.Module, made: Mapping[str, torch.nn.Module]) -> None:
    """Whether the earlier network has the weights that this one begins with."""
    from newlesions.networks.weights import transfer

    if stage.start is None:
        return
    if stage.start.stage not in made:
        raise ConfigError(f"start.stage: found {stage.start.stage}, which plans itself; expected another network")
    transfer(made[stage.start.stage], network, stage.start.part)
    kept = stage.start.frozen if isinstance(stage.start.frozen, str) else stage.start.part
    if stage.start.frozen and kept not in dict(network.named_children()):
        known = ", ".join(name for name, _ in network.named_children())
        raise ConfigError(f"start.frozen: found {kept!r}; expected a part of the network: {known}")
