"""The systems of one network over volumes: what their papers state, and that they learn and go on exactly."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from learn.networks.small import assert_a_step_lowers_the_loss, assert_goes_on_exactly, make_case
from newlesions.images.grid import spacing_near
from newlesions.learn.networks.batch import Batch
from newlesions.learn.networks.fit import fit
from newlesions.learn.networks.loop import Training
from newlesions.learn.networks.losses import Loss
from newlesions.learn.networks.optimise import make_schedule
from newlesions.learn.networks.sample import Batches, Patches, patch_sides
from newlesions.learn.networks.sources import read_source, tasks_of
from newlesions.networks.antialias import BlurDown, BlurUp
from newlesions.networks.build import build, patch_multiple
from newlesions.networks.case import Case, write_case
from newlesions.networks.stages import Limits, Stage
from newlesions.recipes.check import check
from newlesions.recipes.members import members_of
from newlesions.recipes.stages import stages_of
from newlesions.settings import read_recipe

NAMES = ["kamraoui2021-iqda", "siddiquee2021", "efird2021", "schmidtmengin2021", "fenneteau2021", "dalbis2021-b"]
LIMITS = Limits(width=0.1, patch=0.25, device="cpu", threads=1)
SUBJECTS = [f"{number:02d}" for number in range(40)]


def stages(name: str) -> dict[str, Stage]:
    return {stage.name: stage for stage in stages_of(read_recipe(name))}


def parameters(name: str, stage: str = "new") -> int | None:
    return {one.stage.name: one.parameters for one in check(read_recipe(name))}[stage]


TRAINED = [(name, stage.name) for name in NAMES for stage in stages(name).values() if stage.is_trained]


def small(name: str, stage_name: str, **optimise: Any) -> Stage:
    """The stage with few patches in a batch."""
    stage = stages(name)[stage_name]
    mines = stage.optimise.mine is not None
    return dataclasses.replace(
        stage,
        sample=dataclasses.replace(stage.sample, batch=min(stage.sample.batch, 6 if stage.sample.views else 4)),
        optimise=dataclasses.replace(
            stage.optimise, **({"mine": {"keep": 2, "decay": 0.9}} if mines else {}), **optimise
        ),
    )


def rated(number: int, lesions: int) -> Case:
    """A small pair with the masks of four raters, of whom two differ from the reference."""
    case = make_case(number, lesions)
    masks = {f"rater_{n}": case.masks["new"].copy() for n in range(4)}
    masks["rater_0"][...] = 0
    masks["rater_1"][:-1] |= case.masks["new"][1:]
    return dataclasses.replace(case, masks=case.masks | masks)


def batch_of(stage: Stage) -> Batch:
    cases = [rated(number, lesions) for number, lesions in enumerate((2, 1, 0))]
    sources = [read_source(task, stage, {}) for case in cases for task in tasks_of(case, stage)]
    multiple = patch_multiple(stage.network)
    patches = Patches(sources, stage, patch_sides(stage, LIMITS.patch, multiple))
    return Batches(patches, None, stage, 0, multiple).make(0)


@pytest.mark.parametrize(("name", "stage_name"), TRAINED)
def test_a_step_lowers_the_loss_of_a_batch(name: str, stage_name: str) -> None:
    stage = small(name, stage_name)
    batch = batch_of(stage)
    torch.manual_seed(1)
    network = build(stage.network, len(stage.inputs), LIMITS.width)
    assert_a_step_lowers_the_loss(Training(network, Loss(stage.loss), stage.optimise, 10, 0), batch)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "stage_name"), TRAINED)
def test_a_killed_training_goes_on_exactly(name: str, stage_name: str, tmp_path: Path) -> None:
    stage = small(name, stage_name, steps=4, validate_every=2)
    paths = [tmp_path / f"{number}.npz" for number in range(3)]
    for number, path in enumerate(paths):
        write_case(path, rated(number, 1 + number % 2))

    def train(out: Path, progress: Callable[[str], None]) -> None:
        fit(paths[:2], stage, LIMITS, out, validation=paths[2:], seed=5, progress=progress)

    assert_goes_on_exactly(train, tmp_path)


@pytest.mark.parametrize("name", [*NAMES, "masson2021"])
def test_what_is_stated_has_a_page_within_the_paper_and_what_was_chosen_a_reason(name: str) -> None:
    recipe = read_recipe(name)
    first, last = map(int, str(recipe["paper"]["pages"]).split("-"))
    pages = [int(page) for row in recipe["stated"] for page in str(row["page"]).replace(",", "-").split("-")]
    assert len(recipe["stated"]) >= 7 and all(first <= page <= last for page in pages)
    assert len(recipe["chosen"]) >= 7


def test_kamraoui2021_iqda() -> None:
    """Proceedings, pp. 38-39."""
    new = stages("kamraoui2021-iqda")["new"]
    (quality,) = new.augment
    assert quality["name"] == "one_of" and quality.get("p", 1.0) == 1.0, "at each iteration one of the three"
    blur, sharpen, slices = quality["of"]
    assert [one["name"] for one in quality["of"]] == ["blur", "sharpen", "slices"]
    assert blur["sigma"] == sharpen["sigma"] == [0.5, 1.75]
    assert (slices["size"], slices["axes"]) == ([2, 4], [2])
    shape = {
        key: new.network[key] for key in ("norm", "groups", "order", "activation", "down", "dropout", "dropout_at")
    }
    assert shape == {
        "norm": "group",
        "groups": 8,
        "order": "norm-conv-act",
        "activation": "relu",
        "down": "maxpool",
        "dropout": 0.5,
        "dropout_at": "down",
    }
    assert [entry["name"] for entry in new.loss] == ["dice"]
    assert (new.optimise.name, new.optimise.lr, new.optimise.betas[0]) == ("adam", 1e-4, 0.9)
    assert read_recipe("kamraoui2021-iqda")["preprocess"]["harmonise"]["denoise"] is True


def test_siddiquee2021() -> None:
    """Proceedings, pp. 81-83."""
    of = stages("siddiquee2021")
    shallow, deep, new = of["shallow"], of["deep"], of["new"]
    assert sum(len(members_of(stage, SUBJECTS, 0)) for stage in of.values()) == 10, "models"
    assert (shallow.sample.patch, deep.sample.patch) == ((16, 16, 16), (128, 128, 128))
    assert (shallow.sample.batch, deep.sample.batch) == (4 * 512, 4 * 1)
    assert parameters("siddiquee2021", "new") == 0 and new.inputs == ("shallow", "deep")
    for stage, blocks, filters in ((shallow, (4, 4), 64), (deep, (1, 2, 2, 4), 32)):
        with torch.device("meta"):
            network = build(stage.network, 2)
        levels = [[part for part in layer if type(part).__name__ == "ResBlock"] for layer in network.down_layers]
        assert tuple(map(len, levels)) == blocks
        assert [level[0].conv1.out_channels for level in levels] == [filters * 2**n for n in range(len(blocks))]
        assert [layer[0].conv.stride for layer in list(network.down_layers)[1:]] == [(2, 2, 2)] * (len(blocks) - 1)
        assert [len(layer) for layer in network.up_layers] == [1] * (len(blocks) - 1)
        kinds = {type(part) for part in network.modules()}
        assert {torch.nn.BatchNorm3d, torch.nn.ReLU, torch.nn.ConvTranspose3d} <= kinds
        assert not {torch.nn.GroupNorm, torch.nn.MaxPool3d} & kinds
        assert stage.prepare.normalise == "zscore_nonzero"
        assert [entry["name"] for entry in stage.augment] == ["flip", "contrast", "brightness"]
        assert [entry["name"] for entry in stage.loss] == ["dice"]
        how = stage.optimise
        assert (how.name, how.lr, how.weight_decay) == ("adamw", 2e-4, 1e-5)
        assert how.schedule == {"name": "cosine"} and how.steps == 200 * 8


def test_efird2021() -> None:
    """Proceedings, pp. 53-55."""
    new = stages("efird2021")["new"]
    assert read_recipe("efird2021")["preprocess"]["resample"]["near_mm"] == 1.0
    assert spacing_near([np.array([0.45, 0.45, 0.45])], 1.0, 0.11) == 0.9, "the paper's own example"
    assert (new.prepare.percentiles, new.prepare.normalise) == ((0.05, 99.5), "symmetric")
    assert new.sample.patch == (96, 96, 96) and new.sample.options["centre_weights"] == [0, 1, 100]
    channels = new.network["channels"]
    assert len(channels) == 6 and all(b - a == 40 for a, b in zip(channels[::2], channels[2::2], strict=False))
    with torch.device("meta"):
        network = build(new.network, 2)
    assert sum(isinstance(part, BlurDown) for part in network.modules()) == 5
    assert sum(isinstance(part, BlurUp) for part in network.modules()) == 5
    strides = {part.stride for part in network.modules() if isinstance(part, torch.nn.Conv3d)}
    assert strides == {(1, 1, 1)}, "nothing skips a voxel without a blur"
    chances = {entry["name"]: entry.get("p", 1.0) for entry in new.augment}
    assert chances == {"orientations": 1, "one_of": 0.75, "bias_field": 0.5, "gamma": 0.8, "blur": 0.2, "noise": 0.35}
    spatial = new.augment[1]
    assert [(one["name"], share) for one, share in zip(spatial["of"], spatial["shares"], strict=True)] == [
        ("elastic", 0.2),
        ("affine", 0.8),
    ]
    how = new.optimise
    assert (how.name, how.lr, new.sample.batch) == ("sgd", 1e-3, 4)
    assert how.patience is not None and how.patience * how.validate_every == 2000
    members = members_of(new, SUBJECTS, 0)
    assert [40 - len(member.left_out) for member in members] == [32] * 5
    windows = round(1 / (1 - new.predict.overlap)) ** 3
    assert len(members) * (1 + len(new.predict.flips)) * windows == 320, "passes"
    assert {tuple(np.atleast_1d(axes)) for axes in new.predict.flips} == {
        (0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2),
    }  # fmt: skip


def test_schmidtmengin2021() -> None:
    """Proceedings, pp. 89-92."""
    new = stages("schmidtmengin2021")["new"]
    spacing = read_recipe("schmidtmengin2021")["preprocess"]["resample"]
    assert (spacing["finest_mm"], spacing["coarsest_mm"]) == (0.5, 0.5)
    assert (new.prepare.mask, new.prepare.normalise) == (False, "zscore")
    with torch.device("meta"):
        network = build(new.network, 2)
    convolutions = [part for part in network.modules() if isinstance(part, torch.nn.Conv3d)]
    # B(16) down B(32) down B(64), up B(32), up B(16), Conv(1): two convolutions of side 3 in each B, and skips.
    shapes = [
        (2, 16),
        (16, 16),
        (16, 32),
        (32, 32),
        (32, 64),
        (64, 64),
        (96, 32),
        (32, 32),
        (48, 16),
        (16, 16),
        (16, 1),
    ]
    assert [(part.in_channels, part.out_channels) for part in convolutions] == shapes
    assert [part.kernel_size for part in convolutions] == [(3, 3, 3)] * 10 + [(1, 1, 1)]
    norms = 2 * 2 * (16 + 32 + 64 + 32 + 16)
    expected = sum(27 * a * b + b for a, b in shapes[:-1]) + norms + 17
    assert parameters("schmidtmengin2021") == expected
    assert sum(isinstance(part, torch.nn.MaxPool3d) for part in network.modules()) == 2
    assert (new.sample.patch, new.sample.batch, new.sample.positive) == ((32, 32, 32), 128, 0.3)
    assert new.sample.options["centre_weights"] == [1, 1, 1], "uniformly sampled"
    assert new.optimise.mine is not None and new.optimise.mine["keep"] == 32
    how = new.optimise
    assert (how.name, how.lr, how.steps) == ("adam", 1e-3, 30_000)
    rate = make_schedule(how.schedule, how.steps)
    rates = [1e-3 * rate(step, []) for step in (0, 14_999, 15_000, 23_999, 24_000, 29_999)]
    assert rates == pytest.approx([1e-3, 1e-3, 1e-4, 1e-4, 1e-5, 1e-5])
    assert [40 - len(member.left_out) for member in members_of(new, SUBJECTS, 0)] == [30] * 4
    assert 32 - 32 * new.predict.overlap == 24, "stride"
    assert new.predict.weighting == "constant" and new.augment == ()


def test_fenneteau2021() -> None:
    """Proceedings, pp. 14-15."""
    recipe, new = read_recipe("fenneteau2021"), stages("fenneteau2021")["new"]
    spacing = recipe["preprocess"]["resample"]
    assert (spacing["finest_mm"], spacing["coarsest_mm"]) == (0.8, 0.8)
    assert recipe["preprocess"]["harmonise"]["normalise"] == "nyul"
    channels = new.network["channels"]
    plain = {"name": "unet3d", "channels": channels, "convs": 3, "norm": "none", "down": "maxpool", "up": "interpolate"}
    with torch.device("meta"):
        original, network = build(plain, 1), build(new.network, 2)
    assert sum(one.numel() for one in original.parameters()) == pytest.approx(30_000, rel=0.03), "the MPU-net"
    segment, refine = network.segment, network.refine
    decoders = len(channels) - 1
    assert len(segment.nodes) == sum(range(1, len(channels) + 1)) and len(segment.heads) == decoders
    kinds = [type(part).__name__ for part in segment.modules()]
    assert kinds.count("Conv3d") == 2 * len(segment.nodes) + decoders, "two in each block, and a head each"
    assert kinds.count("BatchNorm3d") == 2 * len(segment.nodes), "after each convolution"
    assert sum(type(node[-1]) is torch.nn.Dropout and node[-1].p > 0 for node in segment.nodes.values()) == 10
    assert "ConvTranspose3d" not in kinds and kinds.count("MaxPool3d") == 3
    assert type(refine[0]) is torch.nn.Dropout and len(refine) == 1 + 4
    assert [type(one.conv) for one in refine[1:]] == [torch.nn.Conv3d] * 4
    assert [type(one.adn.N) for one in refine[1:]] == [torch.nn.BatchNorm3d] * 4
    assert refine[1].conv.in_channels == 2 * decoders, "the maps of all decoders on each image"
    assert refine[-1].conv.out_channels == 5, "the consensus and four raters"
    assert 1 + new.raters == 5 and new.predict.options["output"] == 0
    assert (new.sample.patch, new.sample.batch, new.sample.positive) == ((56, 56, 56), 40, 0.8)
    assert new.sample.options["per_case"] is True and new.augment == ()
    how = new.optimise
    assert (how.name, how.lr, how.steps) == ("adam", 0.004, 40 * 872 * 32 // 40)
    rate = make_schedule(how.schedule, how.steps)
    epoch = how.steps / 40
    assert [rate(int(n * epoch + epoch / 2), []) for n in range(40)] == pytest.approx([0.9**n for n in range(40)])
    assert new.predict.overlap * 56 == 28 and new.predict.weighting == "constant"
    assert [entry["name"] for entry in new.loss] == ["dice"]


def test_dalbis2021_b() -> None:
    """Proceedings, p. 57: "Besides this difference, the two pipelines are identical"."""
    a, b = read_recipe("dalbis2021-a"), read_recipe("dalbis2021-b")
    assert (a.get("extra_pairs"), b["extra_pairs"]) == (None, True)
    assert all(a.get(part) == b.get(part) for part in ("preprocess", "stages", "predict"))
    extra = next(row["says"] for row in b["stated"] if row["setting"] == "extra_pairs")
    assert "46 patients" in extra


def test_masson2021() -> None:
    """Proceedings, pp. 6-7."""
    recipe, new = read_recipe("masson2021"), stages("masson2021")["new"]
    assert recipe["preprocess"]["harmonise"] == {
        "differential_bias_mm": 0.0,
        "denoise": False,
        "normalise": "nyul",
        "joint": True,
        "joint_first": True,
    }
    assert new.network == {
        "name": "nnunet",
        "epochs": 1000,
        "batches": 250,
        "spacing_mm": [1.0, 0.5, 0.5],
        "patch": [64, 160, 192],
        "dropout": 0.2,
    }
    assert [entry["name"] for entry in new.augment] == ["scale", "rotate", "flip", "enhance_lesions"], (
        "four alterations"
    )
    scale, rotate, flip, _ = new.augment
    assert (scale["scale"], rotate["degrees"], flip["axes"]) == ([0.85, 1.25], 15, [0])
    assert {entry["name"] for entry in new.loss} == {"ce", "dice"}
    assert (new.optimise.name, new.optimise.steps) == ("sgd", 1000 * 250)
    assert len(members_of(new, SUBJECTS, 0)) == 1
    assert (new.predict.threshold, new.predict.min_volume_mm3) == (0.2, 4.0)


def test_both_visits_go_through_the_same_segmentation_block() -> None:
    network = build(stages("fenneteau2021")["new"].network, 2).eval()
    seen: list[torch.Tensor] = []
    network.segment.register_forward_hook(lambda module, given, made: seen.append(made))
    x = torch.randn(1, 2, 16, 24, 13)
    assert network(x).shape == (1, 5, 16, 24, 13)
    network(x.flip(1))
    torch.testing.assert_close(seen[0], seen[3])
    torch.testing.assert_close(seen[1], seen[2])
    assert seen[0].shape == (1, 3, 16, 24, 13) and bool(((seen[0] > 0) & (seen[0] < 1)).all())


def test_each_output_learns_its_own_rater() -> None:
    batch = batch_of(small("fenneteau2021", "new"))
    assert batch.target.shape[1] == 5
    held = batch.target.flatten(2).sum((0, 2))
    consensus, none, wider = held[0], held[1], held[2]
    assert consensus > 0 and none == 0 and wider > consensus and held[3] == held[4] == consensus


def test_the_loss_of_efird2021_is_the_papers() -> None:
    """Proceedings, p. 54, written out over both classes of a batch."""
    entries = stages("efird2021")["new"].loss
    rng = np.random.default_rng(0)
    logits, truth = rng.normal(size=(3, 1, 4, 5, 6)), rng.random((3, 1, 4, 5, 6)) < 0.3
    p = np.stack([1 / (1 + np.exp(logits)), 1 / (1 + np.exp(-logits))])
    g = np.stack([~truth, truth]).astype(float)
    axes = tuple(range(1, g.ndim))
    logistic = -(g * np.log(p)).mean(axes)
    dice = 1 - 2 * (p * g).sum(axes) / ((p**2).sum(axes) + (g**2).sum(axes))
    target = torch.from_numpy(g[1])
    found = Loss(entries)(torch.from_numpy(logits), target, torch.ones_like(target))
    assert float(found) == pytest.approx((logistic + dice).mean(), rel=1e-4)
