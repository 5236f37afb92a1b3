from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from learn.networks.small import make_stage
from newlesions.detect.networks.model import Member, NetworkModel
from newlesions.errors import ConfigError
from newlesions.images.files import read_json
from newlesions.learn.networks.fit import fit
from newlesions.networks.build import build
from newlesions.networks.case import read_case, write_case
from newlesions.networks.stages import Limits
from newlesions.networks.weights import load, save

LIMITS = Limits(device="cpu", threads=1)


def quiet(line: str) -> None:
    pass


def files(out):
    return {path.name: path.read_bytes() for path in out.iterdir() if path.name != "facts.json"}


def trained(stage, out, *, left_out=("00",)) -> NetworkModel:
    return NetworkModel("r", {stage.name: stage}, {stage.name: [Member(out / "weights.safetensors", left_out)]}, LIMITS)


def named(name, **entries):
    return dataclasses.replace(make_stage(**entries), name=name)


LESIONS = {"task": "segment_lesions", "inputs": ["flair"]}


def test_a_member_is_trained_from_files_to_files(tmp_path, case_files):
    stage = make_stage(optimise={"name": "adamw", "lr": 0.01, "steps": 8, "validate_every": 4, "ema": 0.9})
    lines = []
    paths = case_files(2, 0, 1)
    facts = fit(paths[:2], stage, LIMITS, tmp_path / "0", validation=paths[2:], seed=1, progress=lines.append)
    assert sorted(files(tmp_path / "0")) == ["curve.svg", "log.tsv", "weights.safetensors"]
    assert not (tmp_path / "0.checkpoint").exists()
    network = build(stage.network, 2)
    assert load(tmp_path / "0" / "weights.safetensors", network)["stage"] == "new"
    assert read_json(tmp_path / "0" / "facts.json") == facts
    assert np.isfinite(facts["loss"])
    assert (facts["steps"], facts["cases"], facts["subjects"], facts["looks"]) == (8, 2, 2, 2)
    assert 0 < facts["share_of_conv_peak"] < 1.5
    assert facts["patches_per_second"] > 0
    log = (tmp_path / "0" / "log.tsv").read_text().splitlines()
    assert log[0].split("\t") == ["step", "loss", "lr", "validation"]
    assert [row.split("\t")[0] for row in log[1:]] == ["4", "8"]
    assert lines[-1].startswith("new: step 8/8, loss ")
    assert lines[-1].endswith("0:00:00 left")


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(tmp_path, case_files):
    stage, paths = make_stage(augment=[{"name": "affine"}, {"name": "noise"}]), case_files(2, 1)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        fit(paths, stage, LIMITS, tmp_path / name, seed=seed, progress=quiet)
    assert files(tmp_path / "a") == files(tmp_path / "b")
    assert files(tmp_path / "a") != files(tmp_path / "c")


def test_a_killed_training_goes_on_as_if_nothing_had_happened(tmp_path, case_files):
    paths = case_files(2, 1, 1)
    stage = make_stage(
        augment=[{"name": "flip"}, {"name": "noise"}],
        optimise={"name": "adam", "lr": 0.01, "steps": 9, "validate_every": 3, "ema": 0.9, "select": "best"},
    )
    given = {"validation": paths[2:], "seed": 4}
    fit(paths[:2], stage, LIMITS, tmp_path / "whole", progress=quiet, **given)

    def kill(line: str) -> None:
        raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            fit(paths[:2], stage, LIMITS, tmp_path / "killed", progress=kill, **given)
        assert (tmp_path / "killed.checkpoint").is_dir()
    fit(paths[:2], stage, LIMITS, tmp_path / "killed", progress=quiet, **given)
    assert files(tmp_path / "killed") == files(tmp_path / "whole")


def test_limits_make_a_training_small(tmp_path, case_files):
    stage = make_stage(sample={"patch": [24, 24, 24], "batch": 1}, network={"name": "unet3d", "channels": [16, 32]})
    small = Limits(width=0.25, patch=0.5, steps=2, device="cpu", threads=1)
    facts = fit(case_files(1, 1), stage, small, tmp_path / "0", progress=quiet)
    assert facts["steps"] == 2
    assert facts["patch"] == [12, 12, 12]
    load(tmp_path / "0" / "weights.safetensors", build(stage.network, 2, 0.25))


def test_slices_of_all_views_train_a_flat_network(tmp_path, case_files):
    stage = make_stage(
        network={"name": "unet2d", "channels": [4, 8]}, sample={"patch": [16, 16], "batch": 4, "views": [0, 1, 2]}
    )
    facts = fit(
        case_files(1, 1, 1)[:2], stage, LIMITS, tmp_path / "0", validation=case_files(1, first=7), progress=quiet
    )
    assert facts["patch"] == [16, 16]
    assert facts["validation"] is not None


def test_stages_of_visits_feed_stages_of_pairs(tmp_path, case_files):
    paths = case_files(2, 1, gone=True)
    first = named("lesions", **LESIONS)
    facts = fit(paths[1:], first, LIMITS, tmp_path / "lesions", validation=paths[:1], progress=quiet)
    assert facts["cases"] == 2  # both visits of one pair
    earlier = trained(first, tmp_path / "lesions")
    second = make_stage(inputs=["lesions(followup) - lesions(baseline)", "followup"])
    fit(paths[1:], second, LIMITS, tmp_path / "new", validation=paths[:1], earlier=earlier, progress=quiet)
    load(tmp_path / "new" / "weights.safetensors", build(second.network, 2))


