from __future__ import annotations

from typing import Any

import pytest

from newlesions import house
from newlesions.errors import ConfigError
from newlesions.recipes.check import check
from newlesions.settings import read_recipe
from recipes.made import entry, recipe

LESIONS = entry(task="segment_lesions", inputs=["flair"])
SIAMESE = entry(network={"name": "siamese", "channels": [4, 8]}, start={"stage": "lesions", "part": "encoder"})


@pytest.mark.parametrize("name", list(house.recipes()))
def test_every_shipped_recipe_is_a_good_one(name: str) -> None:
    for one in check(read_recipe(name)):
        assert one.parameters is None or one.parameters > 10_000 or not one.stage.is_trained


def test_a_recipe_without_networks_has_none() -> None:
    assert check(read_recipe("subtraction")) == []


def test_weights_that_fit_are_taken_over() -> None:
    first, second = check(recipe(lesions=LESIONS, new=SIAMESE))
    assert first.parameters is not None and second.parameters is not None
    assert second.parameters > first.parameters


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ({"new": entry(inputs=["flair"])}, "stages.new: input 'flair': found flair; known"),
        ({"new": entry(inputs=["lesion(baseline)"])}, "found lesion"),
        ({"new": entry(inputs=["lesions"]), "lesions": LESIONS}, "stages.new: input 'lesions'"),
        ({"new": entry(inputs=["open('x')"])}, "expected names"),
        ({"depth": entry()}, "stages.depth: found a stage of the name depth"),
        ({"new": entry(network={"name": "unet"})}, "stages.new: there is no network unet"),
        ({"new": entry(network={"name": "unet3d", "channel": [4]})}, "has no argument channel"),
        ({"new": entry(network={"name": "siamese", "channels": [4, 8]}, inputs=["followup"])}, "found 1 inputs"),
        ({"new": entry(network={"name": "unet3d", "channels": [4, 8], "outputs": 2})}, r"output of shape \(2, 16"),
        ({"new": entry(sample={"patch": [15, 16, 16]})}, "sample.patch: found 15 x 16 x 16; expected multiples of 2"),
        ({"new": entry(sample={"patch": [16, 16]})}, "sample.patch: found 2 sides; expected 3 sides and no"),
        ({"new": entry(sample={"patch": [16, 16, 16], "views": [0]})}, "3 sides, and views; expected 3 sides and no"),
        ({"new": entry(predict={"window": [9, 9, 9]})}, "predict.window: found 9 x 9 x 9"),
        ({"new": entry(loss=[{"name": "dyce"}])}, "stages.new: loss: found 'dyce'"),
        ({"new": entry(augment=[{"name": "fold"}])}, "stages.new: augment: found 'fold'"),
        ({"new": entry(augment=[{"name": "flip", "axis": 1}])}, "augment flip: found option 'axis'"),
        ({"new": entry(optimise={"name": "adamz"})}, "found name 'adamz'"),
        ({"new": entry(optimise={"schedule": {"name": "cosine", "start": 1}})}, "schedule cosine: found option"),
        ({"new": entry(sample={"patch": [16, 16, 16], "synthetic": 0.5})}, "uses: found no stage of task inpaint"),
        (
            {"new": entry(sample={"patch": [16, 16, 16], "synthetic": 0.5}, inputs=["baseline", "followup", "depth"])},
            "inputs: found baseline, followup, depth; expected baseline and followup",
        ),
        ({"new": entry(), "paint": entry(task="inpaint", inputs=["flair", "flair"])}, "inputs: found 2; expected 1"),
        (
            {"new": SIAMESE, "lesions": LESIONS | {"network": {"name": "unet3d", "channels": [8, 16]}}},
            "stages.new: start: found 0 of",
        ),
        (
            {"new": SIAMESE | {"start": {"stage": "lesions", "part": "encoder", "frozen": "head"}}, "lesions": LESIONS},
            "start.frozen: found 'head'; expected a part",
        ),
        (
            {"new": entry(task="classify_regions", predict={"options": {"regions": {"ratios": 1}}})},
            "predict.options.regions has 'ratios'",
        ),
        (
            {"a": entry(), "new": {"task": "combine", "inputs": ["b"]}},
            "input 'b': found b; known: a, ",
        ),
        (
            {"a": entry(), "new": {"task": "combine", "inputs": ["a + baseline"]}},
            "found what is no answer; expected sums of a",
        ),
        (
            {"a": entry(), "new": {"task": "combine", "inputs": ["a"], "network": {"name": "unet3d"}}},
            "expected neither",
        ),
        ({"new": entry(sample={"patch": [16, 16, 16], "options": {"raters": 4}})}, r"output of shape \(1, 16.*\(5, 16"),
        (
            {"new": entry(inputs=["followup"], augment=[{"name": "enhance_lesions"}])},
            "expected it where baseline and followup are inputs",
        ),
        ({"new": entry(network={"name": "nnunet", "epoch": 1})}, "network nnunet has no argument epoch; known: epochs"),
        ({"new": entry(network={"name": "nnunet", "patch": [64, 64]})}, r"patch is \[64, 64\]; expected three"),
        ({"new": entry(network={"name": "nnunet", "dropout": 1})}, "dropout is 1; expected 0 or more"),
        (
            {"new": entry(network={"name": "nnunet"}, augment=[{"name": "noise"}])},
            "augment: found noise; expected some of",
        ),
        ({"new": entry(network={"name": "nnunet"})}, "optimise: found adamw with constant; expected adam with plateau"),
        (
            {"new": entry(task="classify_regions", augment=[{"name": "flip"}])},
            "augment: found flip; expected no spatial one",
        ),
        (
            {"new": entry(loss=[{"name": "lesion_f1"}])},
            "stages.new: loss lesion_f1: found no stage of task estimate_f1 in `uses`; expected one, which it asks",
        ),
        (
            {"new": entry(), "judge": entry(task="estimate_f1")},
            "stages.judge: inputs: found baseline, followup; expected prediction, reference for estimate_f1",
        ),
        (
            {
                "new": entry(
                    network={"name": "film", "channels": [4, 8]}, inputs=["baseline", "edge_x", "edge_y", "brain"]
                )
            },
            "found baseline, edge_x, edge_y, brain; expected edge_x, edge_y, edge_z as the last of film",
        ),
        (
            {"new": entry(), "pre": entry(task="restore", inputs=["new", "baseline"])},
            "stages.pre: input 'new': found new; known: baseline, brain, candidates",
        ),
        (
            {"new": entry(inputs=["edge_x"]), "edge_x": entry()},
            "found a stage of the name edge_x; expected one that no image has",
        ),
        (
            {"new": entry(), "pre": entry(task="restore", network={"name": "unet3d", "channels": [4, 8]})},
            r"stages.pre: network: found an output of shape \(1, 16, 16, 16\); expected \(2, 16, 16, 16\)",
        ),
    ],
)
def test_what_cannot_be_trained_is_one_line(stages: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        check(recipe(**stages))
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("recipe mine: stages.")


def facts(name: str, stage: str = "new") -> dict[str, Any]:
    return read_recipe(name)["stages"][stage]


def test_numbers_of_the_papers() -> None:
    """METHODS of each paper, by the page that the recipe cites."""
    (pre,) = check(read_recipe("ashtari2021"))
    assert pre.parameters == pytest.approx(26.3e6, rel=0.005)
    ashtari = facts("ashtari2021")
    assert ashtari["sample"] == {"patch": [128, 128, 128], "batch": 2, "positive": 0.5}
    assert (ashtari["optimise"]["lr"], ashtari["optimise"]["weight_decay"]) == (1e-5, 1e-2)
    assert ashtari["optimise"]["steps"] == 100_000
    assert [one["heads"] for one in ashtari["loss"]] == [[1, 0.5, 0.25]] * 2
    dalbis = facts("dalbis2021-a")
    assert (dalbis["sample"]["batch"], dalbis["sample"]["views"]) == (20, [0, 1, 2])
    assert [one["name"] for one in dalbis["loss"]] == ["dice", "topk"]
    assert (dalbis["optimise"]["name"], dalbis["optimise"]["lr"]) == ("sgd", 1e-4)
    basaran = facts("basaran2021")
    assert basaran["inputs"] == ["lesions(followup) - lesions(baseline)", "followup"]
    assert (basaran["members"]["folds"], basaran["predict"]["threshold"]) == (4, 0.1)
    assert len(basaran["network"]["channels"]) == 6 and basaran["sample"]["cases"] == "changed"
    assert "gamma" in {one["name"] for one in facts("basaran2021", "lesions")["augment"]}
    assert "gamma" not in {one["name"] for one in basaran["augment"]}
    hamzaoui = facts("hamzaoui2021")
    assert (hamzaoui["sample"]["batch"], hamzaoui["predict"]["threshold"]) == (32, 0.75)
    assert hamzaoui["predict"]["options"]["regions"]["ratio"] == 1.15
    assert [one["p"] for one in hamzaoui["augment"]] == [0.3, 0.3]
    assert len(hamzaoui["optimise"]["schedule"]["milestones"]) == 4
    kamraoui = facts("kamraoui2022", "synthetic")
    assert kamraoui["sample"]["patch"] == [64, 64, 64] and kamraoui["start"]["frozen"] is True
    assert kamraoui["optimise"]["lr"] == 1e-4
    ranges = {one["name"]: one for one in kamraoui["augment"]}
    assert ranges["blur"]["sigma"] == [0.5, 1.75] and ranges["downsample"]["factor"] == [1.5, 4.0]
    assert ranges["noise"]["sd"] == [0.02, 0.1] and ranges["slices"]["size"] == [2, 4]
    heras = facts("martinezheras2023")
    assert (heras["network"]["epochs"], heras["network"]["batches"]) == (300, 250)
    assert (heras["optimise"]["name"], heras["optimise"]["lr"], heras["members"]["folds"]) == ("adam", 1e-2, 5)


@pytest.mark.parametrize("name", ["ashtari2021", "basaran2021", "dalbis2021-a", "hamzaoui2021", "kamraoui2022"])
def test_what_is_stated_has_a_page_and_what_was_chosen_a_reason(name: str) -> None:
    content = read_recipe(name)
    assert len(content["stated"]) >= 5 and len(content["chosen"]) >= 5
    assert all(str(row["page"]) for row in content["stated"])


def test_a_stage_that_joins_others_needs_no_network() -> None:
    joined = {"task": "combine", "inputs": ["0.75 * a + 0.25 * b"], "predict": {"combine": "mean"}}
    checked = check(recipe(a=entry(), b=entry(), new=joined))
    assert [one.stage.name for one in checked] == ["a", "b", "new"]
    assert [one.parameters == 0 for one in checked] == [False, False, True]
