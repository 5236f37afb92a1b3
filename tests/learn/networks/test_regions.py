from __future__ import annotations

import numpy as np
import pytest

from newlesions.detect.networks.regions import Region
from newlesions.errors import ConfigError
from newlesions.learn.networks.regions import RegionCase, draw_regions, region_elements


def test_shares_of_the_paper():
    rng = np.random.default_rng(0)
    true = np.tile([True, False, False, False], 50)
    below = np.repeat([True, False], [20, 180])
    drawn = np.array(draw_regions(rng, true, below, 60000))
    # Uniform true and false ones are infratentorial by a tenth.
    extra = 0.3 / 1.3
    even = 1 - extra
    assert true[drawn].mean() == pytest.approx(even / 2 + extra * 0.85 * 0.33, abs=0.01)
    assert below[drawn].mean() == pytest.approx(even * 0.1 + extra * 0.85, abs=0.01)
    assert (true & ~below)[drawn].mean() == pytest.approx(even / 2 * 0.9, abs=0.01)


def test_missing_kinds_leave_their_share_to_the_others():
    rng = np.random.default_rng(1)
    true, below = np.zeros(5, bool), np.zeros(5, bool)
    assert set(draw_regions(rng, true, below)) <= set(range(5))
    with pytest.raises(ConfigError, match="no pair has a candidate region"):
        draw_regions(rng, true[:0], below[:0])


def _case() -> RegionCase:
    rng = np.random.default_rng(2)
    channels = rng.standard_normal((2, 30, 30, 30)).astype(np.float32)
    reference = np.zeros((30, 30, 30), np.uint8)
    reference[4:7, 4:7, 4:7] = 1
    small = Region((slice(2, 9),) * 3, np.pad(np.ones((3, 3, 3), bool), 2), infratentorial=False, true=True)
    large = Region((slice(5, 28),) * 3, np.pad(np.ones((19, 19, 19), bool), 2), infratentorial=True, true=False)
    return RegionCase(channels, reference, [small, large])


def test_elements_hold_a_region_and_say_what_counts():
    case = _case()
    draw = region_elements([case], (12, 12, 12))
    sizes = set()
    for seed in range(12):
        inputs, target, valid, weight = draw(np.random.default_rng(seed))
        assert weight == 1
        assert inputs.shape == (2, 12, 12, 12)
        assert target.shape == (1, 12, 12, 12)
        assert valid.shape == (12, 12, 12)
        assert inputs.dtype == target.dtype == valid.dtype == np.float32
        assert not inputs[:, valid == 0].any()
        sizes.add(int(valid.sum()))
        if valid.sum() == 7**3:
            assert target.sum() == 27
    assert sizes == {7**3, 12**3}


def test_elements_repeat():
    draw = region_elements([_case()], (12, 12, 12))
    for first, second in zip(draw(np.random.default_rng(5)), draw(np.random.default_rng(5)), strict=True):
        np.testing.assert_array_equal(first, second)
