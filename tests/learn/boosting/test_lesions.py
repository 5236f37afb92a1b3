from __future__ import annotations

import numpy as np
import pytest

from detect.made_pairs import made_pair
from learn.boosting.trained import settings
from newlesions.detect.refinement.model import sigmoid
from newlesions.learn.boosting.lesions import calibrate, candidates_of, objective
from newlesions.learn.boosting.samples import collect


def pair_candidates(miss=0):
    pair, truth = made_pair()
    samples = collect(pair, truth, "p", "s", settings())
    chance = samples.label * 0.9
    if miss:
        chance[samples.index < np.median(samples.index[samples.label == 1])] = 0
    return candidates_of(samples, chance, np.zeros(chance.size, np.float32), 0.5)


def test_candidates_know_how_they_meet_the_reference():
    found = pair_candidates()
    assert found.label.tolist() == [True] * 4
    assert found.kept.all()
    assert (found.hits == found.voxels).all()
    assert found.overlap.row_sizes.size == 4


def test_the_objective_is_one_for_all_and_falls_with_what_is_missed():
    found = pair_candidates()
    everything = np.ones(4, bool)
    assert objective([found], [everything]) == pytest.approx(1, abs=0.03)
    three = everything.copy()
    three[0] = False
    assert objective([found], [three]) < 0.92
    assert objective([found], [~everything]) == 0
    assert objective([found, found], [everything, ~everything]) == pytest.approx(0.5, abs=0.02)


def test_calibration_recovers_a_logistic_curve():
    rng = np.random.default_rng(0)
    score = rng.normal(size=20000) * 3
    label = rng.random(20000) < sigmoid(0.5 * score - 1)
    slope, offset = calibrate(score, label)
    assert (slope, offset) == (pytest.approx(0.5, abs=0.03), pytest.approx(-1, abs=0.06))
