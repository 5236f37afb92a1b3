from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from evaluate.compare.synthetic import scored, unscored, write_scores
from newlesions.evaluate.compare.bootstrap import Bootstrap
from newlesions.evaluate.compare.catalogue import MEASURES
from newlesions.evaluate.compare.cohort import Cohort, common_cohort
from newlesions.evaluate.compare.ranking import OVERALL, Rank, rankings, ranks
from newlesions.evaluate.compare.read import read_system


def cohort(folder: Path, **systems: list[tuple[str, float]]) -> Cohort:
    """Systems of (``lesion`` or ``empty``, value) per pair."""
    out = []
    for name, values in systems.items():
        rows = [
            scored(f"p{n:02d}", value) if kind == "lesion" else unscored(f"p{n:02d}", value, 10 * value)
            for n, (kind, value) in enumerate(values)
        ]
        out.append(read_system(name, write_scores(folder / f"{name}.tsv", rows)))
    return common_cohort(out)


def lesion(*values: float) -> list[tuple[str, float]]:
    return [("lesion", value) for value in values]


def table(found: list[Rank]) -> dict[tuple[str, str], Rank]:
    return {(r.ranking, r.system): r for r in found}


@given(arrays(float, (4, 6), elements=st.integers(0, 3).map(float)), st.sampled_from(["Dice", "NbTestedLesions"]))
def test_ranks_sum_to_the_same_whatever_ties(means, name) -> None:
    found = ranks(means, MEASURES[name])
    assert (found.sum(axis=1) == 6 * 7 / 2).all()
    best = means.max(axis=1) if name == "Dice" else means.min(axis=1)
    assert ((found == found.min(axis=1, keepdims=True)) == (means == best[:, None])).all()


def test_the_four_rankings_have_their_directions(tmp_path: Path) -> None:
    good = [*lesion(0.8, 0.9, 0.7), ("empty", 0), ("empty", 1)]
    bad = [*lesion(0.2, 0.3, 0.1), ("empty", 3), ("empty", 4)]
    found = table(rankings(cohort(tmp_path, good=good, bad=bad), Bootstrap(300)))
    for ranking in ("F1_score", "Dice", "NbTestedLesions", "VolTestedLesions", OVERALL):
        first, second = found[ranking, "good"], found[ranking, "bad"]
        assert (first.rank, first.low, first.high, first.first) == (1, 1, 1, 1)
        assert (second.rank, second.first) == (2, 0)
    assert found["NbTestedLesions", "bad"].value == 3.5
    assert found[OVERALL, "bad"].value == 2


def test_equal_systems_share_every_rank(tmp_path: Path) -> None:
    values = [*lesion(0.1, 0.21, 0.37, 0.77), ("empty", 1)]
    found = rankings(cohort(tmp_path, a=values, b=values, c=values), Bootstrap(300))
    assert {(r.rank, r.low, r.high) for r in found} == {(2, 2, 2)}
    assert [r.first for r in found] == pytest.approx([1 / 3] * len(found))
    assert {r.frequencies for r in found} == {((2.0, 1.0),)}


def test_a_close_race_is_uncertain(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    first, second = rng.uniform(0.4, 0.6, 12), rng.uniform(0.4, 0.6, 12)
    found = table(rankings(cohort(tmp_path, a=lesion(*first), b=lesion(*second)), Bootstrap(2000)))
    a, b = found["Dice", "a"], found["Dice", "b"]
    assert (a.low, a.high, b.low, b.high) == (1, 2, 1, 2)
    assert a.first + b.first == pytest.approx(1)
    assert (a.rank < b.rank) == (a.first > b.first)
    # With two systems, the chance to be first is that of a larger resampled mean.
    means = Bootstrap(2000).means(np.round(np.stack([first, second]), 6))
    assert a.first == pytest.approx((means[:, 0] > means[:, 1]).mean(), abs=0.001)
    assert sum(share for _, share in a.frequencies) == pytest.approx(1)


def test_rankings_without_pairs_are_left_out(tmp_path: Path) -> None:
    found = rankings(cohort(tmp_path, a=lesion(0.1, 0.4), b=lesion(0.2, 0.3)), Bootstrap(200))
    assert list(dict.fromkeys(r.ranking for r in found)) == ["F1_score", "Dice", OVERALL]


def test_one_system_is_not_ranked(tmp_path: Path) -> None:
    assert rankings(cohort(tmp_path, a=lesion(0.1, 0.4)), Bootstrap(200)) == []
