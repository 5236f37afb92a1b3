from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newlesions.preprocess.normalise import (
    PERCENTILES,
    StandardScale,
    apply_half_line,
    joint_line,
    learn_scale,
    nyul,
    shipped_scale,
)


def brain_like(seed: int = 0, shape: tuple[int, int, int] = (20, 20, 20)) -> np.ndarray:
    """Fluid, white and grey matter, and a few bright voxels, float32."""
    rng = np.random.default_rng(seed)
    tissue = rng.choice([30, 100, 120, 190], shape, p=[0.12, 0.5, 0.375, 0.005])
    return (tissue + rng.normal(0, 6, shape)).astype(np.float32)


EVERYWHERE = np.ones((20, 20, 20), dtype=bool)
SCALE = learn_scale([brain_like(seed).ravel() for seed in (10, 11, 12)])


def test_the_scale_runs_from_1_to_100_and_rises() -> None:
    for scale in (SCALE, shipped_scale()):
        assert len(scale.landmarks) == len(PERCENTILES)
        assert scale.landmarks[0] == pytest.approx(1)
        assert scale.landmarks[-1] == pytest.approx(100)
        assert (np.diff(scale.landmarks) > 0).all()


def test_learning_is_the_mean_of_mapped_percentiles() -> None:
    ramp, curve = np.linspace(0, 1, 10_001), np.linspace(0, 1, 10_001) ** 2
    straight = np.array(learn_scale([ramp]).landmarks)
    bent = np.array(learn_scale([curve]).landmarks)
    assert straight[5] == pytest.approx(50.5)
    assert bent[5] == pytest.approx(1 + 99 * (0.25 - 0.0001) / (0.9801 - 0.0001), abs=1e-3)
    np.testing.assert_allclose(learn_scale([ramp, curve]).landmarks, (straight + bent) / 2)
    np.testing.assert_allclose(learn_scale([ramp * 7 - 3]).landmarks, straight, atol=1e-9)


def test_landmarks_come_to_lie_on_the_scale() -> None:
    image = brain_like()
    mapped, beyond = nyul(image, EVERYWHERE, SCALE)
    np.testing.assert_allclose(np.percentile(mapped, PERCENTILES), SCALE.landmarks, atol=0.1)
    assert beyond == pytest.approx(0.02, abs=0.001)
    assert mapped.dtype == np.float32


@given(st.floats(0.05, 50), st.floats(-200, 200))
def test_linear_rescaling_of_the_input_does_not_matter(gain: float, offset: float) -> None:
    image = brain_like()
    expected, _ = nyul(image, EVERYWHERE, SCALE)
    mapped, _ = nyul((image * gain + offset).astype(np.float32), EVERYWHERE, SCALE)
    np.testing.assert_allclose(mapped, expected, atol=0.05)


@given(st.integers(0, 1000))
def test_the_map_is_monotone(seed: int) -> None:
    image = brain_like(seed)
    image[0, 0] = np.linspace(-500, 900, 20)
    mapped, _ = nyul(image, EVERYWHERE, SCALE)
    order = np.argsort(image, axis=None)
    assert (np.diff(mapped.ravel()[order]) >= 0).all()
    assert (np.diff(mapped[0, 0]) > 0).all()


def test_mapping_twice_is_mapping_once() -> None:
    once, _ = nyul(brain_like(), EVERYWHERE, SCALE)
    twice, _ = nyul(once, EVERYWHERE, SCALE)
    np.testing.assert_allclose(twice, once, atol=0.2)


def test_lesions_beyond_the_last_landmark_keep_their_contrast() -> None:
    # The top piece of this brain is very steep or very flat, depending on how many bright voxels it happens to have.
    image = brain_like()
    image[0, 0, :2] = [250, 350]
    mapped, _ = nyul(image, EVERYWHERE, SCALE)
    marks = np.percentile(image, PERCENTILES)
    slope = (SCALE.landmarks[-1] - SCALE.landmarks[5]) / (marks[-1] - marks[5])
    assert mapped[0, 0, 1] - mapped[0, 0, 0] == pytest.approx(100 * slope, rel=1e-3)
    assert mapped[0, 0, 0] > 100


def test_only_the_brain_decides() -> None:
    image, brain = brain_like(), EVERYWHERE.copy()
    brain[:5] = False
    expected, _ = nyul(image, brain, SCALE)
    scalp = image.copy()
    scalp[:5] = 5000
    np.testing.assert_allclose(nyul(scalp, brain, SCALE)[0][5:], expected[5:])


def test_quantised_images_drop_equal_landmarks_and_constant_ones_are_refused() -> None:
    coarse = np.round(brain_like() / 50).astype(np.float32)
    mapped, _ = nyul(coarse, EVERYWHERE, SCALE)
    assert np.isfinite(mapped).all()
    assert (np.diff([mapped[coarse == level].mean() for level in np.unique(coarse)]) > 0).all()
    with pytest.raises(ValueError, match="three distinct"):
        nyul(np.full_like(coarse, 7), EVERYWHERE, SCALE)


def pair(gain: float = 1.3, offset: float = -8.0) -> tuple[np.ndarray, np.ndarray]:
    """Two scans on a known line, with noise and 2 % of voxels changed."""
    rng = np.random.default_rng(4)
    truth = brain_like(4)
    baseline = truth + rng.normal(0, 2, truth.shape)
    followup = truth * gain + offset + rng.normal(0, 2, truth.shape)
    followup[0, :8] += 90
    return baseline.astype(np.float32), followup.astype(np.float32)


def test_the_line_is_found_in_spite_of_changed_lesions() -> None:
    gain, offset = joint_line(*pair(), EVERYWHERE)
    assert gain == pytest.approx(1.3, abs=0.01)
    assert offset == pytest.approx(-8, abs=1)


@given(st.floats(0.5, 2), st.floats(-30, 30))
def test_exchanging_the_scans_inverts_the_line(gain: float, offset: float) -> None:
    baseline, followup = pair(gain, offset)
    g, o = joint_line(baseline, followup, EVERYWHERE)
    back, away = joint_line(followup, baseline, EVERYWHERE)
    assert back == pytest.approx(1 / g, rel=1e-6)
    assert away == pytest.approx(-o / g, abs=1e-4)


@given(st.floats(0.3, 3), st.floats(-50, 50))
def test_both_scans_meet_in_the_middle(gain: float, offset: float) -> None:
    baseline = brain_like(5).astype(np.float64)
    followup = gain * baseline + offset
    first, second = apply_half_line(baseline, followup, gain, offset)
    np.testing.assert_allclose(first, second, atol=1e-3)
    swapped = apply_half_line(followup, baseline, 1 / gain, -offset / gain)
    np.testing.assert_allclose(swapped[1], first, atol=1e-3)


def test_equal_scans_lie_on_the_identity() -> None:
    image = brain_like()
    assert joint_line(image, image, EVERYWHERE) == pytest.approx((1, 0), abs=1e-6)


def test_opposite_scans_are_refused() -> None:
    image = brain_like()
    with pytest.raises(ValueError, match="do not rise together"):
        joint_line(image, -image, EVERYWHERE)


def test_a_scale_is_what_it_says() -> None:
    ramp = np.linspace(0, 1, 8000, dtype=np.float32).reshape(20, 20, 20)
    marks = tuple(float(mark) for mark in PERCENTILES)
    mapped, _ = nyul(ramp, EVERYWHERE, StandardScale(marks))
    np.testing.assert_allclose(mapped, ramp * 100, atol=0.1)
