"""What the papers of the cascades state, against their recipes; and La Rosa et al., who train nothing."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from newlesions.errors import ConfigError
from newlesions.learn.networks.optimise import make_schedule
from newlesions.networks.build import patch_multiple
from newlesions.networks.stages import Stage
from newlesions.recipes import state
from newlesions.recipes.check import check
from newlesions.recipes.members import members_of
from newlesions.recipes.show import graph, show
from newlesions.recipes.stages import applied, stages_of
from newlesions.settings import merged, read_config, read_recipe
from recipes.made import entry, recipe

NAMES = ("loehr2021", "kang2021", "mckinley2021", "larosa2021")
FORTY = [f"{number:02d}" for number in range(40)]


def stages(name: str) -> dict[str, Stage]:
    return {stage.name: stage for stage in stages_of(read_recipe(name))}


def settled(name: str) -> dict[str, Any]:
    """The settings that hold in a run of the recipe."""
    return merged(read_config() | {"recipe": name, "training": True})


@pytest.mark.parametrize("name", NAMES)
def test_what_is_stated_has_a_page_and_what_was_chosen_a_reason(name: str) -> None:
    content = read_recipe(name)
    assert len(content["stated"]) >= 5 and len(content["chosen"]) >= 5
    first, last = (int(page) for page in str(content["paper"]["pages"]).split("-"))
    for row in content["stated"]:
        assert all(first <= int(page) <= last for page in str(row["page"]).split("-"))


def test_loehr2021() -> None:
    """Proceedings pp. 21-24."""
    made, held = stages("loehr2021"), settled("loehr2021")
    lesions, new = made["lesions"], made["new"]
    assert held["resample"]["space"] == "mni"
    assert (held["resample"]["finest_mm"], held["resample"]["coarsest_mm"]) == (1.0, 1.0)
    assert (lesions.task, lesions.inputs, lesions.prepare.normalise) == ("segment_lesions", ("flair",), "minmax")
    assert len(lesions.network["channels"]) == 5 and patch_multiple(lesions.network) == 16, "five stages"
    assert (lesions.network["norm"], lesions.network["activation"]) == ("instance", "leakyrelu")
    weights = {one["name"]: one.get("weight", 1) for one in lesions.loss}
    assert weights == {"dice": 1, "ce": 1} and lesions.loss[1]["pos_weight"] > 1
    augment = {one["name"]: one for one in lesions.augment}
    assert set(augment) == {"flip", "affine"} and augment["affine"]["degrees"] and augment["affine"]["shear"]
    assert augment["affine"]["scale"] == (1.0, 1.0) or list(augment["affine"]["scale"]) == [1.0, 1.0]
    optimise = lesions.optimise
    assert (optimise.name, optimise.lr, lesions.sample.batch, optimise.select) == ("adam", 1e-4, 2, "best")
    assert optimise.steps == 400 * 250
    folds = members_of(lesions, FORTY, 0)
    assert [len(one.left_out) for one in folds] == [10] * 4, "10 of 40 validate"
    assert lesions.predict.components == ({"measure": "volume", "least": 10.0},), "before the subtraction"
    assert new.task == "combine" and new.inputs == ("lesions(followup)",)
    assert new.predict.components == ({"measure": "overlap", "other": "lesions(baseline)", "most": 0.0},)


def test_loehr2021_learns_from_masks_of_all_lesions_alone() -> None:
    made = stages("loehr2021")
    assert state.columns(list(made.values()), False) == ["baseline_lesions", "followup_lesions"]
    assert state.kind(read_recipe("loehr2021"), list(made.values())) == "3D network (unet3d), comparison of masks"


def test_kang2021() -> None:
    """Proceedings pp. 9-12."""
    made, held = stages("kang2021"), settled("kang2021")
    assert held["brain"]["cord"] == "connected" and list(made) == ["field", "sensitive", "lesions", "classifier", "new"]
    tasks = {name: stage.task for name, stage in made.items()}
    assert tasks == {
        "field": "segment_brain",
        "sensitive": "segment_new",
        "classifier": "classify_components",
        "lesions": "segment_lesions",
        "new": "combine",
    }
    for name in ("field", "sensitive", "lesions"):
        assert made[name].sample.patch == (96, 96, 96) and made[name].network["name"] == "unet3d"
    assert made["classifier"].network["name"] == "resnet3d"
    assert made["sensitive"].inputs == ("baseline * field(baseline)", "followup * field(followup)")
    assert made["lesions"].inputs == ("flair * field(flair)",), "one time point at a time"
    assert made["sensitive"].predict.threshold < 0.5, "highly sensitive"
    assert made["sensitive"].loss[0]["beta"] > made["sensitive"].loss[0]["alpha"], "what is missed weighs more"
    candidates = made["classifier"].predict.options["candidates"]
    cut = made["sensitive"].predict.threshold
    assert candidates == {"of": "sensitive", "threshold": cut} and made["new"].predict.threshold == cut
    bounds = {rule["other"]: (rule.get("above"), rule.get("most")) for rule in made["new"].predict.components}
    assert bounds == {"classifier": (0, None), "lesions(followup)": (0, None), "lesions(baseline)": (None, 0)}
    for stage in made.values():
        if stage.is_trained:
            folds = members_of(stage, FORTY, 0)
            assert [len(one.left_out) for one in folds] == [4] * 10 + [0], "4 of 40 validate"
    assert {stage.name for stage in applied(made.values())} == set(made)


def test_kang2021_is_drawn_with_what_its_rules_compare() -> None:
    made = stages("kang2021")
    drawn = graph(list(made.values()))
    for line in (
        "compares classifier",
        "compares lesions(followup)",
        "compares lesions(baseline)",
        "compares sensitive",
    ):
        assert line in drawn
    told = " ".join(show(read_recipe("kang2021"), check(read_recipe("kang2021"))).split())
    assert "each at most 0 of it in lesions(baseline) from 0.5" in told
    assert state.kind(read_recipe("kang2021"), list(made.values())) == "cascade of 4 networks, comparison of masks"


def test_mckinley2021() -> None:
    """Proceedings pp. 97-100."""
    made, held = stages("mckinley2021"), settled("mckinley2021")
    lesions, new = made["lesions"], made["new"]
    assert (held["resample"]["finest_mm"], held["resample"]["coarsest_mm"]) == (1.0, 1.0)
    assert new.inputs == ("baseline", "followup", "lesions(baseline)", "lesions(followup)")
    assert (lesions.task, lesions.inputs, new.task) == ("segment_lesions", ("flair",), "segment_new")
    assert lesions.network == new.network, "identical structure"
    for stage in made.values():
        assert stage.network["slices"] == 1 + 2 * stage.sample.neighbours
        assert stage.channels == len(stage.inputs) * stage.network["slices"]
        assert stage.sample.views == (0, 1, 2) and stage.predict.flips == (0,)
        assert (stage.predict.combine, stage.predict.views) == ("logits", "logits"), "six outputs"
        assert stage.prepare.normalise == "zscore_nonzero"
        assert [one["name"] for one in stage.loss] == ["focal"]
    assert new.optimise.steps == 20 * 5000 == new.optimise.validate_every * 20
    rate = make_schedule(new.optimise.schedule, new.optimise.steps)
    rates = [new.optimise.lr * rate(step, []) for step in range(0, new.optimise.steps, 100)]
    assert max(rates) == pytest.approx(1e-5) and min(rates) == pytest.approx(1e-7, rel=0.15)
    assert sum(now > before for before, now in pairwise(rates)) == 19, "restarts"
    assert len(members_of(new, FORTY, 0)) > 1, "cross-validation"


def test_larosa2021() -> None:
    """Proceedings pp. 65-68."""
    content, held = read_recipe("larosa2021"), settled("larosa2021")["candidates"]
    assert not content.get("needs_model") and not check(content)
    assert held["standardise"], "zero mean and unit standard deviation"
    assert held["min_voxels"] == 4, "smaller than 5 voxels are discarded"
    assert held["white_share"] == 0.1 and held["other_share"] == 0, "1/10 in white matter, touching nothing else"
    assert held["contrast"] == 0.9
    assert (held["least_axis_mm"], held["sphericity"]) == (1.2, 0.2)
    assert held["tissue"] == "auto"
    steps = sorted(held["k_at"])
    assert len(steps) >= 2 and [k for _, k in steps] == sorted((k for _, k in steps), reverse=True)
    assert held["k"] > steps[0][1], "the better the registration, the lower the threshold"


RULE = {"measure": "overlap", "most": 0.0}


@pytest.mark.parametrize(
    ("over", "message"),
    [
        ({"predict": {"components": [{**RULE, "other": "old"}]}}, "found old; known"),
        ({"predict": {"components": [{**RULE, "other": "lesions(baseline) * baseline"}]}}, "found what is no answer"),
        ({"predict": {"components": [{**RULE, "other": "field(baseline)"}]}}, "found what is no answer"),
        ({"predict": {"components": [{"measure": "overlap", "most": 0}]}}, "found overlap with other None"),
        (
            {"task": "classify_components", "network": {"name": "resnet3d", "channels": [4, 4, 4, 4]}},
            "found no `of`; expected `of`",
        ),
        (
            {"task": "classify_components", "predict": {"options": {"candidates": {"of": "first"}}}},
            r"found an output of shape \(1, 16, 16, 16\); expected \(1, 1, 1, 1\)",
        ),
        (
            {
                "task": "classify_components",
                "predict": {"options": {"candidates": {"of": "first"}}},
                "augment": [{"name": "flip"}],
            },
            "augment: found some; expected none",
        ),
        (
            {
                "task": "classify_components",
                "predict": {"options": {"candidates": {"of": "first"}}},
                "sample": {"patch": [16, 16, 8], "batch": 1},
            },
            "sample.patch: found 16 x 16 x 8; expected equal sides",
        ),
        ({"network": {"name": "resnet3d", "channels": [4, 4, 4, 4]}}, "found an output of shape"),
    ],
)
def test_what_cannot_be_is_one_line(over: dict[str, Any], message: str) -> None:
    of_visit = {"lesions": entry(task="segment_lesions", inputs=["flair"])}
    of_visit["field"] = entry(task="segment_brain", inputs=["flair"])
    with pytest.raises(ConfigError, match=message) as caught:
        check(recipe(**of_visit, first=entry(), other=entry(**over)))
    assert "\n" not in str(caught.value)


def test_rules_about_other_stages_belong_to_stages_of_the_pair() -> None:
    lesions = entry(task="segment_lesions", inputs=["flair"])
    other = lesions | {"predict": {"components": [{**RULE, "other": "lesions(baseline)"}]}}
    with pytest.raises(ConfigError, match="found the measure overlap; expected it in stages of the pair"):
        check(recipe(lesions=lesions, other=other, new=entry(inputs=["other(baseline)"])))
    field = entry(task="segment_brain", inputs=["flair"], predict={"components": [{"measure": "volume", "least": 1}]})
    with pytest.raises(ConfigError, match="found rules for the task segment_brain; expected none"):
        check(recipe(field=field, new=entry(inputs=["field(baseline)"])))


def test_what_a_rule_looks_at_comes_before_it_in_any_order_of_the_file() -> None:
    rule = {"predict": {"components": [{**RULE, "other": "lesions(baseline)"}]}}
    made = recipe(new=entry(**rule), lesions=entry(task="segment_lesions", inputs=["flair"]))
    assert [one.stage.name for one in check(made)] == ["lesions", "new"]
