from __future__ import annotations

from typing import Any

import pytest

from newlesions.networks import nnunet
from newlesions.recipes import state
from newlesions.recipes.stages import stages_of
from newlesions.settings import read_recipe
from recipes.made import entry, recipe


def kind_of(content: dict[str, Any]) -> str:
    return state.kind(content, stages_of(content))


@pytest.mark.parametrize(
    ("name", "kind", "model"),
    [
        ("subtraction", "subtraction", "needs no training"),
        ("boosted", "boosting over the subtraction", "ships trained"),
        ("prados2021", "boosting over the subtraction", "to be trained"),
    ],
)
def test_recipes_without_networks(name: str, kind: str, model: str) -> None:
    content = read_recipe(name)
    assert (state.kind(content), state.model(content), state.completeness(content)) == (kind, model, "complete")


def test_kinds_of_networks() -> None:
    lesions = entry(task="segment_lesions", inputs=["flair"])
    assert kind_of(recipe()) == "3D network (unet3d)"
    assert kind_of(recipe(lesions=lesions, new=entry(inputs=["lesions(followup)"]))) == "cascade of 2 networks"
    assert kind_of(recipe(lesions=lesions, new=entry(start={"stage": "lesions"}))) == "3D network (unet3d), transfer"
    assert kind_of(read_recipe("dalbis2021-a")) == "2D network (unet2d) on 3 views"
    assert kind_of(read_recipe("newlesions")) == "3D network (subpixel), boosting"
    assert "synthetic pairs" in kind_of(read_recipe("kamraoui2022"))
    assert kind_of(read_recipe("kamraoui2021-lesionwise")) == "3D network (unet3d), learned loss"
    assert kind_of(read_recipe("cabezas2021")) == "3D network (similarity), transfer, self-supervision"
    assert kind_of(read_recipe("nichyporuk2021")) == "cascade of 5 networks"


def test_an_extra_is_named_and_told_whether_it_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    content = read_recipe("martinezheras2023")
    assert state.completeness(content) == "needs the extra nnunetv2"
    for there, words in ((True, "installed"), (False, "not installed")):
        monkeypatch.setattr(nnunet, "is_installed", lambda there=there: there)
        assert state.completeness_here(content) == f"needs the extra nnunetv2 ({words})"
    assert state.completeness_here(read_recipe("boosted")) == "complete"


def test_another_brain_extraction_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    content = recipe() | {"preprocess": {"brain": {"backend": "synthstrip"}}}
    assert state.completeness_here(content) == "needs the extra synthstrip (not installed)"


def test_what_a_training_learns_from() -> None:
    both = entry(sample={"patch": [16, 16, 16], "options": {"directions": "both"}}, members={"raters": True})
    stages = stages_of(recipe(lesions=entry(task="segment_lesions", inputs=["flair"]), new=both))
    assert state.columns(stages, False) == [
        "reference", "gone_reference", "baseline_lesions", "followup_lesions", "raters",
    ]  # fmt: skip
    assert state.columns([], True) == ["reference"] and state.columns([], False) == []


@pytest.mark.parametrize(
    ("members", "count"),
    [({}, 1), ({"folds": 4}, 4), ({"folds": 3, "refit": True}, 4), ({"folds": 1, "refit": True}, 1),
     ({"folds": 2, "seeds": 5, "refit": True}, 15)],
)  # fmt: skip
def test_networks_are_counted_as_they_are_trained(members: dict[str, Any], count: int) -> None:
    from newlesions.recipes.members import members_of

    (stage,) = stages_of(recipe(new=entry(members=members)))
    assert state.networks(stage) == len(members_of(stage, list("abcdef"), 0)) == count


def test_columns_of_what_learns_from_masks_raters_and_nothing() -> None:
    found = {name: state.columns(stages_of(read_recipe(name)), False) for name in
             ("kamraoui2021-lesionwise", "kamraoui2021-drawerase", "cabezas2021", "nichyporuk2021")}  # fmt: skip
    assert found == {
        "kamraoui2021-lesionwise": ["reference"],
        "kamraoui2021-drawerase": ["reference", "baseline_lesions", "followup_lesions"],
        "cabezas2021": ["reference"],
        "nichyporuk2021": ["reference", "raters"],
    }
