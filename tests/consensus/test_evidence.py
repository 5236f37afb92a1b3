"""What scores tell of a consensus."""

from __future__ import annotations

import math

import pytest

from newlesions.consensus.evidence import ROW, judge, verdict, verdicts
from newlesions.evaluate.compare.bootstrap import Bootstrap

QUICK = Bootstrap(resamples=500)


def scores(*values: float) -> dict[str, dict[str, float]]:
    return {f"p{n}": {"Dice": value, "F1_score": 1 - value} for n, value in enumerate(values)}


def subjects(*names: str) -> dict[str, str]:
    return {f"p{n}": name for n, name in enumerate(names)}


def test_a_system_is_chosen_by_the_other_subjects_and_the_consensus_is_compared_with_it() -> None:
    table = {"a": scores(0.9, 0.5, 0.5), "b": scores(0.1, 0.6, 0.6), "both": scores(0.7, 0.7, 0.7)}
    found = judge(("a", "b"), ("both",), table, subjects("1", "2", "3"), QUICK)
    assert found.chosen["Dice"] == {"1": "b", "2": "a", "3": "a"}
    row = found.row("both", "Dice")
    assert row is not None and row.kind == "consensus"
    assert (row.mean, row.best) == (pytest.approx(0.7), pytest.approx((0.1 + 0.5 + 0.5) / 3))
    assert row.difference == pytest.approx(row.mean - row.best) and row.is_better
    assert verdict(found, "both").startswith("in Dice it beats the best single system (0.700 against 0.367")
    assert [line.partition(":")[0] for line in verdicts(found)] == ["both"]
    assert set(vars(row)) == set(ROW)


def test_subjects_are_drawn_with_all_of_their_pairs() -> None:
    """Four pairs that agree within each of two subjects tell no more than two."""
    table = {"a": scores(0.5, 0.5, 0.5, 0.5), "b": scores(0.4, 0.4, 0.4, 0.4), "both": scores(0.6, 0.6, 0.4, 0.4)}
    apart = judge(("a", "b"), ("both",), table, subjects("1", "2", "3", "4"), QUICK).row("both", "Dice")
    alike = judge(("a", "b"), ("both",), table, subjects("1", "1", "2", "2"), QUICK).row("both", "Dice")
    assert apart is not None and alike is not None and apart.difference == alike.difference
    assert alike.high - alike.low >= apart.high - apart.low and alike.high == pytest.approx(0.1)
    assert alike.interval == "percentile"


def test_pairs_without_a_value_are_left_out_of_a_measure() -> None:
    table = {"a": scores(0.5, 0.5, 0.5), "b": scores(0.4, 0.4, 0.4), "both": scores(0.6, 0.6, 0.6)}
    for name, count in (("a", 2.0), ("b", 1.0), ("both", 0.0)):
        table[name]["p3"] = {"NbTestedLesions": count}
    found = judge(("a", "b"), ("both",), table, subjects("1", "2", "3", "4"), QUICK)
    dice, false = found.row("both", "Dice"), found.row("both", "NbTestedLesions")
    assert dice is not None and dice.pairs == 3
    assert false is not None and false.pairs == 1 and false.difference == 2.0 and math.isnan(false.low)
    assert found.chosen["NbTestedLesions"] == {"1": "b", "2": "b", "3": "b", "4": "a"}, "of equal ones the first"
