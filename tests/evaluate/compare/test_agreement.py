from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from evaluate.compare.synthetic import write_system
from newlesions.evaluate.compare.agreement import agreement, agreements, concordance, sides
from newlesions.evaluate.compare.read import read_system

# Peak expiratory flow by two meters, first readings (Bland & Altman, Lancet 1986, table 1), l/min.
WRIGHT = np.array([494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427], float)
MINI = np.array([512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451], float)
series = arrays(float, 8, elements=st.integers(0, 50).map(float))


def test_peak_flow_of_bland_and_altman() -> None:
    found = agreement("mini", "volume", MINI, WRIGHT)
    assert found.bias == pytest.approx(-2.1, abs=0.05)
    assert found.sd == pytest.approx(38.8, abs=0.05)
    # The paper takes 2 SD (-79.7, 75.5); ours are 1.96 SD.
    assert (found.lower, found.upper) == pytest.approx((-2.1 - 1.96 * 38.8, -2.1 + 1.96 * 38.8), abs=0.1)
    assert (found.bias_low, found.bias_high) == pytest.approx((-22.0, 17.8), abs=0.1)


def test_concordance_of_known_series() -> None:
    first = np.array([1.0, 2, 3, 4])
    assert concordance(first, first) == 1
    assert concordance(first, -first + 5) == -1
    assert concordance(first, first + 1) == pytest.approx(2 * 1.25 / (1.25 + 1.25 + 1))
    assert np.isnan(concordance(np.ones(3), np.ones(3)))
    assert np.isnan(concordance(np.empty(0), np.empty(0)))


@given(series, series)
def test_concordance_is_symmetric_and_at_most_the_correlation(first, second) -> None:
    value = concordance(first, second)
    assert value == pytest.approx(concordance(second, first), nan_ok=True)
    if np.ptp(first) > 0 and np.ptp(second) > 0:
        assert abs(value) <= abs(np.corrcoef(first, second)[0, 1]) + 1e-9


@given(series, series)
def test_exchanging_sides_mirrors_bias_and_limits(first, second) -> None:
    one, other = agreement("a", "count", first, second), agreement("a", "count", second, first)
    assert (one.bias, one.lower, one.upper) == pytest.approx((-other.bias, -other.upper, -other.lower))
    assert one.spearman == pytest.approx(other.spearman, nan_ok=True)


def test_one_pair_has_a_bias_and_nothing_else() -> None:
    found = agreement("a", "volume", np.array([10.0]), np.array([12.0]))
    assert found.bias == 2
    assert np.isnan([found.sd, found.lower, found.bias_low, found.spearman]).all()


def test_all_pairs_of_a_system_count_and_systems_without_additions_do_not(tmp_path: Path) -> None:
    full = read_system("a", write_system(tmp_path / "a" / "scores.tsv", pairs=8))
    bare = read_system("b", write_system(tmp_path / "b" / "scores.tsv", pairs=8, details=False))
    found = agreements([full, bare])
    assert [(a.system, a.quantity, a.pairs) for a in found] == [("a", "volume", 8), ("a", "count", 8)]
    both = sides(full, "count")
    assert both is not None
    assert found[1].bias == pytest.approx((both[1] - both[0]).mean())
    assert found[1].bias == pytest.approx(full.scores["count_difference"].mean())
