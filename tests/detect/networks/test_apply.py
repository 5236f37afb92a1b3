from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from detect.networks.made import LIMITS, SHAPE, case, model, stage
from newlesions.detect.networks.apply import apply, both_directions, outputs
from newlesions.detect.networks.decide import decide
from newlesions.detect.networks.members import apply_stage, join, logits_of
from newlesions.detect.networks.model import NetworkModel
from newlesions.detect.settings import SubtractionSettings
from newlesions.errors import ConfigError
from newlesions.networks import inputs
from newlesions.networks.prepare import prepare
from newlesions.networks.stages import Predict, Sample, Stage

LESIONS = stage("lesions", ("flair",), task="segment_lesions")
NEW = stage("new", ("followup", "lesions(followup) - lesions(baseline)"))
EXCHANGED = np.array([0, 3, 4, 1, 2])


def calls(made: NetworkModel, name: str) -> list[int]:
    """Grows with every window that the stage's networks see."""
    seen: list[int] = []
    for network in made.networks(name):
        network.register_forward_hook(lambda *_: seen.append(1))
    return seen


def test_stages_see_the_outputs_of_those_before(tmp_path: Path) -> None:
    pair, made = case(), model(tmp_path, LESIONS, NEW)
    found = apply(pair, made, LIMITS)
    assert set(found) == {"lesions(baseline)", "lesions(followup)", "new"}
    prepared = prepare(pair, NEW.prepare)
    for visit in ("baseline", "followup"):
        expected = apply_stage(LESIONS, made.networks("lesions"), prepared.images[visit][None], pair.brain, LIMITS)
        np.testing.assert_allclose(found[f"lesions({visit})"], expected, atol=1e-6)
    difference = found["lesions(followup)"] - found["lesions(baseline)"]
    seen = np.stack([prepared.images["followup"], difference])
    expected = apply_stage(NEW, made.networks("new"), seen, pair.brain, LIMITS)
    np.testing.assert_allclose(found["new"], expected, atol=1e-6)
    assert all(one.dtype == np.float32 and one.shape == SHAPE and not one[~pair.brain].any() for one in found.values())


def test_only_what_is_needed_is_computed(tmp_path: Path) -> None:
    made = model(tmp_path, LESIONS, stage("first"), NEW)
    first, lesions = calls(made, "first"), calls(made, "lesions")
    assert set(outputs(case(), made, ["first"], LIMITS)) == {"first"}
    assert (len(first) > 0, len(lesions)) == (True, 0)
    assert set(outputs(case(), made, ["lesions(baseline)"], LIMITS)) == {"lesions(baseline)", "lesions(followup)"}


def test_a_visit_is_looked_at_once_for_both_directions(tmp_path: Path) -> None:
    pair, made = case(), model(tmp_path, LESIONS, NEW)
    seen = calls(made, "lesions")
    rise, fall = both_directions(pair, made, LIMITS)
    once = len(seen)
    np.testing.assert_allclose(fall, apply(pair.swapped(), made, LIMITS)["new"], atol=1e-6)
    np.testing.assert_allclose(rise, apply(pair, made, LIMITS)["new"], atol=1e-6)
    assert len(seen) == 3 * once


def test_a_stage_on_other_voxels_comes_back_to_the_cases_grid(tmp_path: Path) -> None:
    coarse = stage()
    coarse = replace(coarse, prepare=replace(coarse.prepare, spacing_mm=2.0))
    pair = case()
    (found,) = apply(pair, model(tmp_path, coarse), LIMITS).values()
    assert found.shape == SHAPE
    assert found[pair.brain].max() > 0
    assert 0 <= found.min() <= found.max() <= 1


def test_stages_for_training_are_left_out(tmp_path: Path) -> None:
    fills = stage("fill", ("flair",), task="inpaint")
    assert set(apply(case(), model(tmp_path, fills, stage()), LIMITS)) == {"new"}


def test_a_subject_is_seen_by_networks_that_left_it_out(tmp_path: Path) -> None:
    pair = case()
    made = model(tmp_path, stage(), members=2, left_out=(("01",), ("02",)))
    alone = replace(made, members={"new": made.members["new"][:1]})
    np.testing.assert_array_equal(apply(pair, made, LIMITS, left_out="01")["new"], apply(pair, alone, LIMITS)["new"])
    assert not np.array_equal(apply(pair, made, LIMITS)["new"], apply(pair, alone, LIMITS)["new"])


def test_an_unknown_stage_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no stage other; its stages are: new"):
        outputs(case(), model(tmp_path, stage()), ["other"], LIMITS)


