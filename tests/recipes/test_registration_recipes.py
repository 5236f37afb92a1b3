"""The systems that register: what their papers state, and that they learn, go on exactly and feed one another."""

from __future__ import annotations

import dataclasses
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from learn.networks.small import make_case
from newlesions.detect.networks.apply import both_directions, outputs
from newlesions.detect.networks.model import Member, NetworkModel
from newlesions.errors import ConfigError
from newlesions.learn.networks.checkpoint import Checkpoint
from newlesions.learn.networks.fit import fit
from newlesions.learn.networks.loop import Training
from newlesions.learn.networks.losses import Loss
from newlesions.learn.networks.sample import Batches, Patches, patch_sides
from newlesions.learn.networks.sources import read_source, tasks_of
from newlesions.networks.build import build, patch_multiples
from newlesions.networks.case import read_case, write_case
from newlesions.networks.stages import Limits, Stage
from newlesions.recipes.check import check
from newlesions.recipes.members import members_of
from newlesions.recipes.stages import stages_of
from newlesions.settings import read_recipe
from recipes.made import entry, recipe

ANDRESEN = (
    "andresen2021",
    "andresen2021-nomap",
    "andresen2021-unregistered",
    "andresen2021-ncr",
    "andresen2021-ncrsupervised",
)
NAMES = ("salem2021", *ANDRESEN)
WIDTH = 0.15
SUBJECTS = [f"{number:02d}" for number in range(40)]


def stages(name: str) -> dict[str, Stage]:
    return {stage.name: stage for stage in stages_of(read_recipe(name))}


TRAINED = [(name, stage) for name in NAMES for stage in stages(name)]


def share(stage: Stage) -> float:
    """Of the patches' sides: 16 voxels."""
    return 16 / max(stage.sample.patch)


def batches(stage: Stage) -> Batches:
    """From three small pairs; what an earlier stage says of them is drawn."""
    stage = dataclasses.replace(stage, sample=dataclasses.replace(stage.sample, batch=3))
    multiples = patch_multiples(stage.network)
    cases = [make_case(number, lesions=3) for number in range(3)]
    said = {"ncr": np.zeros(cases[0].brain.shape, np.float32), "ncr(moved)": np.ones(cases[0].brain.shape, np.float32)}
    sources = [read_source(task, stage, said) for case in cases for task in tasks_of(case, stage)]
    return Batches(Patches(sources, stage, patch_sides(stage, share(stage), multiples)), None, stage, 0, multiples)


def training(stage: Stage, steps: int = 5) -> Training:
    torch.manual_seed(1)
    network = build(stage.network, stage.channels, WIDTH)
    return Training(network, Loss(stage.loss), stage.optimise, steps, 0)


@pytest.mark.parametrize(("name", "which"), TRAINED)
def test_a_step_lowers_the_loss_of_a_batch(name: str, which: str) -> None:
    stage = stages(name)[which]
    batch, trained = batches(stage).make(0), training(stage)
    assert batch.inputs.shape[-1] == stage.sample.patch[-1] if stage.sample.patch[-1] == 3 else 16

    def value() -> float:
        trained.network.train()
        with torch.no_grad():
            return float(trained.loss(trained.network(batch.inputs), batch.target, batch.valid, batch.weight))

    before = value()
    trained.run(lambda first: repeat(batch), until=1)
    assert value() < before


@pytest.mark.parametrize(("name", "which"), [("salem2021", "new"), ("andresen2021", "ncr"), ("andresen2021", "new")])
def test_a_training_that_was_killed_ends_with_the_same_weights(name: str, which: str, tmp_path: Path) -> None:
    stage = stages(name)[which]
    made = batches(stage)
    whole = training(stage, 4).run(lambda first: made.each(first, 0)).state_dict()
    kept = Checkpoint(tmp_path / "checkpoint", name)
    training(stage, 4).run(lambda first: made.each(first, 0), kept, until=2)
    resumed = training(stage, 4).run(lambda first: made.each(first, 0), kept).state_dict()
    assert all(torch.equal(whole[weight], resumed[weight]) for weight in whole)
    fresh = training(stage, 4).network.state_dict()
    assert any(not torch.equal(fresh[weight], resumed[weight]) for weight in whole)


def trained(name: str, folder: Path, subjects: int = 3) -> tuple[NetworkModel, list[Path]]:
    """Every stage of a recipe, trained for a few steps on small pairs, of which the last one validates."""
    paths = [folder / f"{number}.npz" for number in range(subjects)]
    for number, path in enumerate(paths):
        write_case(path, make_case(number, 2, gone=True))
    of, members = stages(name), {}
    limits = Limits(WIDTH, share(next(iter(of.values()))), 3, "cpu", 1)
    for stage in of.values():
        earlier = NetworkModel(name, {one: of[one] for one in members}, members, limits) if members else None
        few = dataclasses.replace(stage, sample=dataclasses.replace(stage.sample, batch=2))
        facts = fit(paths[:-1], few, limits, folder / stage.name, validation=paths[-1:], earlier=earlier,
                    progress=lambda line: None)  # fmt: skip
        assert facts["validation"] is not None and facts["steps"] == 3
        members[stage.name] = [Member(folder / stage.name / "weights.safetensors", (f"{subjects - 1:02d}",))]
    return NetworkModel(name, of, members, limits), paths


