from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from detect.networks.made import NETWORK, model, stage
from newlesions.detect.networks.model import NetworkModel, model_files
from newlesions.errors import ConfigError
from newlesions.networks.stages import Limits

LESIONS = stage("lesions", ("flair",), task="segment_lesions")
NEW = stage("new", ("followup", "lesions(followup) - lesions(baseline)"))


@pytest.fixture
def made(tmp_path: Path) -> NetworkModel:
    return model(tmp_path / "work", LESIONS, NEW, members=2, left_out=(("01", "02"), ("03",)))


def test_a_model_is_read_as_it_was_written(made: NetworkModel, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    made.write(folder)
    read = NetworkModel.read(folder)
    assert (read.recipe, read.limits, read.training) == (made.recipe, made.limits, made.training)
    assert read.stages == made.stages
    assert list(read.stages) == ["lesions", "new"]
    assert [member.left_out for member in read.members["new"]] == [("01", "02"), ("03",)]
    assert read.answer == NEW
    for one, other in zip(made.networks("new"), read.networks("new"), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_its_files_are_those_of_the_folder(made: NetworkModel, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    made.write(folder)
    files = model_files(folder)
    assert files[0] == folder / "model.json"
    assert {path.relative_to(folder).as_posix() for path in files[1:]} == {
        f"weights/{name}_{n}.safetensors" for name in ("lesions", "new") for n in (0, 1)
    }
    assert set(files) == {path for path in folder.rglob("*") if path.is_file()}
    before = {path: path.read_bytes() for path in files}
    NetworkModel.read(folder).write(folder)
    assert {path: path.read_bytes() for path in files} == before


def test_networks_are_built_once_and_do_not_learn(made: NetworkModel) -> None:
    first, again = made.networks("new"), made.networks("new")
    assert all(one is other for one, other in zip(first, again, strict=True))
    assert not any(network.training for network in first)
    assert not any(weight.requires_grad for network in first for weight in network.parameters())


def test_a_subject_has_the_networks_that_left_it_out(made: NetworkModel) -> None:
    first, second = made.networks("new")
    assert made.networks("new", "02") == [first]
    assert made.networks("new", "03") == [second]
    assert made.networks("new", "unknown") == [first, second]


def test_the_models_own_width_holds(made: NetworkModel) -> None:
    within = made.within(Limits(width=0.5, patch=0.25, steps=3, device="cpu", threads=5))
    assert (within.width, within.patch, within.device, within.threads) == (1.0, 1.0, "cpu", 5)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"found no model.json; expected"):
        NetworkModel.read(tmp_path)


@pytest.mark.parametrize(
    ("changes", "told"), [({"format": 9}, "found format 9"), ({"kind": "forest"}, "found a model of kind forest")]
)
def test_another_format_is_refused(made: NetworkModel, tmp_path: Path, changes, told) -> None:
    made.write(tmp_path)
    path = tmp_path / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(ConfigError, match=told) as caught:
        NetworkModel.read(tmp_path)
    assert "\n" not in str(caught.value)


def test_missing_weights_are_told(made: NetworkModel, tmp_path: Path) -> None:
    made.write(tmp_path)
    (tmp_path / "weights" / "new_1.safetensors").unlink()
    with pytest.raises(ConfigError, match=r"found no weights/new_1.safetensors; expected all files"):
        NetworkModel.read(tmp_path)


def test_weights_of_another_network_are_refused(made: NetworkModel, tmp_path: Path) -> None:
    made.write(tmp_path)
    path = tmp_path / "model.json"
    held = json.loads(path.read_text())
    held["stages"]["new"]["stage"]["network"] = {**NETWORK, "channels": [8, 8]}
    path.write_text(json.dumps(held))
    with pytest.raises(ConfigError, match="weights of another network"):
        NetworkModel.read(tmp_path).networks("new")


def test_a_stage_without_networks_is_told(made: NetworkModel) -> None:
    with pytest.raises(ConfigError, match="no networks of stage other; trained are: lesions, new"):
        made.networks("other")


def test_a_model_that_tells_no_new_lesions_has_no_answer(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no stage of task segment_new or classify_regions"):
        _ = model(tmp_path, LESIONS).answer


def test_what_is_applied_leaves_no_subject_out_where_there_is_such_a_network(tmp_path: Path) -> None:
    both = model(tmp_path / "some", NEW, members=2, left_out=(("01",), ()))
    assert [member.left_out for member in both.applied().members["new"]] == [()]
    folds = model(tmp_path / "folds", NEW, members=2, left_out=(("01",), ("02",)))
    assert folds.applied().members == folds.members
