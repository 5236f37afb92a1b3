from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from evaluate.masks_of import boxes, mask_pairs
from newlesions.evaluate.lesions import CORNERS, detected, find_lesions, overlap, smallest_kept

SIDE = (12, 12, 12)


@pytest.mark.parametrize(
    ("min_volume", "voxel", "voxels"), [(3.0, 1.0, 4), (3.0, 0.125, 25), (0.0, 1.0, 1), (3.0, 2.7, 2), (3.0, 30.0, 1)]
)
def test_lesions_must_be_larger_than_the_least_volume(min_volume, voxel, voxels):
    assert smallest_kept(min_volume, voxel) == voxels


def test_order_is_by_size_then_by_first_voxel_with_x_fastest():
    mask = boxes(
        SIDE, ((0, 2), (0, 1), (6, 7)), ((8, 10), (0, 1), (2, 3)), ((0, 2), (4, 5), (2, 3)), ((4, 9), (8, 9), (8, 9))
    )
    lesions = find_lesions(mask, 1)
    assert lesions.sizes.tolist() == [5, 2, 2, 2]
    assert [int(lesions.labels[at]) for at in ((4, 8, 8), (8, 0, 2), (0, 4, 2), (0, 0, 6))] == [1, 2, 3, 4]
    assert find_lesions(mask, 3).count == 1
    assert find_lesions(mask, 6).count == 0


def test_connectivity():
    mask = boxes(SIDE, ((2, 4),) * 3, ((4, 6),) * 3)
    assert find_lesions(mask, 1).count == 2
    assert find_lesions(mask, 1, CORNERS).count == 1


@given(mask_pairs())
def test_overlap_counts_every_shared_voxel_once(pair):
    rows, columns = (find_lesions(mask, 1) for mask in pair)
    found = overlap(rows, columns)
    assert found.voxels.sum() == (pair[0] & pair[1]).sum()
    assert (found.row_covered <= found.row_sizes).all()
    assert found.transposed.row_covered.tolist() == found.column_covered.tolist()
    back = found.transposed.transposed
    assert (back.row.tolist(), back.column.tolist()) == (found.row.tolist(), found.column.tolist())


def test_a_sum_below_gamma_by_rounding_goes_on():
    # 7/20 + 6/20 is 0.6499999999999999, so that the third, bad one is examined.
    grid, row = (30, 8, 3), ((1, 2), (1, 2))
    reference = boxes(grid, ((0, 23), *row))
    parts = [((0, 7), *row), ((8, 14), *row), ((15, 19), *row), ((20, 23), *row)]
    prediction = boxes(grid, *parts, ((15, 19), (2, 8), (0, 3)))
    found = overlap(find_lesions(reference, 1), find_lesions(prediction, 1))
    assert not detected(found, 0.1, 0.7, 0.65).any()
    assert detected(found, 0.1, 0.7, 0.649).all()


def test_a_gamma_that_rounding_keeps_out_of_reach_examines_all_lesions():
    parts = [((0, 7), (1, 2), (1, 2)), ((8, 10), (1, 2), (1, 2)), ((11, 12), (1, 2), (1, 2))]
    reference = boxes((30, 4, 3), ((0, 12), (1, 2), (1, 2)))
    assert 7 / 10 + 2 / 10 + 1 / 10 < 1
    far = ((20, 24), (1, 2), (1, 2))
    for prediction, expected in ((boxes((30, 4, 3), *parts), True), (boxes((30, 4, 3), *parts, far), False)):
        found = overlap(find_lesions(reference, 1), find_lesions(prediction, 1))
        assert detected(found, 0.1, 0.7, 1.0).tolist() == [expected]


def test_nothing_detects_nothing():
    some, none = find_lesions(boxes(SIDE, ((2, 5),) * 3), 4), find_lesions(boxes(SIDE), 4)
    assert detected(overlap(none, some), 0.1, 0.7, 0.65).tolist() == []
    assert detected(overlap(some, none), 0.1, 0.7, 0.65).tolist() == [False]
    assert np.array_equal(overlap(some, none).row_covered, [0])
