from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from newlesions.errors import ConfigError
from newlesions.recipes.stages import applied, before, final, names_in, needed, stages_of
from newlesions.settings import read_recipe, recipe_settings
from recipes.made import entry, recipe

LESIONS = entry(task="segment_lesions", inputs=["flair"])
DIFFERENCE = entry(inputs=["lesions(followup) - lesions(baseline)", "followup"])


def test_a_stage_comes_after_those_that_it_needs_and_else_in_the_files_order() -> None:
    chain = recipe(
        new=entry(start={"stage": "synthetic"}),
        synthetic=entry(start={"stage": "lesions", "part": "encoder"}, uses=["paint"]),
        paint=entry(task="inpaint", inputs=["flair"]),
        lesions=LESIONS,
    )
    stages = stages_of(chain)
    assert [stage.name for stage in stages] == ["paint", "lesions", "synthetic", "new"]
    assert final(stages).name == "new"
    assert [stage.name for stage in applied(stages)] == ["new"]
    assert [stage.name for stage in before(stages[-1], stages)] == ["paint", "lesions", "synthetic"]
    assert [stage.name for stage in before(stages[0], stages)] == []


def test_stages_whose_outputs_are_inputs_are_applied_too() -> None:
    stages = stages_of(recipe(new=DIFFERENCE, lesions=LESIONS))
    assert [stage.name for stage in applied(stages)] == ["lesions", "new"]
    assert needed(stages[1], {"lesions", "new"}) == ("lesions",)


def test_names_of_expressions() -> None:
    assert set(names_in(["2 * (a(baseline) - b) / a(followup)", "(("])) == {"a", "b", "baseline", "followup"}


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ({"a": entry(start={"stage": "b"})}, "stages.a.start.stage: found 'b'; expected one of a"),
        ({"a": entry(uses=["c"])}, "stages.a.uses: found 'c'; expected one of a"),
        ({"a": entry(inputs=["b"]), "b": entry(inputs=["a"])}, "found stages that need one another, .*a.*b"),
        ({"a": entry(inputs=["a"])}, "need one another, a -> a"),
        ({"resample": entry()}, "found a network stage resample; expected a name that is no"),
        ({"train": entry()}, "found a network stage train"),
        ({"a": LESIONS}, "found no stage of task segment_new or classify_regions"),
        ({"candidates": {"k": 1}}, "found no network in its stages"),
    ],
)
def test_what_cannot_be_ordered_is_one_line(stages: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        stages_of(recipe(**stages))
    assert "\n" not in str(caught.value)


def written(folder: Path, content: dict[str, Any]) -> str:
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(content))
    return str(path)


@pytest.mark.parametrize(
    ("over", "message"),
    [
        ({"input": ["a"]}, "stages.new: found 'input'; expected only task, inputs"),
        ({"inputs": []}, "stages.new.inputs: found"),
        ({"task": "segment"}, "stages.new.task: found 'segment'; expected one of segment_new"),
        ({"prepare": {"spacing_mm": 0}}, "stages.new.prepare.spacing_mm: found 0; expected > 0"),
        ({"prepare": {"spacing_mm": [1, 1]}}, r"prepare.spacing_mm: found \[1, 1\]"),
        ({"sample": {"positive": 2}}, "stages.new.sample.positive: found 2; expected <= 1"),
        ({"sample": {"view": [0]}}, "stages.new.sample: found 'view'"),
        ({"optimise": {"lr": "fast"}}, "stages.new.optimise.lr: found 'fast'; expected number"),
        ({"optimise": {"schedule": {"name": "sine"}}}, "schedule.name: found 'sine'; expected one of constant"),
        ({"loss": [{"weight": 1}]}, "stages.new.loss.0: found no name"),
        ({"members": {"folds": 0}}, "members.folds: found 0; expected >= 1"),
        ({"predict": {"overlap": 1}}, "predict.overlap: found 1; expected < 1"),
        ({"start": {"part": "encoder"}}, "stages.new.start: found no stage"),
        ({"network": {"channels": [4]}}, "stages.new.network: found no name"),
    ],
)
def test_an_entry_that_no_stage_has_is_named(over: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        read_recipe(written(tmp_path, recipe(new=entry(**over))))
    assert "\n" not in str(caught.value)


def test_networks_never_reach_the_configuration_and_need_a_model(tmp_path: Path) -> None:
    mixed = recipe(new=entry(), candidates={"k": 3})
    assert recipe_settings(read_recipe(written(tmp_path, mixed))) == {"candidates": {"k": 3}}
    del mixed["needs_model"]
    with pytest.raises(ConfigError, match="needs_model: found none; expected true"):
        read_recipe(written(tmp_path, mixed))


def test_what_a_stage_is_survives_being_written(tmp_path: Path) -> None:
    stage = stages_of(recipe(new=entry(prepare={"spacing_mm": [1, 1, 2]}, predict={"flips": [0, [1, 2]]})))[0]
    again = stages_of(recipe(new=stage.plain()))[0]
    assert again == stage
    read_recipe(written(tmp_path, recipe(new=stage.plain())))
