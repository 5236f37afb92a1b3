"""The models that ship: whole, small, and fit for this version's features."""

from __future__ import annotations

import numpy as np
import pytest

from detect.made_pairs import made_pair
from newlesions import house
from newlesions.detect.refinement.apply import refine
from newlesions.detect.refinement.model import Model, model_files

_LARGEST = 12_000_000  # bytes, of all of them


@pytest.mark.parametrize("name", sorted(house.models()))
def test_a_shipped_model_can_be_read_and_has_its_card(name):
    folder = house.models()[name]
    found = Model.read(folder)
    assert found.recipe == name
    assert len(found.voxel) == found.settings["inner_folds"]
    for file in ("card.md", "held_out.tsv", "recipe.yaml"):
        assert (folder / file).stat().st_size > 0
    files = {path for path in folder.rglob("*") if path.is_file()}
    assert {path.suffix for path in files} <= {".json", ".txt", ".gz", ".md", ".tsv", ".yaml", ".safetensors"}
    assert set(model_files(folder)) <= files


def test_shipped_models_are_small():
    assert sum(path.stat().st_size for folder in house.models().values() for path in folder.rglob("*")) < _LARGEST


def test_the_shipped_model_finds_plain_new_lesions_and_nothing_where_nothing_is_new():
    model = Model.read(house.models()["boosted"])
    pair, truth = made_pair(3, new=3)
    assert (refine(pair, model).change == 1)[truth].mean() > 0.3
    same, _ = made_pair(4, new=0)
    assert not np.isin(refine(same, model).change, (1, 2)).any()
