from __future__ import annotations

import json
import os
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
import torch

from newlesions.detect.networks.nnunet import apply_stage
from newlesions.errors import ConfigError
from newlesions.learn.networks.nnunet import Example, examples_of, plateau_rate, shrink_plan, train, write_dataset
from newlesions.networks.case import Case
from newlesions.networks.nnunet import CONFIGURATION, environment, once
from newlesions.networks.stages import Limits, Prepare, Stage
from newlesions.networks.weights import read_metadata

STAGE = Stage.of(
    "new",
    {
        "task": "segment_new",
        "inputs": ["baseline", "followup"],
        "network": {"name": "nnunet", "batches": 2},
        "optimise": {"name": "adam", "lr": 0.01, "schedule": {"name": "plateau"}},
    },
)


def made_example(seed: int) -> Example:
    rng = np.random.default_rng(seed)
    channels = rng.normal(100, 10, (2, 34, 38, 32)).astype(np.float32)
    channels[:, :3] = 0
    target = np.zeros(channels.shape[1:], np.uint8)
    target[10:15, 12:17, 8:13] = 1
    channels[1][target > 0] += 80
    return Example(f"pair-{seed}", channels, target, (2.0, 2.0, 2.5))


def test_the_data_set_as_nnunet_reads_it(tmp_path):
    examples = [made_example(seed) for seed in range(2)]
    folder = write_dataset(tmp_path, examples, STAGE.inputs)
    assert folder.name == "Dataset001_newlesions"
    described = json.loads((folder / "dataset.json").read_text())
    assert described == {
        "channel_names": {"0": "baseline", "1": "followup"},
        "labels": {"background": 0, "new": 1},
        "numTraining": 2,
        "file_ending": ".nii.gz",
    }
    assert sorted(path.name for path in folder.glob("*/*")) == [
        "pair-0.nii.gz", "pair-0_0000.nii.gz", "pair-0_0001.nii.gz",
        "pair-1.nii.gz", "pair-1_0000.nii.gz", "pair-1_0001.nii.gz",
    ]  # fmt: skip
    image = nib.load(folder / "imagesTr" / "pair-1_0001.nii.gz")
    np.testing.assert_array_equal(image.get_fdata(), examples[1].channels[1])
    np.testing.assert_allclose(image.header.get_zooms(), (2, 2, 2.5))
    label = nib.load(folder / "labelsTr" / "pair-1.nii.gz")
    np.testing.assert_array_equal(np.asarray(label.dataobj), examples[1].target)


def test_examples_are_the_cases_with_a_reference():
    rng = np.random.default_rng(0)
    images = rng.normal(100, 10, (2, 12, 12, 12)).astype(np.float32)
    brain = np.ones((12, 12, 12), bool)
    brain[:2] = False
    new = np.zeros(brain.shape, np.uint8)
    new[5, 5, 5] = 1
    affine = np.diag([2.0, 2, 2, 1])
    known = Case("a", "s", *images, brain, new, affine, np.eye(4), (1.0, 1.0), {"new": new})
    plain = replace(STAGE, prepare=Prepare(normalise="none"))
    (example,) = examples_of(plain, [known, replace(known, masks={})])
    assert example.name == "a"
    assert example.spacing == [2, 2, 2]
    np.testing.assert_array_equal(example.channels, images * brain)
    np.testing.assert_array_equal(example.target, new)


def test_a_smaller_plan_stays_divisible(tmp_path):
    path = tmp_path / "plans.json"
    kwargs = {"features_per_stage": [32, 64, 320], "strides": [[1, 1, 1], [2, 2, 2], [1, 2, 2]]}
    configuration = {"patch_size": [30, 64, 100], "architecture": {"arch_kwargs": kwargs}}
    path.write_text(json.dumps({"configurations": {CONFIGURATION: configuration}}))
    shrink_plan(path, Limits(width=0.1, patch=0.3))
    made = json.loads(path.read_text())["configurations"][CONFIGURATION]
    assert made["patch_size"] == [8, 20, 32]
    assert made["architecture"]["arch_kwargs"]["features_per_stage"] == [4, 6, 32]
    shrink_plan(path, Limits())
    assert json.loads(path.read_text())["configurations"][CONFIGURATION] == made


def test_the_environment_is_put_back(tmp_path, monkeypatch):
    raw, results, workers = "nnUNet_raw", "nnUNet_results", "nnUNet_n_proc_DA"
    monkeypatch.setenv(raw, "/mine")
    monkeypatch.delenv(results, raising=False)
    with environment(tmp_path, 3):
        assert os.environ[raw] == str(tmp_path / "raw")
        assert os.environ[workers] == "3"
    assert os.environ[raw] == "/mine"
    assert results not in os.environ


def test_shared_layers_are_held_once():
    inner = torch.nn.Linear(2, 3)
    network = torch.nn.ModuleDict({"first": inner, "again": torch.nn.Sequential(inner)})
    held = once(network)
    assert list(held.state_dict()) == ["first/weight", "first/bias"]
    held.load_state_dict({name: torch.ones_like(value) for name, value in held.state_dict().items()})
    assert (network["again"][0].weight == 1).all()


def test_without_nnunet_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install newlesions\[nnunet\]"):
        train(STAGE, [], [], Limits(), tmp_path / "0", 0)
    with pytest.raises(ConfigError, match=r"pip install newlesions\[nnunet\]"):
        apply_stage(STAGE, [], np.zeros((2, 4, 4, 4), np.float32), (1, 1, 1), Limits())


