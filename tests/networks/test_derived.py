from __future__ import annotations

import numpy as np
import pytest

from newlesions.networks.case import Case
from newlesions.networks.derived import DERIVED, LEVELS

SHAPE = (24, 26, 28)
AFFINE = np.array([[2.0, 0, 0, -24], [0, 2, 0, -30], [0, 0, 2, -20], [0, 0, 0, 1]])


@pytest.fixture
def case() -> Case:
    rng = np.random.default_rng(3)
    brain = np.zeros(SHAPE, bool)
    brain[3:-3, 4:-4, 3:-3] = True
    followup = (100 + 20 * rng.standard_normal(SHAPE)).astype(np.float32)
    baseline = (1.7 * followup + 15).astype(np.float32)
    change = np.zeros(SHAPE, np.uint8)
    return Case("p", "s", baseline, followup, brain, change, AFFINE, np.eye(4), (1.0, 1.0))


def test_all_are_float32_of_the_case(case):
    for make in DERIVED.values():
        image = make(case)
        assert image.dtype == np.float32
        assert image.shape == SHAPE


def test_matching_undoes_another_scale(case):
    matched = DERIVED["matched_baseline"](case)
    np.testing.assert_allclose(matched[case.brain], case.followup[case.brain], rtol=1e-5)
    assert not matched[~case.brain].any()
    np.testing.assert_allclose(DERIVED["ratio"](case), 1, rtol=1e-5)


def test_levels_rise_with_intensity(case):
    levels = DERIVED["levels_followup"](case)
    order = np.argsort(case.followup[case.brain])
    assert (np.diff(levels[case.brain][order]) >= 0).all()
    assert set(np.unique(levels[case.brain])) == set(range(1, LEVELS + 1))
    assert not levels[~case.brain].any()
    np.testing.assert_array_equal(levels, DERIVED["levels_baseline"](case))


def test_ratio_shows_what_became_brighter(case):
    case.followup[10:13, 10:13, 10:13] *= 1.5
    inside = np.zeros(SHAPE, bool)
    inside[10:13, 10:13, 10:13] = True
    for name in ("ratio", "ratio_levels"):
        image = DERIVED[name](case)
        assert np.median(image[inside]) > 1.15
        assert np.median(image[~inside]) == pytest.approx(1, abs=0.01)


def test_depth_is_the_distance_to_the_surface(case):
    image = DERIVED["depth"](case)
    assert image[3, 12, 12] == pytest.approx(2.0)
    assert image[5, 12, 12] == pytest.approx(6.0)
    assert not image[~case.brain].any()


def test_places_run_from_vertex_and_occiput(case):
    height, length = DERIVED["height"](case), DERIVED["length"](case)
    np.testing.assert_allclose(np.diff(height, axis=2), -2)
    np.testing.assert_allclose(np.diff(length, axis=1), 2)
    # MNI's brain spans z = -71 to 82 and y = -106 to 73.
    assert height[0, 0, 10] == pytest.approx(82, abs=1)
    assert length[0, 15, 0] == pytest.approx(106, abs=1)
