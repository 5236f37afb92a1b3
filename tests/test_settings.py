from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from newlesions import house
from newlesions.errors import ConfigError
from newlesions.settings import STEP_SECTIONS, assignments, check, deep_merge, read_config, read_recipe, settle

NESTED = st.recursive(
    st.integers(), lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3), max_leaves=8
)
MAPPINGS = st.dictionaries(st.sampled_from("abc"), NESTED, max_size=3)


def changed(**over: Any) -> dict[str, Any]:
    return deep_merge(read_config(), over)


@given(MAPPINGS, MAPPINGS)
def test_merging_twice_changes_nothing_more(base: dict[str, Any], over: dict[str, Any]) -> None:
    merged = deep_merge(base, over)
    assert deep_merge(merged, over) == merged
    assert merged.keys() == base.keys() | over.keys()


@given(MAPPINGS)
def test_nothing_is_the_neutral_element(base: dict[str, Any]) -> None:
    assert deep_merge(base, {}) == deep_merge({}, base) == base


def test_the_shipped_configuration_fits_its_schema_with_every_recipe() -> None:
    for name in house.recipes():
        recipe = read_recipe(name)
        trainable = "train" in recipe.get("stages", {}) or recipe.get("needs_model", False)
        settled = settle(changed(recipe=name, training=trainable))
        assert settled["recipe"] == name


def test_every_setting_is_documented_and_described() -> None:
    schema = json.loads(house.schema("config").read_text())
    readme = (house.root() / "config" / "README.md").read_text()
    for section, content in schema["properties"].items():
        for name, rule in content.get("properties", {}).items():
            assert name in readme, f"{section}.{name} is not explained in config/README.md"
            assert rule["description"]


def test_recipe_wins_over_config_and_override_over_both(tmp_path: Path) -> None:
    recipe = {
        "id": "mine",
        "title": "t",
        "stages": {"candidates": {"k": 7}},
        "preprocess": {"bias": {"preset": "fast"}},
    }
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(recipe))
    config = changed(recipe=str(path), candidates={"k": 5})
    assert settle(config)["candidates"]["k"] == 7
    assert settle(config | {"override": {"candidates": {"k": 9}}})["candidates"]["k"] == 9


@pytest.mark.parametrize(
    ("over", "message"),
    [
        ({"recipes": "x"}, r"configuration: top level: found 'recipes'; expected only pairs, out"),
        ({"bias": {"preset": "slow"}}, r"bias\.preset: found 'slow'; expected one of fast"),
        ({"candidates": {"k": "high"}}, r"candidates\.k: found 'high'; expected number"),
        ({"candidates": {"k": 0}}, r"candidates\.k: found 0; expected > 0"),
        ({"override": {"candidates": {"kk": 1}}}, r"with recipe .*: candidates: found 'kk'; expected only"),
        ({"recipe": "nonesuch"}, r"recipe: found 'nonesuch'; expected one of .*subtraction"),
    ],
)
def test_what_is_wrong_is_named(over: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        settle(changed(**over))
    assert "\n" not in str(caught.value)


def test_a_missing_section_is_named() -> None:
    config = read_config()
    del config["brain"]
    with pytest.raises(ConfigError, match="found no brain; expected all of"):
        check(config, "config", "configuration")


def test_a_recipe_with_an_unknown_section_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text("id: r\ntitle: t\nstages: {candidate: {k: 1}}\n")
    with pytest.raises(ConfigError, match="stages: found 'candidate'"):
        read_recipe(str(path))


@pytest.mark.parametrize("text", ["- a\n- b\n", "a: [", ""])
def test_files_that_are_no_mapping_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"c\.yaml"):
        read_config(path)


def test_assignments_are_read_as_yaml() -> None:
    assert assignments(["a.b=1.5", "a.c=true", "d=text", "a.b=2"]) == {"a": {"b": 2, "c": True}, "d": "text"}
    for wrong in ("a", "=1", "a..b=1"):
        with pytest.raises(ConfigError, match=r"expected name\.sub=value"):
            assignments([wrong])


def test_a_recipe_may_set_every_step() -> None:
    schema = json.loads(house.schema("recipe").read_text())["properties"]
    sections = [name for group in ("preprocess", "stages", "predict") for name in schema[group]["properties"]]
    assert sorted(sections) == sorted([*STEP_SECTIONS, "train"])
