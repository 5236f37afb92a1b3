from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluate.masks_of import SPACINGS, boxes, mask_pairs
from newlesions.evaluate.additions import ADDITIONS, LESION_COLUMNS, additions, lesion_rows, size_class
from newlesions.evaluate.masks import label_image
from newlesions.evaluate.measures import Comparison

SIDE = (20, 20, 20)
AFFINE = np.array([[-2.0, 0, 0, 30], [0, 1, 0, -10], [0, 0, 1, 5], [0, 0, 0, 1]])
LARGE, SMALL, FAR = ((2, 6),) * 3, ((10, 12),) * 3, ((16, 18),) * 3


def compared(reference, prediction):
    return Comparison(*(label_image(boxes(SIDE, *corners), AFFINE) for corners in (reference, prediction)))


def test_counts_and_volumes_of_half_found_lesions():
    found = additions(compared([LARGE, SMALL], [LARGE]))
    assert list(found) == list(ADDITIONS)
    assert (found["reference_count"], found["predicted_count"], found["count_difference"]) == (2, 1, -1)
    assert found["reference_volume_mm3"] == 2 * (64 + 8)
    assert found["volume_difference_mm3"] == -16
    assert found["assd_mm"] > 0


def test_corner_neighbours_join_lesions():
    apart = compared([((2, 4),) * 3, ((4, 6),) * 3], [((2, 4),) * 3])
    assert apart.measures()["SensL"] == 0.5
    assert additions(apart)["sens_lesion_26"] == 1.0


def test_an_empty_reference_has_no_distances_and_no_shares():
    found = additions(compared([], [SMALL]))
    assert set(ADDITIONS) - set(found) == {"assd_mm", "hd95_mm", "ppv_lesion_26", "sens_lesion_26", "f1_26"}
    assert found["dice_modified"] < 1e-6
    assert additions(compared([], []))["dice_modified"] == 1


def test_an_empty_prediction_has_undefined_distances():
    found = additions(compared([SMALL], []))
    assert math.isnan(found["assd_mm"])
    assert math.isnan(found["hd95_mm"])
    assert found["f1_26"] == 0


@pytest.mark.parametrize(
    ("volume", "name"), [(3.5, "3-10"), (10, "3-10"), (10.1, "10-30"), (300, "100-300"), (1e5, ">300")]
)
def test_size_classes(volume, name):
    assert size_class(volume) == name


def test_lesion_rows_say_where_and_whether():
    rows = lesion_rows(compared([LARGE, SMALL], [LARGE, FAR]), AFFINE)
    assert [tuple(row[key] for key in ("side", "id", "volume_mm3", "hit", "overlap")) for row in rows] == [
        ("reference", 1, 128, 1, 1.0),
        ("reference", 2, 16, 0, 0.0),
        ("predicted", 1, 128, 1, 1.0),
        ("predicted", 2, 16, 0, 0.0),
    ]
    assert all(tuple(row) == LESION_COLUMNS for row in rows)
    assert [rows[1][axis] for axis in ("x_mm", "y_mm", "z_mm")] == [30 - 2 * 10.5, 0.5, 15.5]
    assert {row["region"] for row in rows} == {""}


def test_regions_are_asked_for_on_the_whole_grid():
    seen = []

    def name_regions(labels):
        seen.append(labels)
        return [f"region {n}" for n in range(1, labels.max() + 1)]

    rows = lesion_rows(compared([LARGE, SMALL], [FAR]), AFFINE, name_regions)
    assert [row["region"] for row in rows] == ["region 1", "region 2", "region 1"]
    np.testing.assert_array_equal(seen[0] > 0, boxes(SIDE, LARGE, SMALL))


@given(mask_pairs(), st.sampled_from(SPACINGS))
def test_laws(pair, spacing):
    images = [label_image(mask, spacing=spacing) for mask in pair]
    found, back = additions(Comparison(*images)), additions(Comparison(*images[::-1]))
    for name in ("assd_mm", "hd95_mm", "dice_modified"):
        assert found[name] == pytest.approx(back[name])
    assert found["volume_difference_mm3"] == -back["volume_difference_mm3"]
    rows = lesion_rows(Comparison(*images), np.eye(4))
    assert len(rows) == found["reference_count"] + found["predicted_count"]
    assert all(row["overlap"] > 0.1 for row in rows if row["hit"])