@pytest.mark.parametrize("name", ["salem2021", "andresen2021"])
def test_a_trained_recipe_looks_at_pairs_in_both_directions(name: str, tmp_path: Path) -> None:
    model, paths = trained(name, tmp_path)
    pair = read_case(paths[-1])
    rise, fall = both_directions(pair, model, model.limits, left_out="02")
    back = both_directions(pair.swapped(), model, model.limits, left_out="02")
    np.testing.assert_allclose((fall, rise), back, atol=1e-6)
    for one in (rise, fall):
        assert one.shape == pair.brain.shape and not one[~pair.brain].any()
        assert 0 <= one.min() <= one.max() <= 1 and np.isfinite(one).all()
    assert np.ptp(rise[pair.brain]) > 0


def test_what_registers_gives_later_stages_the_moved_baseline_and_the_map(tmp_path: Path) -> None:
    model, paths = trained("andresen2021", tmp_path)
    pair = read_case(paths[-1])
    said = outputs(pair, model, ["new"], model.limits)
    assert set(said) == {"ncr", "ncr(moved)", "new"}
    inside = pair.baseline[pair.brain]
    own = (pair.baseline - inside.mean()) / inside.std()
    moved = said["ncr(moved)"]
    np.testing.assert_allclose(moved[~pair.brain], own[~pair.brain], atol=1e-5, err_msg="as the stage sees it")
    assert np.abs(moved - own)[pair.brain].max() > 1e-3
    assert own.min() - 1e-4 <= moved.min() <= moved.max() <= own.max() + 1e-4, "interpolated"
    assert 0 < said["ncr"][pair.brain].min() <= said["ncr"].max() < 1