@pytest.mark.slow
def test_a_member_is_trained_and_applied(tmp_path):
    pytest.importorskip("nnunetv2")
    examples = [made_example(seed) for seed in range(3)]
    limits = Limits(width=0.1, patch=0.5, steps=4, device="cpu", threads=1)
    facts = train(STAGE, examples[:2], examples[2:], limits, tmp_path / "0", 5)
    assert facts["epochs"] == 2
    assert facts["steps"] == 4
    one = apply_stage(STAGE, [tmp_path / "0" / "weights.safetensors"], examples[2].channels, (2, 2, 2.5), limits)
    assert one.shape == (34, 38, 32)
    assert one.dtype == np.float32
    assert 0 <= one.min() < one.max() <= 1
    with pytest.raises(ConfigError, match="expected"):
        apply_stage(replace(STAGE), [tmp_path / "none.safetensors"], examples[2].channels, (2, 2, 2.5), limits)


def test_the_rate_falls_after_thirty_epochs_without_gain():
    falling = [(1 - 0.01 * n, 1.0) for n in range(50)]
    assert plateau_rate(0.01, falling) == 0.01
    still = falling + [(0.508, 1.0)] * 29
    assert plateau_rate(0.01, still) == 0.01
    assert plateau_rate(0.01, [*still, (0.508, 1.0)]) == pytest.approx(0.002)
    assert plateau_rate(0.01, still + [(0.508, 1.0)] * 31) == pytest.approx(0.0004)


MASSON = {
    "network": {"name": "nnunet", "batches": 2, "spacing_mm": [2.5, 2.0, 2.0], "patch": [16, 32, 48], "dropout": 0.2},
    "augment": [
        {"name": "scale", "p": 1.0, "scale": [0.85, 1.25]},
        {"name": "rotate", "p": 1.0, "degrees": 15},
        {"name": "flip", "axes": [0]},
        {"name": "enhance_lesions", "p": 1.0, "range": [2.0, 2.0]},
    ],
    "optimise": {"name": "sgd", "lr": 0.01, "momentum": 0.99, "schedule": {"name": "poly"}},
}


def test_the_recipe_s_alterations_are_nnunet_s_transforms():
    pytest.importorskip("nnunetv2")
    from newlesions.learn.networks.nnunet_augment import EnhanceLesions, RemoveLabelTansform, mirrored_axes, transforms

    assert mirrored_axes(MASSON["augment"], [2, 0, 1]) == (0,), (
        "left-right is the last axis of SimpleITK, the plan's first"
    )
    assert mirrored_axes(MASSON["augment"], [0, 1, 2]) == (2,)
    made = transforms(MASSON["augment"], (8, 8, 8), (0,), [[1, 1, 1], [0.5, 0.5, 0.5]], [True, True])
    names = [type(one).__name__ for one in made.transforms]
    assert names == [
        "SpatialTransform", "MirrorTransform", "MaskImageTransform", RemoveLabelTansform.__name__, "EnhanceLesions",
        "DownsampleSegForDSTransform",
    ], "newer versions spell one of the names in another way"  # fmt: skip
    spatial = made.transforms[0]
    assert spatial.rotation == pytest.approx((-np.pi / 12, np.pi / 12)) and spatial.scaling == (0.85, 1.25)
    torch.manual_seed(0)
    image, target = torch.rand(2, 4, 4, 4), torch.zeros(1, 4, 4, 4, dtype=torch.int16)
    target[0, 1:3] = 1
    before = image.clone()
    found = EnhanceLesions(1.0, [2.0, 2.0])(image=image, segmentation=target)["image"]
    torch.testing.assert_close(found[0], before[0])
    torch.testing.assert_close((found[1] - before[0])[1:3], 2 * (before[1] - before[0])[1:3])
    torch.testing.assert_close(found[1, [0, 3]], before[1, [0, 3]])


@pytest.mark.slow
def test_a_recipe_s_patch_spacing_and_dropout_are_planned(tmp_path):
    """masson2021, p. 6, on voxels of 2 mm."""
    pytest.importorskip("nnunetv2")
    stage = Stage.of("new", {"task": "segment_new", "inputs": ["baseline", "followup"], **MASSON})
    limits = Limits(width=0.1, steps=4, device="cpu", threads=1)
    out = tmp_path / "0"
    facts = train(stage, [made_example(seed) for seed in range(2)], [], limits, out, 5)
    assert (facts["patch"], facts["epochs"]) == ([16, 32, 48], 2)
    plan = json.loads(read_metadata(out / "weights.safetensors")["plans"])
    configuration = plan["configurations"][CONFIGURATION]
    assert plan["transpose_forward"] == [2, 0, 1] and configuration["spacing"] == [2.5, 2.0, 2.0]
    kwargs = configuration["architecture"]["arch_kwargs"]
    assert kwargs["dropout_op_kwargs"] == {"p": 0.2} and kwargs["dropout_op"].endswith("Dropout3d")
    assert np.prod(kwargs["strides"], axis=0).tolist() == [4, 8, 8]
    assert json.loads(read_metadata(out / "weights.safetensors")["mirroring"]) == [0]
    one = apply_stage(stage, [out / "weights.safetensors"], made_example(2).channels, (2, 2, 2.5), limits)
    assert one.shape == (34, 38, 32) and 0 <= one.min() < one.max() <= 1


@pytest.mark.slow
def test_a_patch_that_the_network_cannot_halve_is_refused(tmp_path):
    pytest.importorskip("nnunetv2")
    odd = {**MASSON, "network": {**MASSON["network"], "patch": [16, 33, 48]}}
    stage = Stage.of("new", {"task": "segment_new", "inputs": ["baseline", "followup"], **odd})
    with pytest.raises(ConfigError, match=r"patch is \[16, 33, 48\]; nnU-Net's steps expect 16 x 40 x 48"):
        train(stage, [made_example(0)], [], Limits(device="cpu", threads=1), tmp_path / "0", 0)
