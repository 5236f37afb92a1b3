from __future__ import annotations

import numpy as np
import pytest

from detect.made_pairs import made_pair
from newlesions.detect.features.region import region_of
from newlesions.detect.features.table import features_of
from newlesions.detect.refinement.candidates import NAMES, candidate_features, find_candidates


def grid(*boxes):
    mask = np.zeros((20, 20, 20))
    for box in boxes:
        mask[tuple(slice(*side) for side in box)] = 0.9
    return mask


def found_in(probability, threshold=0.5, spacing=1.0):
    index = np.flatnonzero(probability >= 0)
    return find_candidates(probability.ravel()[index], index, probability.shape, threshold, spacing)


def test_components_over_corners_larger_than_3_mm3():
    probability = grid(((1, 3),) * 3, ((3, 5),) * 3, ((10, 13), (10, 11), (10, 11)))
    found = found_in(probability)
    assert found.count == 1
    assert found.rows.size == 16
    assert found_in(probability, spacing=2.0).count == 2
    assert found_in(probability, threshold=0.95).count == 0


def test_shapes_of_a_box():
    probability = grid(((2, 8), (2, 4), (2, 4)))
    index = np.arange(probability.size)
    features = np.zeros((probability.size, 46), np.float32)
    chance = probability.ravel()
    found = find_candidates(chance, index, probability.shape, 0.5, 1.0)
    often = np.zeros(probability.size, np.float32)
    row = dict(
        zip(NAMES, candidate_features(found, features, often, chance, index, probability.shape, 1.0)[0], strict=True)
    )
    assert [row[name] for name in ("volume_mm3", "extent_x_mm", "extent_y_mm", "fill")] == [24, 6, 2, 1]
    assert row["major_mm"] == pytest.approx(2 * np.sqrt(5 * 36 / 12), rel=1e-5)
    assert row["minor_mm"] == pytest.approx(2 * np.sqrt(5 * 4 / 12), rel=1e-5)
    assert row["probability_mean"] == pytest.approx(0.9)
    assert row["candidates_of_pair"] == 1


def test_means_and_extremes_are_those_of_the_candidates_voxels():
    pair, truth = made_pair()
    region = region_of(pair, "rising")
    features, index = features_of(pair, region, "rich"), np.flatnonzero(region)
    chance = truth[region].astype(float)
    found = find_candidates(chance, index, region.shape, 0.5, 1.0)
    rows = candidate_features(found, features, chance.astype(np.float32), chance, index, region.shape, 1.0)
    assert rows.shape == (4, len(NAMES))
    column = features[:, 10]  # difference_0mm
    for number in range(found.count):
        own = found.rows[found.lesion == number]
        assert rows[number, NAMES.index("mean_difference_0mm")] == pytest.approx(column[own].mean(), rel=1e-4)
    assert rows[:, NAMES.index("mean_lesion_frequency")].tolist() == [1] * 4


def test_no_candidate():
    found = found_in(grid())
    empty = np.zeros(0)
    assert candidate_features(found, np.zeros((0, 46)), empty, empty, empty, (20, 20, 20), 1.0).shape == (0, len(NAMES))
