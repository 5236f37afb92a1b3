from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newlesions.simulate.fields import ramp, shell, smooth_noise, upsample


def test_noise_has_unit_variance_and_the_scale_asked_for() -> None:
    field = smooth_noise(np.random.default_rng(0), (80, 80, 80), 2.0, 4.0)
    assert abs(field.mean()) < 0.1
    assert field.std() == pytest.approx(1, abs=0.15)
    # White noise under a Gaussian kernel of SD s correlates as exp(-d^2 / 4 s^2): at d = 2 s, exp(-1).
    shifted = (field[:-4] * field[4:]).mean() / field.var()
    assert shifted == pytest.approx(np.exp(-1), abs=0.1)


@given(st.floats(0.5, 6), st.floats(2, 30), st.integers(0, 5))
@settings(max_examples=15, deadline=None)
def test_noise_is_decided_by_its_generator(spacing: float, scale: float, seed: int) -> None:
    first, second = (smooth_noise(np.random.default_rng(seed), (9, 8, 7), spacing, scale) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert np.isfinite(first).all()


@given(st.floats(1, 4), st.integers(2, 9))
@settings(max_examples=20, deadline=None)
def test_upsampling_keeps_linear_fields(factor: float, n: int) -> None:
    i, j, k = np.indices((n, n, n)).astype(float)
    length = int((n - 1) * factor) + 1
    fine = upsample(1 + 2 * i - j + 0.5 * k, factor, (length, length, length))
    a, b, c = np.indices(fine.shape) / factor
    np.testing.assert_allclose(fine, 1 + 2 * a - b + 0.5 * c, atol=1e-4)


def test_ramp_and_shell() -> None:
    np.testing.assert_allclose(ramp(np.array([-1.0, 2.0, 2.5, 9.0]), 2, 3), [0, 0, 0.5, 1])
    np.testing.assert_allclose(shell(np.array([0.0, 2.0, 3.0, 4.0, 9.0]), 2, 4), [0, 0.5, 1, 0.5, 0])
