"""The systems whose networks learn from other networks: what their papers state, and that each stage learns."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from learn.networks.small import assert_a_step_lowers_the_loss, assert_goes_on_exactly, make_case
from newlesions.detect.networks.apply import outputs
from newlesions.detect.networks.model import Member, NetworkModel
from newlesions.learn.networks.batch import Batch
from newlesions.learn.networks.fit import fit
from newlesions.learn.networks.loop import Training
from newlesions.learn.networks.losses import Loss
from newlesions.learn.networks.makers import training_maker
from newlesions.learn.networks.sample import Batches, Patches, patch_sides
from newlesions.learn.networks.sources import read_source, tasks_of
from newlesions.networks.build import build, patch_multiple
from newlesions.networks.case import write_case
from newlesions.networks.stages import ESTIMATE, TRAINING_ONLY, Limits, Stage
from newlesions.networks.weights import save
from newlesions.recipes.check import check
from newlesions.recipes.members import members_of
from newlesions.recipes.stages import before, stages_of
from newlesions.settings import read_recipe

NAMES = ["kamraoui2021-drawerase", "kamraoui2021-lesionwise", "cabezas2021", "nichyporuk2021"]
LIMITS = Limits(width=0.1, patch=0.25, device="cpu", threads=1)
SUBJECTS = [f"{number:02d}" for number in range(40)]


def stages(name: str) -> dict[str, Stage]:
    return {stage.name: stage for stage in stages_of(read_recipe(name))}


ALIKE = ("rater_2", "rater_3", "rater_4")
"""Stages that are an earlier one with another rater."""
TRAINED = [(name, stage) for name in NAMES for stage in stages(name) if stage not in ALIKE]


def small(name: str, stage_name: str, **optimise: Any) -> Stage:
    """The stage with few patches in a batch."""
    stage = stages(name)[stage_name]
    sample = dataclasses.replace(stage.sample, batch=min(stage.sample.batch, 4))
    return dataclasses.replace(stage, sample=sample, optimise=dataclasses.replace(stage.optimise, **optimise))


def untrained(name: str, stage_name: str, folder: Path) -> NetworkModel | None:
    """The stages before, with weights as they are drawn: what a training needs of them, not what they can."""
    of = stages(name)
    needed = before(of[stage_name], of.values())
    members = {}
    for number, stage in enumerate(needed):
        torch.manual_seed(number)
        members[stage.name] = [Member(folder / f"{stage.name}.safetensors")]
        save(members[stage.name][0].path, build(stage.network, stage.channels, LIMITS.width))
    return NetworkModel(name, {stage.name: stage for stage in needed}, members, LIMITS) if needed else None


def batch_of(stage: Stage, earlier: NetworkModel | None) -> Batch:
    cases = [make_case(number, lesions, gone=True) for number, lesions in enumerate((2, 1, 0))]
    rng = np.random.default_rng(0)
    said = {name: rng.random(cases[0].brain.shape, np.float32) for name in ("rater_1", *ALIKE)}
    multiple = patch_multiple(stage.network)
    sides = patch_sides(stage, LIMITS.patch, multiple)
    maker = patches = None
    if stage.task in TRAINING_ONLY or stage.sample.synthetic > 0:
        maker = training_maker(stage, cases, sides, earlier, LIMITS, None, 0)
    if stage.task not in TRAINING_ONLY:
        patches = Patches(
            [read_source(task, stage, said) for case in cases for task in tasks_of(case, stage)], stage, sides
        )
    return Batches(patches, maker, stage, 0, multiple).make(0)


def loss_of(stage: Stage, earlier: NetworkModel | None) -> Loss:
    judges = [name for name in stage.uses if earlier is not None and earlier.stages[name].task == ESTIMATE]
    return Loss(stage.loss, judge=earlier.networks(judges[0])[0] if earlier is not None and judges else None)


@pytest.mark.parametrize(("name", "stage_name"), TRAINED)
def test_a_step_lowers_the_loss_of_a_batch(name: str, stage_name: str, tmp_path: Path) -> None:
    stage, earlier = small(name, stage_name), untrained(name, stage_name, tmp_path)
    batch = batch_of(stage, earlier)
    torch.manual_seed(1)
    network = build(stage.network, stage.channels, LIMITS.width)
    assert_a_step_lowers_the_loss(Training(network, loss_of(stage, earlier), stage.optimise, 10, 0), batch)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "stage_name"), TRAINED)
def test_a_killed_training_goes_on_exactly(name: str, stage_name: str, tmp_path: Path) -> None:
    stage, earlier = small(name, stage_name, steps=4, validate_every=2), untrained(name, stage_name, tmp_path)
    paths = [tmp_path / f"{number}.npz" for number in range(3)]
    for number, path in enumerate(paths):
        write_case(path, make_case(number, 1 + number % 2, gone=True))

    def train(out: Path, progress: Callable[[str], None]) -> None:
        fit(paths[:2], stage, LIMITS, out, validation=paths[2:], earlier=earlier, seed=5, progress=progress)

    assert_goes_on_exactly(train, tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_stated_has_a_page_within_the_paper_and_what_was_chosen_a_reason(name: str) -> None:
    recipe = read_recipe(name)
    first, last = map(int, str(recipe["paper"]["pages"]).split("-"))
    pages = [int(page) for row in recipe["stated"] for page in str(row["page"]).split("-")]
    assert len(recipe["stated"]) >= 7 and all(first <= page <= last for page in pages)
    assert len(recipe["chosen"]) >= 7


@pytest.mark.parametrize("name", ["kamraoui2021-drawerase", "kamraoui2021-lesionwise"])
def test_the_segmentation_network_is_that_of_kamraoui2021_iqda(name: str) -> None:
    """One network, and one augmentation of image quality, in the three papers of the group."""
    (iqda,) = stages("kamraoui2021-iqda").values()
    new, recipe = stages(name)["new"], read_recipe(name)
    assert new.network == iqda.network and new.augment == iqda.augment and new.sample.patch == (64, 64, 64)
    assert recipe["preprocess"] == read_recipe("kamraoui2021-iqda")["preprocess"]
    assert all((one.optimise.name, one.optimise.lr, one.optimise.betas[0]) == ("adam", 1e-4, 0.9) for one in
               stages(name).values())  # fmt: skip
    assert new.loss[0] == {"name": "dice"} and len(members_of(new, SUBJECTS, 0)) == 5


def test_kamraoui2021_drawerase() -> None:
    """Proceedings, pp. 34-35."""
    of = stages("kamraoui2021-drawerase")
    inpaint, generate, new = of["inpaint"], of["generate"], of["new"]
    assert (inpaint.task, generate.task, new.uses) == ("inpaint", "generate", ("inpaint", "generate"))
    assert (inpaint.channels, generate.channels) == (1, 2) and not inpaint.uses and not generate.uses
    batches = Batches(None, lambda rng: None, new, 0)
    real = new.sample.batch * (1 - new.sample.synthetic)
    assert real / (new.sample.batch - real) == pytest.approx(1 / 3), "real over synthetic, in every mini-batch"
    assert real == int(real) and batches.stage is new
    assert new.sample.weights == pytest.approx((1, 1 / 3))
    quality = [entry["name"] for entry in new.augment[0]["of"]]
    noise, one_of = new.sample.options["synthetic"]["augment"]
    assert noise["name"] == "noise" and [entry["name"] for entry in one_of["of"]] == quality
    shared = ("channels", "norm", "groups", "activation", "down", "up")
    of_2022 = stages("kamraoui2022")
    for one in (inpaint, generate):
        assert {key: one.network[key] for key in shared} == {key: of_2022[one.name].network[key] for key in shared}


def test_a_batch_of_kamraoui2021_drawerase_weighs_real_and_synthetic_pairs(tmp_path: Path) -> None:
    name = "kamraoui2021-drawerase"
    stage, earlier = small(name, "new"), untrained(name, "new", tmp_path)
    batch = batch_of(stage, earlier)
    assert batch.weight.tolist() == pytest.approx([1, 1 / 3, 1 / 3, 1 / 3])
    torch.manual_seed(0)
    logits = torch.randn_like(batch.target)
    loss = Loss(stage.loss)
    each = [float(loss(logits[n : n + 1], batch.target[n : n + 1], batch.valid[n : n + 1])) for n in range(4)]
    found = float(loss(logits, batch.target, batch.valid, batch.weight))
    assert found == pytest.approx((each[0] + sum(each[1:]) / 3) / 4, rel=1e-5)


def test_kamraoui2021_lesionwise() -> None:
    """Proceedings, pp. 30-32."""
    of = stages("kamraoui2021-lesionwise")
    metric, new = of["metric"], of["new"]
    assert (metric.task, metric.inputs, new.uses) == ("estimate_f1", ("prediction", "reference"), ("metric",))
    assert [dict(entry) for entry in new.loss] == [{"name": "dice"}, {"name": "lesion_f1", "weight": 0.2}]
    assert [entry["name"] for entry in metric.loss] == ["mse"] and metric.sample.patch == new.sample.patch
    with torch.device("meta"):
        network = build(metric.network, 2)
    kinds = [type(part).__name__ for part in network.modules()]
    assert kinds.count("Conv3d") == 8 and kinds.count("Linear") == 2
    assert max(n for n, kind in enumerate(kinds) if kind == "Conv3d") < kinds.index("Linear"), "then fully connected"


def test_the_loss_of_kamraoui2021_lesionwise_goes_through_the_frozen_metric(tmp_path: Path) -> None:
    name = "kamraoui2021-lesionwise"
    stage, earlier = small(name, "new"), untrained(name, "new", tmp_path)
    assert earlier is not None
    judge = earlier.networks("metric")[0]
    assert not judge.training and not any(one.requires_grad for one in judge.parameters())
    batch = batch_of(stage, earlier)
    torch.manual_seed(0)
    logits = torch.randn_like(batch.target, requires_grad=True)
    f = judge(torch.cat([torch.sigmoid(logits), batch.target], 1))[:, 0, 0, 0, 0]
    dice = Loss([{"name": "dice"}])(logits, batch.target, batch.valid)
    total = Loss(stage.loss, judge=judge)(logits, batch.target, batch.valid)
    torch.testing.assert_close(total, dice + 0.2 * (1 - f).mean())
    (through,) = torch.autograd.grad(total - dice, logits)
    assert through.abs().sum() > 0, "the metric moves the segmentation network"
    assert all(one.grad is None for one in judge.parameters())


def test_cabezas2021() -> None:
    """Proceedings, pp. 108-110."""
    recipe, of = read_recipe("cabezas2021"), stages("cabezas2021")
    features, new = of["features"], of["new"]
    assert (
        recipe["preprocess"]["bias"]["preset"] == "cabezas2021" and recipe["preprocess"]["brain"]["backend"] == "otsu"
    )
    for stage in of.values():
        assert stage.network["channels"] == [16, 32, 64, 128, 256, 512]
        assert (stage.network["residual"], stage.network["group_size"], stage.network["activation"]) == (
            True,
            4,
            "relu",
        )
        assert (stage.sample.patch, stage.sample.batch) == ((32, 32, 32), 32)
        assert stage.sample.options["grid"] == 16
    assert (features.task, new.start.stage, new.start.part, new.start.frozen) == (
        "restore",
        "features",
        "encoder",
        False,
    )
    assert (new.sample.positive, [entry["name"] for entry in new.loss]) == (0.5, ["ce"])
    assert [40 - len(member.left_out) for member in members_of(new, SUBJECTS, 0)] == [32] * 5
    assert (new.predict.combine, new.predict.border, new.predict.min_voxels) == ("mean", "dropped", 4)
    assert (new.predict.window, new.augment) == (None, ())
    parameters = {one.stage.name: one.parameters for one in check(recipe)}
    assert parameters["features"] and parameters["new"]
    contradiction = [row["reason"] for row in recipe["chosen"] if "contradiction" in row["setting"]]
    assert len(contradiction) == 1 and "dissimilar" in contradiction[0] and "Pearson" in contradiction[0]


def test_the_pretraining_loss_of_cabezas2021_is_the_papers() -> None:
    """Proceedings, p. 108: the sum over encoder blocks of the features' MSE, and the MSE of both images."""
    features = stages("cabezas2021")["features"]
    torch.manual_seed(0)
    network = build(features.network, 2, 0.1).train()
    images = torch.from_numpy(np.random.default_rng(0).standard_normal((2, 2, 32, 32, 32)).astype(np.float32))
    with torch.no_grad():
        first, second = (network.encoder(visit) for visit in images.chunk(2, 1))
        given_back = network(images)[0]
    consistency = sum(float((a - b).square().mean()) for a, b in zip(first, second, strict=True))
    assert len(first) == 6
    reconstruction = sum(float((given_back[:, n] - images[:, n]).square().mean()) for n in range(2))
    found = float(Loss(features.loss)(network(images), images, torch.ones_like(images[:, :1])).detach())
    assert found == pytest.approx(consistency + reconstruction, rel=1e-4)