def test_the_middle_slice_alone_counts(tmp_path: Path) -> None:
    """What a stack of three says of its middle slice, for every slice of the pair."""
    model, paths = trained("andresen2021-unregistered", tmp_path)
    stage, pair = model.stages["new"], read_case(paths[-1])
    (network,) = model.networks("new")
    said = outputs(pair, model, ["new"], model.limits)["new"]
    inside = [image[pair.brain] for image in (pair.baseline, pair.followup)]
    images = [(image - at.mean()) / at.std() for image, at in zip((pair.baseline, pair.followup), inside, strict=True)]
    stack = np.stack([*images, images[1] - images[0]])[..., 8:11].astype(np.float32)
    i, j, _ = pair.brain.shape
    whole = np.pad(stack, [(0, 0), (0, -i % 16), (0, -j % 16), (0, 0)], mode="edge")
    limits = dataclasses.replace(model.limits, patch=32 / 384)
    wide = dataclasses.replace(model, limits=limits)
    said = outputs(pair, wide, ["new"], limits)["new"]
    assert stage.predict.rim == (0, 0, 1)
    with torch.no_grad():
        expected = torch.sigmoid(network(torch.from_numpy(whole[None])))[0, 0, :i, :j, 1].numpy()
    brain = pair.brain[..., 9]
    np.testing.assert_allclose(said[..., 9][brain], expected[brain], atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_stated_has_a_page_within_the_paper_and_what_was_chosen_a_reason(name: str) -> None:
    content = read_recipe(name)
    first, last = map(int, str(content["paper"]["pages"]).split("-"))
    pages = [int(page) for row in content["stated"] for page in str(row["page"]).split("-")]
    assert len(content["stated"]) >= 6 and all(first <= page <= last for page in pages)
    assert len(content["chosen"]) >= 7


def terms(stage: Stage) -> dict[str, dict[str, Any]]:
    return {str(one["name"]): {key: value for key, value in one.items() if key != "name"} for one in stage.loss}


def test_salem2021() -> None:
    """Proceedings, pp. 115-117."""
    new = stages("salem2021")["new"]
    assert new.inputs == ("baseline", "followup")
    assert terms(new) == {"ce": {}, "similarity": {"measure": "mse"}, "smoothness": {"weight": 0.01}}
    assert (new.sample.patch, new.sample.batch, new.sample.options["grid"]) == ((32, 32, 32), 4, 16)
    assert 32 - 32 * new.predict.overlap == 16
    how = new.optimise
    assert (how.name, how.lr, how.betas, how.weight_decay) == ("adam", 1e-3, (0.9, 0.999), 0.0), "Adam's defaults"
    assert how.steps == 30 * how.validate_every and how.patience == 5 and how.select == "best"
    train = [1 - len(member.left_out) / 40 for member in members_of(new, SUBJECTS, 0)]
    assert np.mean(train) == pytest.approx(0.7, abs=0.04)
    assert new.augment == ()
    with torch.device("meta"):
        network = build(new.network, 2)
    first = [next(part.parameters()).shape[1] for part in (network.registration, network.images, network.shifts)]
    assert first == [2, 2, 3], "two images, two images, three components of the field"
    assert network.classify.in_channels == 2 * network.images.decoder.blocks[-1].units[-1].convolution.conv.out_channels
    assert read_recipe("salem2021")["preprocess"]["harmonise"]["normalise"] == "nyul"


def test_andresen2021() -> None:
    """Proceedings, pp. 111-113."""
    of = stages("andresen2021")
    ncr, new = of["ncr"], of["new"]
    assert ncr.inputs == ("baseline", "followup", "followup - baseline")
    assert new.inputs == ("baseline", "followup", "followup - ncr(moved)", "ncr")
    with torch.device("meta"):
        network, unet = build(ncr.network, 3), build(new.network, 4)
    assert {name for name, part in network.named_children() if list(part.parameters())} == {
        "encoder", "decoder", "shifts", "displacement",
    }, "one encoder, two decoders"  # fmt: skip
    loss = terms(ncr)
    assert set(loss) == {"similarity", "smoothness", "area", "contour"}, "no reference"
    assert loss["similarity"]["measure"] == "ncc" and loss["similarity"]["masked"] is True
    assert [next(block.parameters()).shape[1] for block in unet.encoder.own] == [1] * 4, "a block for each input"
    assert terms(new) == {"dice": {}}
    for stage in of.values():
        assert stage.sample.patch[2] == 3 and stage.predict.rim == (0, 0, 1) and stage.prepare.mask is False
        assert stage.sample.options["slices"] == {"lesion_free": 0.01, "mirrored": 0}
        assert (stage.optimise.name, stage.optimise.lr, stage.sample.batch) == ("adam", 1e-4, 5)
        assert stage.optimise.steps % 400 == 0 and stage.augment == ()
        folds = members_of(stage, SUBJECTS, 0)
        assert [40 - len(member.left_out) for member in folds] == [32] * 5 + [40]


def test_the_rows_of_andresen_s_table_differ_in_what_the_table_says() -> None:
    full = stages("andresen2021")
    plain = {name: stages(name) for name in ANDRESEN}
    (alone,) = plain["andresen2021-ncr"].values()
    assert dataclasses.replace(alone, name="ncr") == full["ncr"]
    (supervised,) = plain["andresen2021-ncrsupervised"].values()
    assert supervised.loss == (*alone.loss, {"name": "dice"})
    assert dataclasses.replace(supervised, loss=alone.loss) == alone
    (unet,) = plain["andresen2021-unregistered"].values()
    assert unet.inputs == ("baseline", "followup", "followup - baseline")
    assert dataclasses.replace(unet, inputs=full["new"].inputs) == full["new"]
    nomap = plain["andresen2021-nomap"]
    assert nomap["ncr"] == full["ncr"] and nomap["new"].inputs == full["new"].inputs[:3]
    assert dataclasses.replace(nomap["new"], inputs=full["new"].inputs) == full["new"]
    settings = [read_recipe(name)["preprocess"] for name in ANDRESEN]
    assert all(one == settings[0] for one in settings)


NCR = {"name": "ncrnet", "channels": [4, 8]}


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ({"new": entry(loss=[{"name": "area"}])}, "loss area: found a network that moves no image; expected fieldnet"),
        ({"new": entry(network=NCR, inputs=["followup", "baseline"])}, "expected baseline, followup first"),
        (
            {"a": entry(network=NCR, task="segment_lesions", inputs=["flair", "flair"]), "new": entry()},
            "stages.a: inputs: found flair, flair of task segment_lesions; expected baseline, followup",
        ),
        ({"a": entry(), "new": entry(inputs=["a(moved)"])}, r"found a\(moved\); known: "),
        ({"moved": entry(network=NCR)}, "found a stage of the name moved"),
        (
            {"a": entry(network=NCR), "new": entry(inputs=["a(moved)"], prepare={"normalise": "minmax"})},
            r"inputs: found a\(moved\), which stage a prepares otherwise; expected the same prepare",
        ),
        ({"new": entry(network=NCR, predict={"passes": 2})}, "found predict.passes or optimise.mine"),
        ({"new": entry(predict={"rim": [0, 0, 8]})}, r"predict.rim: found \[0, 0, 8\]; expected three, less than half"),
        ({"new": entry(predict={"rim": [0, 1]})}, r"predict.rim: found \[0, 1\]"),
        ({"new": entry(sample={"patch": [16, 16, 16], "options": {"slices": {"share": 1}}})}, "options.slices is"),
    ],
)
def test_what_cannot_be_trained_is_one_line(made: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        check(recipe(**made))
    assert "\n" not in str(caught.value)


def test_a_cascade_may_see_what_a_stage_has_moved() -> None:
    checked = check(recipe(a=entry(network=NCR), new=entry(inputs=["followup - a(moved)", "a"])))
    assert [one.stage.name for one in checked] == ["a", "new"]
