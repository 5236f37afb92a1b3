from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from evaluate.compare.synthetic import scored, unscored, write_scores
from newlesions.evaluate.compare.bootstrap import Bootstrap
from newlesions.evaluate.compare.cohort import common_cohort
from newlesions.evaluate.compare.describe import Description, describe
from newlesions.evaluate.compare.read import read_system


def described(folder: Path, rows: list) -> dict[str, Description]:
    cohort = common_cohort([read_system("a", write_scores(folder / "scores.tsv", rows))])
    return {d.measure: d for d in describe(cohort, Bootstrap(500))}


def test_moments_are_over_the_pairs_of_the_population_that_have_a_value(tmp_path: Path) -> None:
    rows = [scored("p1", 0.2), scored("p2", 0.6), scored("p3", 0.7, Dice=float("nan")), unscored("p4", 3, 30.0)]
    found = described(tmp_path, rows)
    dice = found["Dice"]
    assert (dice.pairs, dice.undefined) == (2, 1)
    assert (dice.mean, dice.median) == pytest.approx((0.4, 0.4))
    assert dice.sd == pytest.approx(0.4 / np.sqrt(2))
    assert 0.2 <= dice.low <= 0.4 <= dice.high <= 0.6
    false = found["NbTestedLesions"]
    assert (false.pairs, false.mean, false.interval) == (1, 3, "none")
    assert np.isnan([false.sd, false.low]).all()
    assert found["PPV"].pairs == 3


def test_a_measure_undefined_everywhere_says_so(tmp_path: Path) -> None:
    found = described(tmp_path, [scored("p1", 0.2, PPV=float("nan")), scored("p2", 0.2, PPV=float("nan"))])
    assert (found["PPV"].pairs, found["PPV"].undefined) == (0, 2)
    assert np.isnan([found["PPV"].mean, found["PPV"].median, found["PPV"].sd]).all()


def test_the_order_of_rows_does_not_matter(tmp_path: Path) -> None:
    rows = [scored(f"p{n}", value) for n, value in enumerate([0.1, 0.5, 0.9, 0.3])]
    assert described(tmp_path, rows)["Dice"] == described(tmp_path, rows[::-1])["Dice"]
