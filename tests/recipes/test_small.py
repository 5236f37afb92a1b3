from __future__ import annotations

from typing import Any

import pytest

from newlesions import house
from newlesions.recipes.check import check
from newlesions.recipes.small import made_small
from newlesions.recipes.stages import network_entries
from newlesions.settings import read_recipe

NETWORKS = [name for name in house.recipes() if network_entries(read_recipe(name))]


def small(name: str, **how: Any) -> dict[str, Any]:
    return made_small(read_recipe(name), 32, 2, **how)[0]


@pytest.mark.parametrize("name", NETWORKS)
def test_every_recipe_made_small_can_be_trained(name: str) -> None:
    for stage in (one.stage for one in check(small(name)) if one.stage.is_trained):
        assert stage.members.folds <= 2 and stage.members.seeds == 1 and stage.prepare.spacing_mm is None
        if stage.network["name"] != "nnunet":
            assert max(stage.sample.patch) <= (64 if stage.sample.views else 32) and stage.predict.window is None
        assert stage.optimise.lr >= 1e-3


def test_what_a_short_training_changes_is_told_and_the_recipe_stays() -> None:
    before = read_recipe("ashtari2021")
    content, words = made_small(before, 32, 2)
    assert words == "learning rate raised: new 1e-05 to 0.001"
    assert before == read_recipe("ashtari2021") and content["stages"]["new"]["optimise"]["steps"] == 100000
    kept, nothing = made_small(before, 32, 2, own_rates=True)
    assert nothing == "" and kept["stages"]["new"]["optimise"]["lr"] == 1e-5


@pytest.mark.parametrize(("patch", "side"), [(32, 32), (40, 32), (5, 16), (500, 128)])
def test_nnunet_has_small_patches_of_the_working_grid_too(patch: int, side: int) -> None:
    content, _ = made_small(read_recipe("masson2021"), patch, 2)
    network = content["stages"]["new"]["network"]
    assert network["patch"] == [side] * 3 and "spacing_mm" not in network and network["dropout"] == 0.2
    assert made_small(read_recipe("masson2021"), None, 2)[0]["stages"]["new"]["network"]["spacing_mm"]


def test_batches_shrink_where_they_are_larger() -> None:
    def batches(most: int | None) -> list[int]:
        content, _ = made_small(read_recipe("siddiquee2021"), None, None, batch=most)
        return [one.stage.sample.batch for one in check(content) if one.stage.is_trained]

    own = batches(None)
    assert max(own) == 2048 and batches(4096) == own and batches(16) == [min(16, size) for size in own]
