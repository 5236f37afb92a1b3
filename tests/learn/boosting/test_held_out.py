from __future__ import annotations

import math

import pytest

from learn.boosting.trained import model, noisy_pair
from newlesions.learn.boosting.held_out import calibration_error, held_out


def test_every_candidate_is_listed_with_its_truth():
    pair, truth = noisy_pair(51)
    row = held_out(pair, truth, model(), "p", "s")
    judged = [item.split(":") for item in row["probabilities"].split()]
    accepted = [true for chance, true in judged if float(chance) >= model().accept]
    assert len(judged) >= row["lesions"]
    assert accepted.count("1") == round(row["PPVL"] * len(accepted))


def test_calibration_error():
    assert calibration_error([{"probabilities": "0.950:1 0.950:1"}, {"probabilities": "0.050:0"}]) == pytest.approx(
        0.05
    )
    assert calibration_error([{"probabilities": "1.000:0 0.000:1"}]) == 1
    assert math.isnan(calibration_error([{}, {"probabilities": ""}]))
