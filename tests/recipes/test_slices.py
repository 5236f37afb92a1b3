"""What the papers of the systems of slices, and of some others, state, against their recipes."""

from __future__ import annotations

from typing import Any

import pytest

from newlesions.errors import ConfigError
from newlesions.networks.build import build, margin, patch_multiple
from newlesions.recipes.check import check
from newlesions.recipes.members import members_of
from newlesions.recipes.show import show
from newlesions.recipes.stages import stages_of
from newlesions.settings import merged, read_config, read_recipe
from recipes.made import entry, recipe

NAMES = (
    "sarica2021",
    "gibicar2021",
    "medeirosdesousa2021",
    "macar2021-unet",
    "macar2021-attention",
    "macar2021-ensemble",
    "zhang2021",
    "preloznik2021",
)
FORTY = [f"{number:02d}" for number in range(40)]


def stage(name: str, which: str = "new") -> dict[str, Any]:
    entry: dict[str, Any] = read_recipe(name)["stages"][which]
    return entry


def names(entries: list[dict[str, Any]]) -> list[str]:
    return [entry["name"] for entry in entries]


def settled(name: str) -> dict[str, Any]:
    """The settings that hold in a run of the recipe."""
    return merged(read_config() | {"recipe": name, "training": True})


@pytest.mark.parametrize("name", NAMES)
def test_what_is_stated_has_a_page_and_what_was_chosen_a_reason(name: str) -> None:
    content = read_recipe(name)
    assert content["needs_model"] and len(content["stated"]) >= 5 and len(content["chosen"]) >= 5
    first, last = (int(page) for page in str(content["paper"]["pages"]).split("-"))
    for row in content["stated"]:
        assert all(first <= int(page) <= last for page in str(row["page"]).split("-"))


def test_sarica2021() -> None:
    """Proceedings pp. 25-28."""
    new = stage("sarica2021")
    assert new["inputs"] == ["baseline", "followup"]
    assert (new["sample"]["patch"], new["sample"]["views"], new["sample"]["cases"]) == (
        [512, 512],
        [0, 1, 2],
        "changed",
    )
    assert names(new["loss"]) == ["focal", "dice"] and names(new["augment"]) == ["flip", "rotate"]
    assert new["network"]["residual"] and new["network"]["gates"]
    assert (new["predict"]["views"], new["predict"]["min_volume_mm3"]) == ("vote", 0)
    assert patch_multiple(new["network"]) == 8, "each of three layers halves the size, then the bridge"
    network = build(new["network"], 2, 0.1)
    assert len(network.decoder.gates) == len(network.decoder.ups) == 3
    folds = members_of(stages_of(read_recipe("sarica2021"))[0], FORTY[:29], 0)
    assert {len(one.left_out) for one in folds[:-1]} == {4, 5} and folds[-1].left_out == ()


def test_gibicar2021() -> None:
    """Proceedings pp. 17-20."""
    new = stage("gibicar2021")
    rise = "positive(followup - baseline)"
    assert new["inputs"] == ["baseline", "followup", f"{rise} * baseline", f"{rise} * followup"]
    assert new["prepare"] == {"normalise": "zscore_positive"}
    assert (new["sample"]["patch"], new["sample"]["views"], new["sample"]["positive"]) == ([64, 64], [0], 0.5)
    assert (new["predict"]["overlap"], new["predict"]["threshold"], new["predict"]["combine"]) == (0.5, 0.5, "mean")
    assert names(new["augment"]) == ["affine"] and names(new["loss"]) == ["generalised_dice"]
    five = members_of(stages_of(read_recipe("gibicar2021"))[0], FORTY, 0)
    assert len(five) == 5 and len({one.seed for one in five}) == 5 and not any(one.left_out for one in five)


def test_medeirosdesousa2021() -> None:
    """Proceedings pp. 101-106."""
    new, held = stage("medeirosdesousa2021"), settled("medeirosdesousa2021")
    assert new["inputs"] == ["followup - baseline"] and new["prepare"]["normalise"] == "zscore_slices"
    assert held["harmonise"]["denoise"] == "diffusion"
    assert (held["resample"]["finest_mm"], held["resample"]["coarsest_mm"]) == (1.0, 1.0)
    assert (new["sample"]["patch"], new["sample"]["views"], new["sample"]["batch"]) == ([256, 256], [2], 32)
    assert (new["optimise"]["name"], new["optimise"]["lr"]) == ("adam", 0.001)
    assert new["optimise"]["steps"] == 60 * 150 and names(new["loss"]) == ["ce"] and "augment" not in new
    network = new["network"]
    assert (network["activation"], network["down"], network["up"]) == ("relu", "maxpool", "transposed")
    folds = members_of(stages_of(read_recipe("medeirosdesousa2021"))[0], FORTY, 0)
    assert [len(one.left_out) for one in folds] == [8] * 5 + [0], "80:20, and the one that is applied"