def test_candidate_regions_are_judged(tmp_path: Path) -> None:
    judge = stage(
        "new", ("levels_baseline", "levels_followup"), task="classify_regions", sample=Sample(patch=(12, 12, 12))
    )
    pair = case()
    (found,) = apply(pair, model(tmp_path, judge), LIMITS).values()
    assert found[5, 6, 7] > 0
    assert not found[~pair.brain].any()
    assert (found > 0).mean() < 0.3


def test_nnunet_applies_its_own_networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = []

    def applied(stage, paths, channels, spacing, limits):
        given.append((stage.name, paths, channels.shape, spacing))
        return np.full(channels.shape[1:], 0.7, np.float32)

    monkeypatch.setattr("newlesions.detect.networks.nnunet.apply_stage", applied)
    made = model(tmp_path, stage(), members=2, left_out=(("01",), ()))
    made = replace(made, stages={"new": stage(network={"name": "nnunet"})})
    made.load()
    pair = case()
    found = apply(pair, made, LIMITS, left_out="01")["new"]
    assert given == [("new", [made.members["new"][0].path], (2, *SHAPE), [1.0, 1.0, 1.0])]
    np.testing.assert_allclose(found, np.where(pair.brain, 0.7, 0))


def test_exchanged_visits_exchange_new_with_gone(tmp_path: Path) -> None:
    pair, made = case(), model(tmp_path, LESIONS, NEW)
    ahead, back = both_directions(pair, made, LIMITS), both_directions(pair.swapped(), made, LIMITS)
    np.testing.assert_array_equal(ahead[0], back[1])
    np.testing.assert_array_equal(ahead[1], back[0])
    # Untrained networks cross the threshold nearly nowhere or everywhere; their median cuts them in two.
    predict = Predict(threshold=float(np.median(ahead[0][pair.brain])), min_volume_mm3=2)
    settings = SubtractionSettings()
    one = decide(*ahead, (pair.baseline, pair.followup), pair.brain, 1.0, predict, settings)
    other = decide(*back, (pair.followup, pair.baseline), pair.brain, 1.0, predict, settings)
    assert set(np.unique(one.change)) >= {0, 1, 3} or set(np.unique(one.change)) >= {0, 2, 4}
    np.testing.assert_array_equal(other.change, EXCHANGED[one.change])
    np.testing.assert_array_equal(other.signed, -one.signed)


def test_inputs_are_as_many_as_the_network_takes(tmp_path: Path) -> None:
    made = model(tmp_path, stage())
    prepared = prepare(case(), stage().prepare)
    assert inputs.channels(stage().inputs, prepared).shape == (2, *SHAPE)
    (network,) = made.networks("new")
    assert next(network.parameters()).shape[1] == 2
    assert isinstance(network, torch.nn.Module)


@pytest.mark.parametrize("how", ["mean", "logits", "vote"])
def test_stages_of_different_networks_are_joined_as_members_are(tmp_path: Path, how: str) -> None:
    both = Stage("both", "combine", ("wide", "new"), predict=Predict(combine=how))
    wide = stage("wide", network={"name": "unet3d", "channels": [8, 8]})
    trained = model(tmp_path, wide, stage("new"), members=2, left_out=(("s",), ("t",)))
    made = replace(trained, stages={**trained.stages, "both": both}, members={**trained.members, "both": []})
    pair = case()
    found = apply(pair, made, LIMITS)
    assert made.answer.name == "both" and set(found) == {"wide", "new", "both"}
    expected = join((logits_of(found[name]) for name in ("wide", "new")), how)
    np.testing.assert_allclose(found["both"][pair.brain], expected[pair.brain], atol=1e-6)
    rise, _ = both_directions(pair, made, LIMITS)
    np.testing.assert_array_equal(rise, found["both"])
    np.testing.assert_allclose(both_directions(pair.swapped(), made, LIMITS)[1], rise, atol=1e-6)
    blind = apply(pair, made, LIMITS, left_out="s")
    assert not np.allclose(blind["both"], found["both"]), "each stage by the networks that have not seen the subject"


def test_a_joined_model_is_written_and_read(tmp_path: Path) -> None:
    both = Stage("both", "combine", ("0.25 * first + 0.75 * new",))
    trained = model(tmp_path / "a", stage("first"), stage("new"))
    made = replace(trained, stages={**trained.stages, "both": both}, members={**trained.members, "both": []})
    made.applied().write(tmp_path / "model")
    again = NetworkModel.read(tmp_path / "model")
    again.load()
    found = apply(case(), again, LIMITS)
    expected = 0.25 * found["first"] + 0.75 * found["new"]
    np.testing.assert_allclose(found["both"], expected, atol=1e-5)
