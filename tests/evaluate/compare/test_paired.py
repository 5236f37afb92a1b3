from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from evaluate.compare.synthetic import scored, write_scores
from newlesions.evaluate.compare.bootstrap import Bootstrap
from newlesions.evaluate.compare.cohort import Cohort, common_cohort
from newlesions.evaluate.compare.paired import holm, paired_tests, rank_biserial, signed_rank
from newlesions.evaluate.compare.read import read_system

differences = arrays(float, st.integers(1, 60), elements=st.integers(-8, 8).map(float))
# Heights of cross- minus self-fertilised maize in eighths of an inch (Darwin 1876; Hollander & Wolfe).
DARWIN = np.array([49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48], float)


def cohort(folder: Path, **dice: list[float]) -> Cohort:
    systems = []
    for name, values in dice.items():
        rows = [scored(f"p{n:02d}", value) for n, value in enumerate(values)]
        systems.append(read_system(name, write_scores(folder / f"{name}.tsv", rows)))
    return common_cohort(systems)


def test_darwins_maize() -> None:
    statistic, p, method = signed_rank(DARWIN)
    assert (statistic, method) == (24, "exact")
    assert p == pytest.approx(0.041259765625)  # scipy.stats.wilcoxon's own example: statistic 24, p 0.0413
    assert rank_biserial(DARWIN) == pytest.approx((96 - 24) / 120)


def test_exact_without_ties_is_scipys() -> None:
    row = np.random.default_rng(3).permutation(np.arange(1, 41)) * np.random.default_rng(4).choice([-1.0, 1, 1], 40)
    known = stats.wilcoxon(row, method="exact")
    assert signed_rank(row)[:2] == pytest.approx((known.statistic, known.pvalue))


@pytest.mark.parametrize("row", [[1, 1, 2, -1, 3, 3], [2, 2, 2, 2, 2, -2, 5], [1, 0, 1, 0, -1, 4, 4, 4, 0, -2]])
def test_exact_with_ties_tries_all_signs(row) -> None:
    moved = np.array([value for value in row if value], float)
    known = stats.wilcoxon(moved, method=stats.PermutationMethod(n_resamples=2 ** len(moved)))
    assert signed_rank(np.array(row, float))[:2] == pytest.approx((known.statistic, known.pvalue))


def test_many_differences_take_the_normal_approximation() -> None:
    row = np.round(np.random.default_rng(3).normal(0.2, 1, 80), 1)
    known = stats.wilcoxon(row, zero_method="wilcox", correction=False, method="asymptotic")
    assert signed_rank(row) == (known.statistic, known.pvalue, "normal approximation")


def test_approximation_continues_the_exact_test() -> None:
    rng = np.random.default_rng(8)
    row = np.round(rng.normal(0.25, 1, 50), 1)
    row = row[row != 0]
    exact, near = signed_rank(row)[1], stats.wilcoxon(row, method="asymptotic", correction=False).pvalue
    assert exact == pytest.approx(near, rel=0.05)


@given(differences)
def test_swapping_systems_flips_the_effect_and_keeps_p(row) -> None:
    assert signed_rank(-row) == signed_rank(row)
    assert rank_biserial(-row) == -rank_biserial(row)


@given(differences, st.randoms(use_true_random=False))
def test_the_order_of_pairs_does_not_matter(row, random) -> None:
    order = list(range(len(row)))
    random.shuffle(order)
    assert signed_rank(row[order])[1] == pytest.approx(signed_rank(row)[1])
    assert rank_biserial(row[order]) == pytest.approx(rank_biserial(row))


@given(differences)
def test_p_is_a_probability_and_zeros_add_nothing(row) -> None:
    statistic, p, _ = signed_rank(row)
    assert 0 < p <= 1
    assert signed_rank(np.concatenate([row, np.zeros(3)]))[:2] == (statistic, p)


def test_no_difference_gives_one() -> None:
    assert signed_rank(np.zeros(9)) == (0, 1, "all differences are zero")
    assert rank_biserial(np.zeros(9)) == 0


def test_holm_of_the_textbook() -> None:
    # Holm's example as R prints it: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1, 1]
    assert holm([]) == []
    assert np.allclose(holm([0.02, np.nan, 0.03]), [0.04, np.nan, 0.04], equal_nan=True)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_is_monotone_and_never_below_p(p) -> None:
    corrected = holm(p)
    assert all(raw <= value <= 1 for raw, value in zip(p, corrected, strict=True))
    assert max(corrected) <= min(1, len(p) * max(p))
    in_order = [value for _, value in sorted(zip(p, corrected, strict=True))]
    assert in_order == sorted(in_order)


def test_equal_systems_do_not_differ(tmp_path: Path) -> None:
    values = [0.1, 0.5, 0.7, 0.9]
    test = next(t for t in paired_tests(cohort(tmp_path, a=values, b=values), Bootstrap(200)) if t.measure == "Dice")
    assert (test.p, test.p_holm, test.mean_difference, test.rank_biserial, test.zeros) == (1, 1, 0, 0, 4)
    assert (test.low, test.high) == (0, 0)


def test_every_two_systems_are_tested_and_corrected_together(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    base = rng.uniform(0.2, 0.6, 20)
    tests = paired_tests(
        cohort(tmp_path, a=list(base), b=list(base + rng.uniform(0, 0.3, 20)), c=list(base + 0.01)), Bootstrap(300)
    )
    dice = [t for t in tests if t.measure == "Dice"]
    assert [(t.first, t.second) for t in dice] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert [t.p_holm for t in dice] == pytest.approx(holm([t.p for t in dice]))
    assert dice[1].median_difference == pytest.approx(-0.01)
    assert dice[1].rank_biserial == -1
    assert dice[0].low < dice[0].mean_difference < dice[0].high < 0
    assert not any(t.measure == "RelativeVolumeError" for t in tests)  # signed: it has no better direction
    assert any(t.measure == "absolute_relative_volume_error" for t in tests)


def test_pairs_undefined_for_either_system_are_left_out_and_counted(tmp_path: Path) -> None:
    nan = float("nan")
    both = cohort(tmp_path, a=[0.1, nan, 0.3, nan], b=[0.2, 0.3, nan, nan])
    test = next(t for t in paired_tests(both, Bootstrap(200)) if t.measure == "Dice")
    assert (test.pairs, test.undefined, test.interval) == (1, 3, "none")
    assert test.note == "1 differ: p cannot be below 1"
    none = next(t for t in paired_tests(cohort(tmp_path, a=[nan], b=[0.2]), Bootstrap(200)) if t.measure == "Dice")
    assert np.isnan([none.p, none.p_holm, none.mean_difference]).all()
    assert none.note == "no pair where both have a value"


def test_roundoff_makes_no_difference(tmp_path: Path) -> None:
    # 0.3 - 0.1 and 0.9 - 0.7 are equal but for the last digit: they tie.
    both = cohort(tmp_path, a=[0.3, 0.9, 0.8], b=[0.1, 0.7, 0.2])
    test = next(t for t in paired_tests(both, Bootstrap(200)) if t.measure == "Dice")
    assert test.median_difference == 0.2
    assert test.p == pytest.approx(0.25)


def test_one_system_has_no_tests(tmp_path: Path) -> None:
    assert paired_tests(cohort(tmp_path, a=[0.1, 0.2]), Bootstrap(200)) == []
