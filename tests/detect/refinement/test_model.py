from __future__ import annotations

import numpy as np
import pytest

from detect.made_pairs import made_pair
from learn.boosting.trained import model
from newlesions.detect.refinement.apply import refine
from newlesions.detect.refinement.model import Model, model_files
from newlesions.errors import ConfigError
from newlesions.images.files import read_json, write_json


def test_a_model_read_again_gives_the_same_result(tmp_path):
    model().write(tmp_path)
    read = Model.read(tmp_path)
    pair, _ = made_pair(41)
    one, other = refine(pair, model()), refine(pair, read)
    np.testing.assert_array_equal(one.change, other.change)
    np.testing.assert_allclose(one.signed, other.signed, atol=1e-6)
    assert all(path.is_file() for path in model_files(tmp_path))
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".txt", ".gz"}
    read.write(tmp_path / "again")
    for path in model_files(tmp_path):
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"format": 0}, "found format 0"),
        ({"voxel_features": ["x"]}, "found other features"),
        ({"voxel_models": 9}, "found no voxel_"),
    ],
)
def test_models_that_cannot_be_used(tmp_path, change, found):
    model().write(tmp_path)
    write_json(tmp_path / "model.json", read_json(tmp_path / "model.json") | change)
    with pytest.raises(ConfigError, match=found):
        Model.read(tmp_path)


def test_no_model(tmp_path):
    with pytest.raises(ConfigError, match=r"found no model\.json; expected the folder of a trained model"):
        Model.read(tmp_path)
