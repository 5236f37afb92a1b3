from __future__ import annotations

from dataclasses import asdict

import pytest

from newlesions import house
from newlesions.detect.settings import SubtractionSettings
from newlesions.errors import ConfigError
from newlesions.settings import deep_merge, read_config, read_recipe, recipe_settings


def test_the_defaults_are_those_of_the_shipped_configuration() -> None:
    assert asdict(SubtractionSettings()) == read_config()["candidates"]


@pytest.mark.parametrize("name", sorted(house.recipes()))
def test_every_shipped_recipe_is_understood(name: str) -> None:
    recipe = recipe_settings(read_recipe(name))
    section = deep_merge(read_config(), recipe)["candidates"]
    assert asdict(SubtractionSettings.of(section)) == section


def test_the_papers_recipe_says_what_the_paper_says() -> None:
    section = deep_merge(read_config(), recipe_settings(read_recipe("prados2021-stage1")))["candidates"]
    settings = SubtractionSettings.of(section)
    assert (settings.k, settings.hyperintense_sd) == (1, 1)
    assert (settings.ventricle_erosions, settings.brain_erosions) == (2, 1)
    assert (settings.min_voxels, settings.erosions) == (5, 1)
    # What the paper does not know is off.
    assert settings.smoothing_mm == settings.shift_mm == settings.brighter_than == 0
    assert settings.min_mean_z == settings.min_rise == 0


def test_unknown_settings_are_named() -> None:
    with pytest.raises(ConfigError, match="candidates: unknown settings colour, size"):
        SubtractionSettings.of({"k": 2.0, "size": 1, "colour": "red"})
