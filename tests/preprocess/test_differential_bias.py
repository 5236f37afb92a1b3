from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from newlesions.preprocess.differential_bias import differential_bias

SHAPE = (54, 60, 48)
SPACING = 1.5
WIDTH = 24.0  # mm; half of it is 12


def ellipsoid(scale: float, centre: tuple[float, float, float] = (0, 0, 0)) -> np.ndarray:
    axes = np.ogrid[tuple(slice(-1, 1, complex(0, size)) for size in SHAPE)]
    return np.asarray(sum(((axis - c) / scale) ** 2 for axis, c in zip(axes, centre, strict=True)) < 1)


BRAIN = ellipsoid(0.9)


def scan(seed: int, noise: float = 2.0) -> np.ndarray:
    """Tissue of two grey levels, 80 to 120, with noise; the tissue is the same for every seed."""
    tissue = np.random.default_rng(0).choice([90.0, 110.0], SHAPE)
    values = tissue + np.random.default_rng(seed).normal(0, noise, SHAPE)
    return (np.maximum(values, 1) * BRAIN).astype(np.float32)


def smooth_field() -> np.ndarray:
    x, y, z = np.ogrid[tuple(slice(-1, 1, complex(0, size)) for size in SHAPE)]
    return 0.12 * np.sin(1.5 * x + 0.4) - 0.1 * y + 0.06 * z**2


def test_equal_scans_have_no_field() -> None:
    assert (differential_bias(scan(1), scan(1), BRAIN, SPACING, WIDTH) == 0).all()


def test_a_smooth_ratio_is_found() -> None:
    followup = (scan(2) * np.exp(smooth_field())).astype(np.float32)
    found = differential_bias(scan(1), followup, BRAIN, SPACING, WIDTH)
    assert found.shape == SHAPE
    inner = ellipsoid(0.75)
    error = found[inner] + smooth_field()[inner]  # log(baseline / followup) is minus the field
    assert np.abs(error).max() < 0.03
    assert error.std() < 0.15 * smooth_field()[inner].std()


def test_a_constant_ratio_is_found_exactly() -> None:
    found = differential_bias(scan(1), 2 * scan(1), BRAIN, SPACING, WIDTH)
    np.testing.assert_allclose(found[BRAIN], -np.log(2), atol=1e-6)


@examples(max_examples=5)
@given(st.integers(2, 10_000))
def test_exchanging_the_scans_negates_the_field(seed: int) -> None:
    followup = (scan(seed) * np.exp(smooth_field())).astype(np.float32)
    forward = differential_bias(scan(1), followup, BRAIN, SPACING, WIDTH)
    backward = differential_bias(followup, scan(1), BRAIN, SPACING, WIDTH)
    np.testing.assert_array_equal(forward, -backward)


@pytest.mark.parametrize("diameter", [6.0, 12.0, WIDTH])
def test_a_large_new_lesion_keeps_its_contrast(diameter: float) -> None:
    distance = np.sqrt(sum((SPACING * (axis - n // 2)) ** 2 for axis, n in zip(np.indices(SHAPE), SHAPE, strict=True)))
    lesion = distance <= diameter / 2
    baseline, followup = scan(1), scan(2)
    followup[lesion] *= 1.4
    field = differential_bias(baseline, followup, BRAIN, SPACING, WIDTH)
    ratio = np.log(followup[lesion] * np.exp(field[lesion] / 2)) - np.log(baseline[lesion] / np.exp(field[lesion] / 2))
    assert ratio.mean() >= 0.9 * np.log(1.4)


def test_voxels_outside_the_brain_do_not_matter() -> None:
    baseline, followup = scan(1), scan(2)
    expected = differential_bias(baseline, followup, BRAIN, SPACING, WIDTH)
    followup[~BRAIN] = 1e4
    np.testing.assert_array_equal(differential_bias(baseline, followup, BRAIN, SPACING, WIDTH), expected)


def test_the_field_goes_on_smoothly_outside_the_brain() -> None:
    followup = (scan(2) * np.exp(smooth_field())).astype(np.float32)
    found = differential_bias(scan(1), followup, BRAIN, SPACING, WIDTH)
    assert np.isfinite(found).all()
    assert np.abs(np.diff(found, axis=0)).max() < 0.03
