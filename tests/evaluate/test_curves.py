from __future__ import annotations

import numpy as np

from evaluate.masks_of import boxes
from newlesions.evaluate.curves import CURVE_COLUMNS, LEVELS, OPERATING_POINT, curve_rows
from newlesions.evaluate.masks import label_image
from newlesions.evaluate.measures import Comparison

SIDE = (20, 20, 20)
FIRST, SECOND, FALSE = ((2, 5),) * 3, ((8, 11),) * 3, ((14, 17),) * 3


def rows_of(levels=(0.2, 0.5, 0.8)):
    reference = label_image(boxes(SIDE, FIRST, SECOND))
    probability = boxes(SIDE, FIRST) * 0.9 + boxes(SIDE, SECOND) * 0.3 + boxes(SIDE, FALSE) * 0.5
    written = label_image(boxes(SIDE, FIRST, FALSE))
    return curve_rows(reference, probability, Comparison(reference, written), levels)


def test_each_threshold_takes_what_reaches_it():
    rows = rows_of((0.8, 0.2, 0.5))
    assert [row["threshold"] for row in rows] == [0.2, 0.5, 0.8, OPERATING_POINT]
    assert [(row["found"], row["reference"], row["true"], row["predicted"]) for row in rows] == [
        (2, 2, 2, 3),
        (1, 2, 1, 2),
        (1, 2, 1, 1),
        (1, 2, 1, 2),
    ]
    assert [(row["true_voxels"], row["predicted_voxels"], row["reference_voxels"]) for row in rows] == [
        (54, 81, 54),
        (27, 54, 54),
        (27, 27, 54),
        (27, 54, 54),
    ]
    assert all(tuple(row) == CURVE_COLUMNS for row in rows)


def test_without_a_map_there_is_the_written_mask():
    reference = label_image(boxes(SIDE, FIRST))
    assert [row["threshold"] for row in curve_rows(reference, None, Comparison(reference, reference))] == ["mask"]


def test_a_map_that_reaches_everywhere_is_one_lesion_not_none():
    reference = label_image(boxes(SIDE, FIRST))
    row = curve_rows(reference, np.ones(SIDE), Comparison(reference, reference), (0.5,))[0]
    assert (row["predicted_voxels"], row["predicted"], row["found"]) == (8000, 1, 0)


def test_voxels_fall_with_the_threshold():
    rng = np.random.default_rng(0)
    reference = label_image(rng.random(SIDE) > 0.9)
    rows = curve_rows(reference, rng.random(SIDE), Comparison(reference, reference))[:-1]
    assert [row["threshold"] for row in rows] == sorted(LEVELS)
    for name in ("true_voxels", "predicted_voxels"):
        values = [row[name] for row in rows]
        assert values == sorted(values, reverse=True)
