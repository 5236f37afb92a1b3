from __future__ import annotations

import numpy as np
import pytest

from newlesions.errors import ConfigError, InputError
from newlesions.evaluate.masks import read_mask
from newlesions.evaluate.regions import read_atlas, read_names

LEFT, RIGHT = ((0, 10), (0, 20), (0, 20)), ((10, 20), (0, 20), (0, 20))


def test_most_voxels_decide(save):
    grid = read_mask(save("mask", LEFT)).grid
    labels = np.zeros((20, 20, 20), int)
    labels[8:11, 3:5, 3:5], labels[12:14, 3:5, 3:5] = 1, 2
    names = read_atlas(save("atlas", LEFT, value=4), grid, {4: "left"})
    assert list(names(labels)) == ["left", ""]
    assert list(read_atlas(save("atlas", RIGHT, value=9), grid)(labels)) == ["", "9"]


def test_another_grid_is_refused(save):
    with pytest.raises(InputError, match="atlas"):
        read_atlas(save("atlas", LEFT, affine=np.eye(4)), read_mask(save("mask", LEFT)).grid)


def test_names_come_from_a_label_table(tmp_path):
    path = tmp_path / "labels.tsv"
    path.write_text("index\tname\tcolor\n1\tleft\t#fff\n2\tright\t#000\n")
    assert read_names(path) == {1: "left", 2: "right"}
    path.write_text("index\tlabel\n1\tleft\n")
    with pytest.raises(ConfigError, match="expected whole numbers in index, and a column name"):
        read_names(path)