def test_nichyporuk2021() -> None:
    """Proceedings, pp. 86-87."""
    recipe, of = read_recipe("nichyporuk2021"), stages("nichyporuk2021")
    experts, new = [of[f"rater_{number}"] for number in (1, 2, 3, 4)], of["new"]
    raters = ["d", "c", "b", "a"]
    trained = [members_of(stage, SUBJECTS, 0, raters) for stage in experts]
    assert [{member.rater for member in members} for members in trained] == [{"a"}, {"b"}, {"c"}, {"d"}]
    assert all(len(members) == 4 for members in trained), "k = 4"
    folds = [member.left_out for member in members_of(new, SUBJECTS, 0, raters)]
    assert all([member.left_out for member in members] == folds for members in trained), "so what they say is blind"
    assert new.members.rater is None and {member.rater for member in members_of(new, SUBJECTS, 0, raters)} == {""}
    assert new.inputs[:6] == ("baseline", "followup", "rater_1", "rater_2", "rater_3", "rater_4")
    for stage in of.values():
        assert [entry["name"] for entry in stage.loss] == ["bce"] and 0 < lesion_power(stage) < 1
        assert (stage.network["name"], stage.network["norm"]) == ("film", "instance")
        assert stage.inputs[-3:] == ("edge_x", "edge_y", "edge_z") and stage.prepare.spacing_mm is None
    resample, harmonise = recipe["preprocess"]["resample"], recipe["preprocess"]["harmonise"]
    assert (resample["cubic"], resample["deform"], harmonise["normalise"]) == (False, "syn", "nyul")
    assert (new.predict.combine, len(folds)) == ("mean", 4)


