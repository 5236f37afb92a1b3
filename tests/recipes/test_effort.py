from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from newlesions import house
from newlesions.networks.stages import Stage
from newlesions.recipes.effort import efforts, flops_of_patch, steps_of
from newlesions.recipes.small import within_seconds
from newlesions.recipes.stages import is_network_recipe, stages_of
from newlesions.settings import read_recipe

NETWORK = {"name": "unet3d", "channels": [8, 16]}


def stage(**entries: Any) -> dict[str, Any]:
    return {
        "task": "segment_new",
        "inputs": ["baseline", "followup"],
        "network": NETWORK,
        "sample": {"patch": [16, 16, 16], "batch": 2},
        **entries,
    }


def test_effort_grows_with_steps_patches_and_voxels() -> None:
    recipe = {"id": "a", "stages": {"new": stage(optimise={"steps": 10})}}
    (one,) = efforts(recipe)
    assert (one.stage, one.steps, one.patches) == ("new", 10, 2)
    recipe["stages"]["new"]["optimise"] = {"steps": 30, "accumulate": 2}  # type: ignore[index]
    (more,) = efforts(recipe)
    assert one.flops is not None and more.flops == pytest.approx(6 * one.flops)
    larger = Stage.of("new", stage(sample={"patch": [32, 32, 32], "batch": 2}))
    assert flops_of_patch(larger) == pytest.approx(8 * one.flops / 20, rel=1e-6)


def test_a_convolution_costs_two_operations_a_weight_and_voxel_and_three_passes() -> None:
    narrow, wide = (
        flops_of_patch(Stage.of("new", stage(network={"name": "unet3d", "channels": [width, width]})))
        for width in (32, 64)
    )
    assert 3.5 < wide / narrow < 4.1, "twice the channels are four times the products"


def test_a_network_that_registers_is_counted_with_what_moves() -> None:
    (joint,) = (one for one in stages_of(read_recipe("salem2021")) if one.is_trained)
    small = replace(joint, sample=replace(joint.sample, patch=(16, 16, 16)))
    assert flops_of_patch(small) > flops_of_patch(Stage.of("new", stage()))


def test_gpu_hours_are_told_for_each_recipe_with_networks() -> None:
    text = (house.root() / "docs" / "reproduce-msseg2.md").read_text(encoding="utf-8")
    rows = {line.split("`")[1]: line.split(" | ")[2] for line in text.splitlines() if line.startswith("| `")}
    recipes = {name: read_recipe(name) for name in house.recipes()}
    assert sorted(rows) == sorted(name for name, recipe in recipes.items() if is_network_recipe(recipe))
    for name, told in rows.items():
        for one in stages_of(recipes[name]):
            if one.is_trained:
                assert f"{one.name} {steps_of(one):,}" in told, f"{name}: run scripts/estimate_gpu_hours.py"


def test_a_recipe_without_networks_has_none() -> None:
    assert efforts({"id": "a", "stages": {"candidates": {}}}) == []


def test_seconds_bound_the_steps_of_a_stage() -> None:
    entry = stage(optimise={"steps": 1000, "lr": 0.1, "validate_every": 50})
    bounded, limits = within_seconds(entry, {"steps": None, "width": 0.5}, 10.0, 0.4)
    assert limits == {"steps": 25, "width": 0.5}
    assert bounded["optimise"] == {"steps": 1000, "lr": 0.1, "validate_every": 25}
    assert entry["optimise"]["validate_every"] == 50, "what was given stays"
    assert within_seconds(entry, {"steps": 7}, 10.0, 0.4)[1] == {"steps": 7}
    assert within_seconds(entry, {"steps": None}, 1e9, 0.4)[1] == {"steps": 1000}
    assert within_seconds(entry, {"steps": None}, 0.1, 0.4)[1] == {"steps": 1}
    planned = stage(network={"name": "nnunet", "epochs": 3, "batches": 9})
    assert within_seconds(planned, {"steps": None}, 10.0, 0.4)[1] == {"steps": 25}
