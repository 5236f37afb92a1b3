"""The stages of shipped recipes in training: narrow, on small patches, as they are in all else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from learn.networks.small import assert_a_step_lowers_the_loss, assert_both_directions, assert_resumes, make_case
from newlesions.detect.networks.model import Member, NetworkModel
from newlesions.learn.networks.fit import fit
from newlesions.learn.networks.loop import Training
from newlesions.learn.networks.losses import Loss
from newlesions.learn.networks.sample import Batches, Patches, patch_sides
from newlesions.learn.networks.sources import read_source, tasks_of
from newlesions.networks.build import build, gives_probabilities, patch_multiple
from newlesions.networks.case import read_case
from newlesions.networks.stages import Limits, Stage
from newlesions.recipes.stages import stages_of
from newlesions.settings import read_recipe

STAGES = [
    ("sarica2021", "new"),
    ("gibicar2021", "new"),
    ("medeirosdesousa2021", "new"),
    ("macar2021-unet", "new"),
    ("macar2021-attention", "new"),
    ("macar2021-ensemble", "unet"),
    ("macar2021-ensemble", "attention"),
    ("zhang2021", "new"),
    ("preloznik2021", "new"),
]
STEPS = 5


def small(name: str, which: str) -> tuple[Stage, Batches]:
    """A stage of a recipe with batches of two patches of about 32 voxels (volumes: 16), from three pairs."""
    stage = next(one for one in stages_of(read_recipe(name)) if one.name == which)
    stage = replace(stage, sample=replace(stage.sample, batch=2))
    multiple = patch_multiple(stage.network)
    longest = 32 if stage.sample.views else (5 if multiple == 1 else 16)
    sides = patch_sides(stage, longest / max(stage.sample.patch), multiple)
    cases = [make_case(number, lesions=4) for number in range(3)]
    sources = [read_source(task, stage, {}) for case in cases for task in tasks_of(case, stage)]
    return stage, Batches(Patches(sources, stage, sides), None, stage, 0, multiple)


def training(stage: Stage, steps: int = STEPS) -> Training:
    torch.manual_seed(0)
    network = build(stage.network, stage.channels, 0.1)
    loss = Loss(stage.loss, gives_probabilities(stage.network))
    return Training(network, loss, stage.optimise, steps, seed=0)


@pytest.mark.parametrize(("name", "which"), STAGES)
def test_a_step_lowers_the_loss_of_its_batch(name: str, which: str) -> None:
    stage, batches = small(name, which)
    assert_a_step_lowers_the_loss(training(stage), batches.make(0))


@pytest.mark.parametrize(("name", "which"), STAGES)
def test_a_training_that_was_killed_ends_with_the_same_weights(name: str, which: str, tmp_path: Path) -> None:
    stage, batches = small(name, which)
    assert_resumes(lambda: training(stage), batches, STEPS, tmp_path, name)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted({name for name, _ in STAGES}))
def test_a_trained_recipe_looks_at_pairs_in_both_directions(
    name: str, tmp_path: Path, case_files: Callable[..., list[Path]]
) -> None:
    """Every stage from files to weights with a look at a validation pair, then all stages on a pair."""
    stages = stages_of(read_recipe(name))
    paths, members = case_files(2, 1, 2), {}
    for stage in stages:
        members[stage.name] = []
        if stage.is_trained:
            longest = 32 if stage.sample.views else (5 if patch_multiple(stage.network) == 1 else 16)
            limits = Limits(0.1, longest / max(stage.sample.patch), 2, "cpu", 1)
            few = replace(stage, sample=replace(stage.sample, batch=2))
            facts = fit(paths[:2], few, limits, tmp_path / stage.name, validation=paths[2:], progress=lambda line: None)
            assert facts["validation"] is not None and facts["steps"] == 2
            members[stage.name] = [Member(tmp_path / stage.name / "weights.safetensors", ("02",))]
    model = NetworkModel(name, {stage.name: stage for stage in stages}, members, limits)
    pair = read_case(paths[2])
    rise = assert_both_directions(pair, model, limits, left_out="02")
    assert np.ptp(rise[pair.brain]) > 0