def lesion_power(stage: Stage) -> float:
    return float(stage.sample.options["lesion_weights"]["power"])


def test_patches_of_nichyporuk2021_have_the_voxels_of_their_scans() -> None:
    """One batch of pairs on two grids; nothing is brought to a common one."""
    stage = small("nichyporuk2021", "rater_1")
    cases = [make_case(0, 1), dataclasses.replace(make_case(1, 1), affine=np.diag([0.5, 1.0, 3.0, 1.0]))]
    sources = [read_source(task, stage, {}) for case in cases for task in tasks_of(case, stage)]
    assert [source.target.shape for source in sources] == [cases[0].brain.shape] * 2
    batches = Batches(Patches(sources, stage, (16, 16, 16)), None, stage, 0, 16)
    for batch in (batches.make(number) for number in range(20)):
        assert all(float(one.max() - one.min()) < 1e-5 for patch in batch.inputs for one in patch[2:])
        edges = {tuple(round(float(edge), 3) for edge in one[2:, 0, 0, 0]) for one in batch.inputs}
        assert edges <= {(1.0, 1.0, 1.0), (0.5, 1.0, 3.0)}
        if len(edges) == 2:
            return
    raise AssertionError("no batch mixed them")


def test_the_consensus_network_learns_from_raters_that_have_not_seen_the_subject(tmp_path: Path) -> None:
    of, limits = stages("nichyporuk2021"), LIMITS
    members = {}
    for name in ("rater_1", *ALIKE):
        members[name] = []
        for number, left_out in enumerate((("00",), ("01", "02"))):
            torch.manual_seed(10 * int(name[-1]) + number)
            path = tmp_path / f"{name}_{number}.safetensors"
            save(path, build(of[name].network, of[name].channels, limits.width))
            members[name].append(Member(path, left_out))
    model = NetworkModel("nichyporuk2021", {name: of[name] for name in members}, members, limits)
    case = make_case(0, 1)
    blind = outputs(case, model, list(members), limits, left_out=case.subject)
    for name, (first, second) in members.items():
        alone = dataclasses.replace(model, members={**members, name: [first]})
        other = dataclasses.replace(model, members={**members, name: [second]})
        np.testing.assert_array_equal(blind[name], outputs(case, alone, [name], limits)[name])
        assert not np.array_equal(blind[name], outputs(case, other, [name], limits)[name])
    assert len({blind[name].tobytes() for name in members}) == 4