MACAR = {"norm": "instance", "activation": "leakyrelu", "down": "strided", "up": "nearest", "standardise": True,
         "final": "normalised_relu"}  # fmt: skip


@pytest.mark.parametrize("name", ["macar2021-unet", "macar2021-attention"])
def test_macar2021(name: str) -> None:
    """Proceedings pp. 69-76."""
    new, held = stage(name), settled(name)
    assert (held["resample"]["finest_mm"], held["resample"]["coarsest_mm"]) == (0.5, 0.5)
    assert held["brain"]["cord"] == "connected"
    assert new["inputs"] == ["baseline", "followup"]
    assert {key: new["network"][key] for key in MACAR} == MACAR and new["network"].get("convs", 2) == 2
    assert patch_multiple(new["network"]) == 16, "four steps down and up"
    assert new["sample"]["options"] == {"target": "soft"} and new["sample"]["positive"] == 0.5
    side, overlap = new["sample"]["patch"][0], new["predict"]["overlap"]
    assert side in (32, 64, 128, 256) and side * (1 - overlap) in (32, 64, 96, 128)
    assert names(new["augment"]) == ["flip", "affine", "elastic", "bias_field"] and new["augment"][0]["axes"] == [0]
    assert names(new["loss"]) == ["dice"]
    folds = members_of(stages_of(read_recipe(name))[0], FORTY, 0)
    assert {len(one.left_out) for one in folds[:-1]} == {8}, "8 of 40 held out"


def test_macar2021_attention_adds_gates_and_dropout_alone() -> None:
    """Proceedings p. 73: the first pipeline with attention gates and Monte-Carlo dropout."""
    first, third = stage("macar2021-unet"), stage("macar2021-attention")
    more = {key: value for key, value in third["network"].items() if first["network"].get(key) != value}
    assert more == {"gates": True, "dropout": 0.3, "dropout_at": "down"}
    assert third["predict"] == first["predict"] | {"passes": 20}
    same = [key for key in first if key not in ("network", "predict")]
    assert {key: third[key] for key in same} == {key: first[key] for key in same}
    assert read_recipe("macar2021-attention")["preprocess"] == read_recipe("macar2021-unet")["preprocess"]


def test_macar2021_ensemble_is_the_mean_of_three_and_one() -> None:
    """Proceedings p. 73: "3 of these models were Modified 3D U-Net ... the last model was an Attention 3D U-Net"."""
    unet, attention, new = stages_of(read_recipe("macar2021-ensemble"))
    assert (new.task, new.inputs) == ("combine", ("0.75 * unet + 0.25 * attention",))
    first, third = (stages_of(read_recipe(f"macar2021-{name}"))[0] for name in ("unet", "attention"))
    for mine, theirs in ((unet, first), (attention, third)):
        for part in ("network", "inputs", "prepare", "sample", "augment", "loss", "optimise"):
            assert getattr(mine, part) == getattr(theirs, part)
    assert unet.predict.passes == 1 and attention.predict.passes == 20
    applied = members_of(unet, FORTY, 0), [one for one in members_of(attention, FORTY, 0) if not one.left_out]
    assert [len(some) for some in applied] == [3, 1], "four networks"
    assert len({one.left_out for some in applied for one in some}) == 4, "of four splits"
    assert members_of(new, FORTY, 0) == ()


def test_what_is_shown_tells_neighbours_and_passes() -> None:
    told = {name: show(read_recipe(name), check(read_recipe(name))) for name in ("zhang2021", "macar2021-ensemble")}
    assert "views [0, 1, 2] with 1 slices on either side" in " ".join(told["zhang2021"].split())
    assert "20 passes with dropout, mean of networks" in " ".join(told["macar2021-ensemble"].split())
    assert "mean of 0.75 * unet + 0.25 * attention" in " ".join(told["macar2021-ensemble"].split())


