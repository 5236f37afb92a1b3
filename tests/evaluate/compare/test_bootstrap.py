from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from newlesions.evaluate.compare import bootstrap as module
from newlesions.evaluate.compare.bootstrap import Bootstrap

SKEWED = np.random.default_rng(5).gamma(1.5, size=30)


def test_bca_agrees_with_scipy() -> None:
    low, high, how = Bootstrap(20_000).intervals(SKEWED[None])[0]
    known = stats.bootstrap((SKEWED,), np.mean, n_resamples=20_000, method="BCa", rng=1).confidence_interval
    width = known.high - known.low
    assert how == "BCa"
    assert (low, high) == pytest.approx((known.low, known.high), abs=0.03 * width)
    # The correction matters here: the percentile interval lies elsewhere.
    plain = np.quantile(Bootstrap(20_000).means(SKEWED[None]), [0.025, 0.975])
    assert plain[1] < high - 0.03 * width


def test_means_have_the_spread_of_the_mean() -> None:
    means = Bootstrap(20_000).means(SKEWED[None])[:, 0]
    assert means.mean() == pytest.approx(SKEWED.mean(), abs=0.01)
    assert means.std() == pytest.approx(SKEWED.std() / np.sqrt(30), rel=0.03)


def test_rows_share_their_resamples_and_seeds_decide() -> None:
    means = Bootstrap(200).means(np.stack([SKEWED, SKEWED + 1]))
    assert np.allclose(means[:, 1] - means[:, 0], 1)
    assert np.array_equal(means, Bootstrap(200).means(np.stack([SKEWED, SKEWED + 1])))
    assert not np.array_equal(means[:, 0], Bootstrap(200, seed=1).means(SKEWED[None])[:, 0])


def test_chunks_change_nothing_but_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Bootstrap(150).means(SKEWED[None])
    monkeypatch.setattr(module, "_CELLS", 30 * 7)
    assert np.allclose(whole, Bootstrap(150).means(SKEWED[None]))


def test_undefined_values_are_left_out_of_every_mean() -> None:
    row = np.array([[2.0, np.nan, 2.0, np.nan]])
    means = Bootstrap(500).means(row)
    assert set(np.unique(means[np.isfinite(means)])) == {2.0}
    assert 0 < np.isnan(means).mean() < 0.2  # all four drawn pairs undefined: 1/16


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ([0.5, 0.5, 0.5], (0.5, 0.5, "percentile")),
        ([0.1 + 0.2, 0.3, 0.3], (0.3, 0.3, "percentile")),  # equal but for the last digit
        ([0.5, np.nan], (np.nan, np.nan, "none")),
        ([np.nan, np.nan], (np.nan, np.nan, "none")),
    ],
)
def test_without_spread_the_interval_is_the_value_and_without_pairs_there_is_none(row, expected) -> None:
    low, high, how = Bootstrap(100).intervals(np.array([row]))[0]
    assert (low, high) == pytest.approx(expected[:2], nan_ok=True)
    assert how == expected[2]


def test_no_pair_at_all() -> None:
    assert [how for *_, how in Bootstrap(100).intervals(np.empty((2, 0)))] == ["none", "none"]


@settings(max_examples=25)
@given(arrays(float, st.integers(3, 12), elements=st.integers(0, 20).map(float)))
def test_intervals_hold_the_mean_of_symmetric_values(half) -> None:
    row = np.concatenate([half, -half])  # mean 0, no skew
    low, high, _ = Bootstrap(400).intervals(row[None])[0]
    assert low <= 0 <= high
    wider = Bootstrap(400, confidence=0.99).intervals(row[None])[0]
    assert wider[0] <= low and high <= wider[1]


def test_coverage_is_near_the_level() -> None:
    rows = np.random.default_rng(2).normal(size=(400, 25))
    inside = [low <= 0 <= high for low, high, _ in Bootstrap(600).intervals(rows)]
    assert 0.90 <= np.mean(inside) <= 0.98


def test_one_pair_for_each_subject_is_the_bootstrap_over_pairs() -> None:
    values = np.random.default_rng(0).uniform(size=(2, 12))
    plain = Bootstrap(300)
    subjects = np.arange(12)
    np.testing.assert_array_equal(plain.means(values), plain.means(values, subjects=subjects))
    assert plain.intervals(values) == plain.intervals(values, subjects=subjects)


def test_pairs_of_one_subject_are_drawn_together() -> None:
    # Two pairs of each subject with equal values: as many independent values as there are subjects, not pairs.
    rng = np.random.default_rng(1)
    once = rng.uniform(size=(1, 20))
    twice, subjects = np.repeat(once, 2, axis=1), np.repeat(np.arange(20), 2)
    drawn = Bootstrap(4000)
    expected = drawn.means(once).std()
    assert drawn.means(twice, subjects=subjects).std() == pytest.approx(expected, rel=0.05)
    assert drawn.means(twice).std() < 0.8 * expected
    (low, high, how) = drawn.intervals(twice, subjects=subjects)[0]
    assert how == "percentile" and low < twice.mean() < high


def test_subjects_with_more_pairs_weigh_more() -> None:
    values, subjects = np.array([[1.0, 1.0, 0.0]]), np.array([0, 0, 1])
    means = Bootstrap(2000).means(values, subjects=subjects)[:, 0]
    assert set(np.round(np.unique(means), 6)) == {0.0, round(2 / 3, 6), 1.0}
