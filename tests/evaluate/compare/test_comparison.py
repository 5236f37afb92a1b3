from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from evaluate.compare.synthetic import FEW, compared
from newlesions.errors import ConfigError
from newlesions.evaluate.compare.bootstrap import Bootstrap
from newlesions.evaluate.compare.catalogue import HEADLINE
from newlesions.evaluate.compare.comparison import compare


def test_two_systems_are_described_tested_and_ranked(tmp_path: Path) -> None:
    found = compared(tmp_path, "a", "b")
    assert tuple(measure.name for measure in found.shown) == HEADLINE
    assert len(found.descriptions) == 2 * len(found.cohort.measures)
    better = next(t for t in found.tests if t.measure == "F1_score")
    assert better.mean_difference < 0 and better.p < 0.05
    assert {r.system for r in found.ranks if r.rank == 1 and r.ranking == "Dice"} == {"b"}
    a, b = found.curves
    assert (a.pairs, a.without) == (16, 0)
    assert a.froc_score < b.froc_score and a.average_precision < b.average_precision
    assert set(found.sizes) == {"a", "b"}


def test_one_system_alone_is_described(tmp_path: Path) -> None:
    found = compared(tmp_path, "a")
    assert found.tests == found.ranks == ()
    assert len(found.agreements) == 2


def test_without_details_the_scores_remain(tmp_path: Path) -> None:
    found = compared(tmp_path, "a", "b", details=False)
    assert "assd_mm" not in {measure.name for measure in found.shown}
    assert found.agreements == found.curves == ()
    assert found.sizes == {}
    assert len(found.cohort.notes) == 3


def test_measures_are_those_asked_for_in_that_order(tmp_path: Path) -> None:
    found = compared(tmp_path, "a", measures=("PPV", "Dice", "PPV"))
    assert [measure.name for measure in found.shown] == ["PPV", "Dice"]
    with pytest.raises(ConfigError, match="--measures: found 'dice'; expected some of Jaccard, Dice"):
        compared(tmp_path, "a", measures=("dice",))


def test_exchanging_systems_exchanges_their_numbers(tmp_path: Path) -> None:
    found = compared(tmp_path, "a", "b")
    systems = found.cohort.systems
    other = compare(systems[::-1], FEW)
    assert {(d.measure, d.system): d for d in other.descriptions} == {
        (d.measure, d.system): d for d in found.descriptions
    }
    for one, two in zip(found.tests, other.tests, strict=True):
        assert (one.first, one.second, one.p) == (two.second, two.first, two.p)
        assert one.mean_difference == -two.mean_difference
        assert np.isclose(one.rank_biserial, -two.rank_biserial)


def test_equal_seeds_give_equal_intervals(tmp_path: Path) -> None:
    systems = compared(tmp_path, "a", "b").cohort.systems
    one, two, three = (compare(systems, Bootstrap(200, seed)) for seed in (3, 3, 4))
    assert (one.descriptions, one.tests, one.ranks) == (two.descriptions, two.tests, two.ranks)
    assert one.descriptions[0].low != three.descriptions[0].low