def test_zhang2021() -> None:
    """Proceedings pp. 61-64."""
    new = stage("zhang2021")
    (recipe,) = stages_of(read_recipe("zhang2021"))
    sample = new["sample"]
    assert (sample["patch"], sample["views"], sample["positive"]) == ([128, 128], [0, 1, 2], 1.0)
    assert sample["neighbours"] == 1 and recipe.channels == 6
    network = build(new["network"], 6, 0.1)
    assert len(network.down) == len(network.up) == 5 and new["network"]["final"] == "tanh"
    assert names(new["loss"]) == ["l2"]
    optimise = new["optimise"]
    assert (optimise["name"], optimise["lr"], optimise["betas"][0]) == ("adam", 2e-4, 0.5)
    assert optimise["schedule"] == {"name": "linear", "after": 100 / 400}
    assert optimise["steps"] / optimise["validate_every"] == 400 / 10 and new["members"]["folds"] == 5
    chances = {entry["name"]: entry["p"] for entry in new["augment"]}
    assert chances.pop("aspect") == pytest.approx(0.2 * 0.8)
    stated = {
        0.1: {"downsample"},
        0.2: {
            "blur",
            "sharpen",
            "noise",
            "clahe",
            "brightness",
            "contrast",
            "radial_brightness",
            "gradient_brightness",
        },
        0.3: {"rotate", "elastic", "scale", "flip", "transpose"},
    }
    assert chances == {name: chance for chance, some in stated.items() for name in some}
    ranges = {entry["name"]: entry for entry in new["augment"]}
    assert ranges["aspect"]["range"] == [0.5, 2] and ranges["rotate"]["degrees"] == [1, 45]


def test_preloznik2021() -> None:
    """Proceedings pp. 41-44, Tables 1 and 2."""
    new, network = stage("preloznik2021"), stage("preloznik2021")["network"]
    assert network["channels"] == [30, 40, 50, 60, 70, 80, 90]
    assert network["coarse"] == [*network["channels"], 100] and network["joined"] == [300, 300]
    assert network["step"] == 3
    assert [side + 2 * margin(network) for side in new["sample"]["patch"]] == [97, 97, 97]
    assert new["sample"]["patch"][0] + 2 * len(network["channels"]) == 33, "the fine path's part of it"
    assert new["prepare"]["normalise"] == "minmax" and settled("preloznik2021")["resample"]["space"] == "mni"
    (checked,) = check(read_recipe("preloznik2021"))
    assert checked.parameters == pytest.approx(1.65e6, rel=0.01)


FLAT = {"name": "unet2d", "channels": [4, 8]}
WIDE = {"name": "pathways", "channels": [4], "coarse": [4], "joined": [4], "margin": 8}


@pytest.mark.parametrize(
    ("over", "message"),
    [
        ({"sample": {"patch": [16, 16, 16], "neighbours": 1}}, "sample.neighbours: found 1; expected sample.views"),
        ({"task": "inpaint", "inputs": ["flair"], "network": WIDE}, "found one that sees more than its patch"),
        ({"predict": {"passes": 4}}, "predict.passes: found 4; expected 1, as the network has no dropout"),
        (
            {
                "network": {"name": "unet3d", "channels": [4], "final": "tanh"},
                "loss": [{"name": "mse", "of": "probability"}],
            },
            "loss: found of: probability; expected output",
        ),
        ({"inputs": ["positive(baseline, followup)"]}, "expected names"),
        (
            {"sample": {"patch": [16, 16], "views": [0]}, "network": FLAT, "augment": [{"name": "clahe", "tile": 1}]},
            "'tile'",
        ),
    ],
)
def test_what_cannot_be_is_one_line(over: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        check(recipe(new=entry(), other=entry(**over)))
    assert "\n" not in str(caught.value)


def test_a_stage_may_see_neighbours_and_more_than_its_patch() -> None:
    stacks = entry(sample={"patch": [16, 16], "views": [0], "neighbours": 2}, network=FLAT)
    checked = check(recipe(new=stacks, wide=entry(network=WIDE)))
    assert [one.stage.channels for one in checked] == [10, 2]
    with pytest.raises(ConfigError, match="found a stage of the name positive"):
        check(recipe(positive=entry()))
