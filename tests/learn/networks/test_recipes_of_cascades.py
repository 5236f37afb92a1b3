"""The stages of loehr2021, kang2021 and mckinley2021 in training, and all on a pair: narrow, on small patches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from learn.networks.small import assert_a_step_lowers_the_loss, assert_both_directions, assert_resumes, make_case
from newlesions.detect.networks.apply import outputs
from newlesions.detect.networks.model import Member, NetworkModel
from newlesions.learn.networks.fit import fit
from newlesions.learn.networks.loop import Training
from newlesions.learn.networks.losses import Loss
from newlesions.learn.networks.makers import candidate_maker
from newlesions.learn.networks.sample import Batches, Patches, patch_sides
from newlesions.learn.networks.sources import Outputs, Task, read_source, tasks_of
from newlesions.networks.build import build, patch_multiple
from newlesions.networks.case import read_case
from newlesions.networks.inputs import VISITS
from newlesions.networks.stages import CLASSIFY, Limits, Stage
from newlesions.recipes.stages import stages_of
from newlesions.settings import read_recipe

NAMES = ("loehr2021", "kang2021", "mckinley2021")
STAGES = [(name, stage.name) for name in NAMES for stage in stages_of(read_recipe(name)) if stage.is_trained]
STEPS = 4


def said(task: Task) -> Outputs:
    """What earlier stages could say of a case: the brain, its lesions and something beside them."""
    case = task.case
    maps = {f"field({visit})": case.brain.astype(np.float32) for visit in VISITS}
    maps |= {f"lesions({visit})": case.masks[f"{visit}_lesions"].astype(np.float32) for visit in VISITS}
    proposed = case.masks["new"].astype(np.float32)
    proposed[7:9, 18:20, 9:11] = 0.6
    return maps | {"sensitive": proposed}


def longest(stage: Stage) -> int:
    return 16 if patch_multiple(stage.network) > 4 else 8


def small(name: str, which: str) -> tuple[Stage, Batches]:
    """A stage of a recipe with batches of two small patches, from two pairs."""
    stage = next(one for one in stages_of(read_recipe(name)) if one.name == which)
    stage = replace(stage, sample=replace(stage.sample, batch=2))
    multiple = patch_multiple(stage.network)
    sides = patch_sides(stage, longest(stage) / max(stage.sample.patch), multiple)
    tasks = [task for number in range(2) for task in tasks_of(make_case(number, lesions=2), stage)]
    told = [(task, said(task)) for task in tasks]
    if stage.task == CLASSIFY:
        return stage, Batches(None, candidate_maker(stage, told, sides), stage, 0)
    sources = [read_source(task, stage, maps) for task, maps in told]
    return stage, Batches(Patches(sources, stage, sides), None, stage, 0, multiple)


def training(stage: Stage, steps: int = STEPS) -> Training:
    torch.manual_seed(0)
    return Training(build(stage.network, stage.channels, 0.1), Loss(stage.loss), stage.optimise, steps, seed=0)


@pytest.mark.parametrize(("name", "which"), STAGES)
def test_a_step_lowers_the_loss_of_its_batch(name: str, which: str) -> None:
    stage, batches = small(name, which)
    assert_a_step_lowers_the_loss(training(stage), batches.make(0))


@pytest.mark.parametrize(("name", "which"), STAGES)
def test_a_training_that_was_killed_ends_with_the_same_weights(name: str, which: str, tmp_path: Path) -> None:
    stage, batches = small(name, which)
    assert_resumes(lambda: training(stage), batches, STEPS, tmp_path, name)


def test_the_brain_is_learned_in_both_visits_of_any_case() -> None:
    stage = next(one for one in stages_of(read_recipe("kang2021")) if one.name == "field")
    case = replace(make_case(0), masks={})
    found = list(tasks_of(case, stage))
    assert [(task.mask, task.visit) for task in found] == [("brain", "baseline"), ("brain", "followup")]
    source = read_source(found[1], stage, {})
    np.testing.assert_array_equal(source.target > 0, case.brain)
    assert source.counted.all(), "what lies outside the brain is learned too"


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_trained_recipe_looks_at_pairs_in_both_directions(
    name: str, tmp_path: Path, case_files: Callable[..., list[Path]]
) -> None:
    """Every stage from files to weights with a look at a validation pair, then all stages on a pair."""
    stages = stages_of(read_recipe(name))
    paths, members, known = case_files(2, 2, 2), {}, {}
    for stage in stages:
        members[stage.name] = []
        known[stage.name] = stage
        if stage.is_trained:
            limits = Limits(0.1, longest(stage) / max(stage.sample.patch), 2, "cpu", 1)
            few = replace(stage, sample=replace(stage.sample, batch=2))
            earlier = NetworkModel(name, known, members, limits)
            facts = fit(paths[:2], few, limits, tmp_path / stage.name, validation=paths[2:], earlier=earlier,
                        progress=lambda line: None)  # fmt: skip
            assert facts["validation"] is not None and facts["steps"] == 2
            members[stage.name] = [Member(tmp_path / stage.name / "weights.safetensors", ("02",))]
    limits = Limits(0.1, 0.1, 2, "cpu", 1)
    model = NetworkModel(name, known, members, limits)
    pair = read_case(paths[2])
    assert_both_directions(pair, model, limits, left_out="02")
    if name == "kang2021":
        field = outputs(pair, model, ["field(baseline)"], limits)["field(baseline)"]
        assert field[~pair.brain].any(), "it is not cut to the brain that it is to find"
