from __future__ import annotations

import numpy as np
import pytest

from newlesions.images.volume import Volume
from newlesions.preprocess.histograms import BINS, histograms
from newlesions.preprocess.scan_quality import cut_area, intensity_range, signal_to_noise

SHAPE = (40, 44, 24)
AFFINE = np.diag([1.0, 1.0, 3.0, 1.0])


def smooth() -> np.ndarray:
    """Tissue of 100 that rises and falls as anatomy does, far more from slice to slice than within one."""
    i, j, k = np.indices(SHAPE)
    return 100 + 10 * np.sin(i / 9) + 8 * np.cos(j / 7) + 15 * np.sin(1.5 * k)


def ball(radius: float = 16) -> np.ndarray:
    at = np.moveaxis(np.indices(SHAPE), 0, -1) * [1, 1, 3] - [20, 22, 36]
    return (at**2).sum(axis=-1) < radius**2


@pytest.mark.parametrize("noise", [1.0, 4.0, 12.0])
@pytest.mark.parametrize("turn", [(0, 1, 2), (2, 0, 1)])
def test_noise_is_found_whatever_the_direction_of_the_slices(noise, turn):
    data = smooth() + np.random.default_rng(0).normal(0, noise, SHAPE)
    affine = np.diag([*np.array([1.0, 1.0, 3.0])[list(turn)], 1.0])
    image = Volume(np.transpose(data, turn).astype(np.float32), affine)
    found = signal_to_noise(image, np.transpose(ball(), turn))
    assert found == pytest.approx(100 / noise, rel=0.15)


def test_edges_are_no_noise_and_no_noise_is_infinite():
    data = (smooth() + np.random.default_rng(0).normal(0, 2, SHAPE)).astype(np.float32)
    data[18:23, 20:25] += 60
    assert signal_to_noise(Volume(data, AFFINE), ball()) == pytest.approx(50, rel=0.15)
    assert signal_to_noise(Volume(np.full(SHAPE, 5, np.float32), AFFINE), ball()) == np.inf


def test_the_range_of_a_field_is_that_in_the_brain_on_any_grid():
    ramp = np.broadcast_to(np.linspace(0.8, 1.2, SHAPE[0])[:, None, None], SHAPE).astype(np.float32)
    brain = Volume(np.ones(SHAPE, np.uint8), AFFINE)
    assert intensity_range(Volume(ramp, AFFINE), brain) == pytest.approx(0.36, abs=0.01)
    coarse = Volume(ramp[::4, ::4, ::2].copy(), AFFINE @ np.diag([4.0, 4.0, 2.0, 1.0]))
    assert intensity_range(coarse, brain) == pytest.approx(0.36, abs=0.04)
    half = brain.with_data((np.indices(SHAPE)[0] < 20).astype(np.uint8))
    assert intensity_range(Volume(ramp, AFFINE), half) == pytest.approx(0.36 / 2 / 0.9, abs=0.03)
    assert intensity_range(Volume(ramp, AFFINE), brain.with_data(np.zeros(SHAPE, np.uint8))) == 0


def test_the_area_of_the_cut_is_that_of_the_largest_face():
    brain = Volume(ball().astype(np.uint8), AFFINE)
    assert cut_area(brain) == 0
    cut = np.zeros(SHAPE, np.uint8)
    cut[5:15, 5:25, -1] = 1  # 10 by 20 mm
    cut[0, 5:8, -3:-1] = 1  # 3 by 6 mm
    assert cut_area(Volume(cut, AFFINE)) == pytest.approx(2.0)


def test_histograms_share_what_is_alike():
    rng = np.random.default_rng(0)
    first, second = rng.normal(50, 5, (2, *SHAPE)).astype(np.float32)
    inside = ball()
    alike = histograms(first, second, inside)
    assert alike["overlap"] > 0.9
    assert len(alike["baseline"]) == BINS and sum(alike["followup"]) == pytest.approx(1e4, abs=BINS)
    assert alike["low"] < first[inside].mean() < alike["high"]
    assert histograms(first, second + 40, inside)["overlap"] < 0.01
    assert histograms(first, first, inside)["overlap"] == 1


def test_histograms_do_not_look_outside_the_brain_nor_depend_on_the_order():
    first = np.random.default_rng(0).normal(50, 5, SHAPE).astype(np.float32)
    wild = np.where(ball(), first, 900).astype(np.float32)
    assert histograms(wild, first, ball()) == histograms(first, first, ball())
    one, other = histograms(first, first + 3, ball()), histograms(first + 3, first, ball())
    assert (one["baseline"], one["overlap"]) == (other["followup"], other["overlap"])
