from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluate.masks_of import SPACINGS, boxes, mask_pairs
from newlesions.evaluate.surfaces import (
    average_surface_distance,
    contour_mean_distance,
    hausdorff_95,
    hausdorff_distance,
    running_minimum_distance,
    surface,
    surface_distances,
)


def labels(shape, *corners):
    return boxes(shape, *corners).view(np.uint8)


def test_the_border_of_the_image_is_no_surface():
    found = surface(labels((4, 4, 4), ((0, 2), (0, 4), (0, 4))))
    assert found.sum() == 16
    assert found[1].all()


def test_labels_that_touch_have_a_surface_between_them():
    image = np.zeros((6, 3, 3), np.uint8)
    image[1:3], image[3:5] = 1, 2
    assert surface(image)[1:5].all()


def test_two_parallel_plates():
    one, other = labels((9, 5, 5), ((2, 3), (0, 5), (0, 5))), labels((9, 5, 5), ((6, 7), (0, 5), (0, 5)))
    distances = surface_distances(one, other, np.array([2.0, 1, 1]))
    for value in (average_surface_distance(distances), hausdorff_95(distances), running_minimum_distance(distances)):
        assert value == 8
    assert hausdorff_distance(one, other, np.array([2.0, 1, 1])) == 8


def test_the_tools_running_minimum_against_the_average():
    # One voxel in common, first in the order of voxels: everything after it counts with 0.
    one, other = labels((9, 9, 9), ((1, 2),) * 3), labels((9, 9, 9), ((1, 7), (1, 2), (1, 2)))
    distances = surface_distances(one, other, np.ones(3))
    assert running_minimum_distance(distances) == 0
    assert average_surface_distance(distances) == pytest.approx((0 + 0 + 1 + 2 + 3 + 4 + 5) / 7)
    assert hausdorff_95(distances) == pytest.approx(np.percentile([0, 1, 2, 3, 4, 5], 95))


def test_contour_mean_of_several_labels_skips_what_lies_deep_in_a_surface():
    # Two touching slabs three voxels thick: the surface between them is two voxels deep, and so is that to either
    # side, whose middle voxels have no neighbour outside of the surface.
    image = np.zeros((10, 7, 7), np.uint8)
    image[2:4, 1:6, 1:6], image[4:6, 1:6, 1:6] = 1, 2
    moved = np.roll(image, 1, axis=0)
    distances = surface_distances(image, moved, np.ones(3))
    found = contour_mean_distance(image, moved, distances, np.ones(3))
    everywhere = max(float(np.mean(np.concatenate(d))) for d in (distances.to_reference, distances.to_prediction))
    assert 0 < found < 1
    assert found != everywhere


@given(mask_pairs(margin=1), st.sampled_from(SPACINGS))
def test_distances_are_ordered(pair, spacing):
    images, spacing = [mask.view(np.uint8) for mask in pair], np.array(spacing)
    distances = surface_distances(*images, spacing)
    hausdorff = hausdorff_distance(*images, spacing)
    assert running_minimum_distance(distances) <= average_surface_distance(distances) + 1e-12
    assert average_surface_distance(distances) <= contour_mean_distance(*images, distances, spacing) + 1e-12
    assert hausdorff_95(distances) <= max(hausdorff, *map(np.max, (*distances.to_reference, *distances.to_prediction)))
