from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newlesions.detect.networks.decide import at_even_odds, decide
from newlesions.detect.settings import SubtractionSettings
from newlesions.networks.stages import Predict

SHAPE = (16, 14, 12)
SETTINGS = SubtractionSettings()
BRAIN = np.ones(SHAPE, bool)
BRAIN[0] = False
EXCHANGED = np.array([0, 3, 4, 1, 2])


def images(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(100, 1, SHAPE).astype(np.float32), rng.normal(100, 1, SHAPE).astype(np.float32)


def block(value: float, *places: tuple[slice, ...]) -> np.ndarray:
    result = np.zeros(SHAPE, np.float32)
    for place in places:
        result[place] = value
    return result


A = (slice(2, 5), slice(2, 5), slice(2, 5))
B = (slice(9, 12), slice(6, 9), slice(5, 8))


def test_what_rises_alone_is_new_and_against_a_lesion_enlarging() -> None:
    before, after = images()
    before[9:12, 6:9, 3:5] = 150
    before[9:12, 6:9, 8] = before[9:12, 5, 5:8] = 150
    after[A] = after[B] = after[9:12, 6:9, 3:5] = 150
    decided = decide(block(0.9, A, B), block(0), (before, after), BRAIN, 1.0, Predict(), SETTINGS)
    assert (decided.change[A] == 1).all()
    assert (decided.change[B] == 2).all()
    assert (decided.change > 0).sum() == 54
    assert decided.proposed == 2


def test_a_lesion_exceeds_the_smallest_volume() -> None:
    rise = block(0.9, A)
    for spacing, least, there in ((1.0, 26.9, True), (1.0, 27.0, False), (2.0, 27.0, True), (0.5, 3.3, True)):
        decided = decide(rise, block(0), images(), BRAIN, spacing, Predict(min_volume_mm3=least), SETTINGS)
        assert bool(decided.change.any()) is there
        assert decided.proposed == 1


def test_a_lesion_has_so_many_voxels() -> None:
    for least, there in ((27, True), (28, False)):
        how = Predict(min_volume_mm3=0.0, min_voxels=least)
        assert bool(decide(block(0.9, A), block(0), images(), BRAIN, 0.5, how, SETTINGS).change.any()) is there


def test_lesions_at_the_brains_border_are_dropped_where_the_recipe_says_so() -> None:
    at_border, inside = (slice(1, 4), slice(4, 7), slice(4, 7)), (slice(9, 12), slice(6, 9), slice(5, 8))
    rise, fall = block(0.9, at_border, inside), block(0.9, (slice(6, 8), slice(0, 2), slice(4, 7)))
    for border, there in (("kept", True), ("dropped", False)):
        decided = decide(rise, fall, images(), BRAIN, 1.0, Predict(border=border), SETTINGS)
        assert (decided.change[inside] > 0).all()
        assert bool(decided.change[at_border].any()) is there and bool((decided.change >= 3).any()) is there


def test_corners_join_a_lesion() -> None:
    rise = block(0)
    rise[[3, 4, 5], [3, 4, 5], [3, 4, 5]] = 0.8
    assert decide(rise, block(0), images(), BRAIN, 1.0, Predict(min_volume_mm3=2), SETTINGS).change.sum() == 3


def test_a_voxel_at_the_threshold_belongs_and_outside_the_brain_nothing_does() -> None:
    rise = block(0.3, A) + block(0.5, (slice(0, 1), slice(0, 9), slice(0, 9)))
    decided = decide(rise, block(0), images(), BRAIN, 1.0, Predict(threshold=np.float32(0.3)), SETTINGS)
    assert (decided.change[A] == 1).all()
    assert not decided.change[0].any()
    assert not decide(rise, block(0), images(), BRAIN, 1.0, Predict(threshold=0.31), SETTINGS).change.any()


@given(st.integers(0, 1000), st.floats(0.05, 0.95))
def test_exchanged_visits_exchange_new_with_gone(seed, threshold) -> None:
    rng = np.random.default_rng(seed)
    # Few values, so that there are ties between rise and fall.
    rise, fall = (rng.choice(np.float32([0, 0.1, 0.4, 0.6, 0.9]), SHAPE) for _ in range(2))
    before, after = images(seed)
    predict = Predict(threshold=threshold, min_volume_mm3=1.0)
    ahead = decide(rise, fall, (before, after), BRAIN, 1.0, predict, SETTINGS)
    back = decide(fall, rise, (after, before), BRAIN, 1.0, predict, SETTINGS)
    np.testing.assert_array_equal(back.change, EXCHANGED[ahead.change])
    np.testing.assert_array_equal(back.signed, -ahead.signed)
    # What is published agrees with the classes: at least even odds, of the right sign.
    assert (ahead.signed[np.isin(ahead.change, (1, 2))] >= 0.5).all()
    assert (ahead.signed[np.isin(ahead.change, (3, 4))] <= -0.5).all()


def test_where_both_are_equally_likely_nothing_changed() -> None:
    decided = decide(block(0.9, A), block(0.9, A), images(), BRAIN, 1.0, Predict(), SETTINGS)
    assert not decided.change.any()
    assert not decided.signed.any()


@given(st.floats(0.01, 0.99))
def test_the_published_scale_keeps_order_and_ends(threshold) -> None:
    chance = np.linspace(0, 1, 201, dtype=np.float32)
    published = at_even_odds(chance, threshold)
    assert (published[0], published[-1]) == (0, 1)
    assert (np.diff(published) >= 0).all()
    assert at_even_odds(np.float64([threshold]), threshold)[0] == pytest.approx(0.5)
    above = chance > threshold + 1e-6
    assert (published[above] >= 0.5).all()
    assert (published[chance < threshold - 1e-6] <= 0.5).all()
    np.testing.assert_allclose(at_even_odds(chance, 0.5), chance, atol=1e-7)
