from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given

from evaluate.masks_of import mask_pairs
from newlesions.evaluate.overlap import VoxelCounts, count_voxels, dice, modified_dice, ratio, voxel_measures


@given(mask_pairs())
def test_counts_add_up(pair):
    reference, prediction = (mask.view(np.uint8) for mask in pair)
    counts = count_voxels(reference, prediction, reference.size)
    assert sum(counts[:4]) == reference.size
    assert counts.same + counts.missed == reference.sum()
    assert counts.same + counts.extra == prediction.sum()


def test_several_labels():
    reference, prediction = np.array([[[0, 1, 2, 2, 1]]], np.uint8), np.array([[[0, 1, 1, 2, 0]]], np.uint8)
    counts = count_voxels(reference, prediction, 10)
    assert counts == VoxelCounts(same=2, extra=1, missed=2, background=6, labels=2)
    assert voxel_measures(counts)["Specificity"] == pytest.approx(6 / 6.5)


def test_dice_of_two_arrays_is_undefined_without_a_reference():
    mask = np.array([[[True, True, False, False]]])
    assert dice(mask, mask) == 1
    assert dice(mask, ~mask) == 0
    assert dice(mask, np.roll(mask, 1)) == 0.5
    assert math.isnan(dice(np.zeros_like(mask), mask))


def test_modified_dice_is_one_for_two_empty_masks():
    assert modified_dice(VoxelCounts(0, 0, 0, 9, 1)) == 1
    assert modified_dice(VoxelCounts(0, 5, 0, 9, 1)) == pytest.approx(2e-7)
    assert modified_dice(VoxelCounts(4, 2, 2, 9, 1)) == pytest.approx(8 / 12)


def test_nothing_over_nothing_is_the_negative_nan_of_the_processor():
    assert math.isnan(ratio(0, 0))
    assert math.copysign(1, ratio(0, 0)) == -1