def test_regions_of_any_size_train(tmp_path, case_files):
    stage = make_stage(
        task="classify_regions",
        inputs=["levels_baseline", "levels_followup", "depth"],
        network={"name": "flat", "channels": [4, 4, 4, 4, 4, 4], "maps": 1, "image": 1},
        augment=[{"name": "noise", "p": 0.3}],
        predict={"options": {"regions": {"erosion_mm": 0.0, "min_volume_mm3": 2.0, "opening_mm": 0.0}}},
    )
    paths = case_files(2, 1, 2)
    facts = fit(paths[:2], stage, LIMITS, tmp_path / "0", validation=paths[2:], progress=quiet)
    assert facts["steps"] == 6
    assert facts["validation"] is not None


def test_an_inpainter_and_a_generator_help_to_make_pairs(tmp_path, case_files):
    paths = case_files(2, 1)
    loss = [{"name": "mse"}]
    blur = [{"name": "blur", "p": 0.5}]
    painter = named("painter", task="inpaint", inputs=["flair"], loss=loss, augment=blur)
    adder = named("adder", task="generate", inputs=["flair", "lesions"], loss=loss)
    for stage in (painter, adder):
        facts = fit(paths, stage, LIMITS, tmp_path / stage.name, progress=quiet)
        assert facts["validation"] is None
    earlier = NetworkModel(
        "r",
        {stage.name: stage for stage in (painter, adder)},
        {name: [Member(tmp_path / name / "weights.safetensors")] for name in ("painter", "adder")},
        LIMITS,
    )
    pairs = make_stage(
        sample={"patch": [12, 12, 12], "batch": 4, "synthetic": 0.75, "weights": [1.0, 0.3333]},
        uses=["painter", "adder"],
        augment=blur,
    )
    fit(paths, pairs, LIMITS, tmp_path / "new", earlier=earlier, progress=quiet)
    load(tmp_path / "new" / "weights.safetensors", build(pairs.network, 2))
    with pytest.raises(ConfigError, match="task inpaint in `uses`"):
        fit(paths, pairs, LIMITS, tmp_path / "none", progress=quiet)


def test_a_stage_starts_with_anothers_encoder_and_leaves_it(tmp_path, case_files):
    paths = case_files(2, 1)
    first = named("lesions", **LESIONS)
    fit(paths, first, LIMITS, tmp_path / "lesions", progress=quiet)
    network = {"name": "siamese", "channels": [4, 8]}
    begun = make_stage(network=network, start={"stage": "lesions", "part": "encoder", "frozen": True})
    fit(paths, begun, LIMITS, tmp_path / "new", earlier=trained(first, tmp_path / "lesions"), progress=quiet)
    source, target = build(first.network, 1), build(network, 2)
    load(tmp_path / "lesions" / "weights.safetensors", source)
    load(tmp_path / "new" / "weights.safetensors", target)
    for name, weight in source.state_dict().items():
        if name.startswith("encoder."):
            assert torch.equal(weight, target.state_dict()[name])
    with pytest.raises(ConfigError, match="expected it to be trained before"):
        fit(paths, begun, LIMITS, tmp_path / "none", progress=quiet)


def test_of_several_networks_that_is_the_start_which_left_out_the_same_subjects(tmp_path, case_files):
    paths = case_files(2, 1, 1)
    stage = make_stage(optimise={"steps": 1, "lr": 0.0, "name": "sgd", "momentum": 0.0})
    members = []
    for number in range(3):
        torch.manual_seed(number)
        path = tmp_path / f"{number}.safetensors"
        save(path, build(stage.network, 2))
        members.append(Member(path, (f"{number:02d}",)))
    earlier = NetworkModel("r", {"first": named("first")}, {"first": members}, LIMITS)
    again = make_stage(optimise={"steps": 1, "lr": 0.0, "name": "sgd", "momentum": 0.0}, start={"stage": "first"})
    fit(paths[:2], again, LIMITS, tmp_path / "0", validation=paths[2:], earlier=earlier, seed=7, progress=quiet)
    found, expected = build(stage.network, 2), build(stage.network, 2)
    load(tmp_path / "0" / "weights.safetensors", found)
    load(tmp_path / "2.safetensors", expected)
    assert all(torch.equal(*pair) for pair in zip(found.parameters(), expected.parameters(), strict=True))


def test_cases_without_masks_are_refused(tmp_path, case_files):
    (path,) = case_files(1)
    case = read_case(path)
    case.masks.clear()
    write_case(path, case)
    for stage, text in (
        (make_stage(), "pairs with a reference"),
        (named("lesions", **LESIONS), "columns baseline_lesions"),
    ):
        with pytest.raises(ConfigError, match=text):
            fit([path], stage, LIMITS, tmp_path / "0", progress=quiet)


def test_tensorboard_gets_the_log(tmp_path, case_files):
    pytest.importorskip("tensorboardX")
    fit(case_files(1), make_stage(), LIMITS, tmp_path / "0", progress=quiet, tensorboard=tmp_path / "logs")
    assert len(list((tmp_path / "logs").iterdir())) == 1
