"""Which patches train a classifier of candidates."""

from __future__ import annotations

import numpy as np
import pytest

from newlesions.errors import ConfigError
from newlesions.images.morphology import label_lesions
from newlesions.learn.networks.candidates import CandidateCase, candidate_elements

SHAPE = (20, 20, 20)
BRAIN = np.ones(SHAPE, bool)


def block(i: int, side: int = 2) -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[i : i + side, 8 : 8 + side, 8 : 8 + side] = True
    return mask


def made(candidates: np.ndarray, reference: np.ndarray) -> CandidateCase:
    """The first axis' number is the image."""
    channels = np.broadcast_to(np.arange(20.0).reshape(1, 20, 1, 1), (1, *SHAPE))
    return CandidateCase.of(channels, label_lesions(candidates), reference, BRAIN)


def test_candidates_that_meet_the_reference_are_true_and_so_are_lesions_that_none_meets() -> None:
    one = made(block(2, 3) | block(10), block(4) | block(16))
    assert sorted(one.true[:, 0].tolist()) == [3, 4, 16], "one candidate, and both lesions"
    assert one.false[:, 0].tolist() == [10]
    assert one.channels.dtype == np.float16 and not one.elsewhere[4:6, 8:10, 8:10].any()


def test_the_label_belongs_to_the_patch_and_both_kinds_are_drawn_as_often_as_asked() -> None:
    draw = candidate_elements([made(block(2, 3) | block(10), block(4) | block(16))], (4, 4, 4), 0.25)
    rng = np.random.default_rng(0)
    some = [draw(rng) for _ in range(400)]
    assert {one.inputs.shape for one in some} == {(1, 4, 4, 4)}
    assert {(one.target.shape, one.valid.shape) for one in some} == {((1, 1, 1, 1), (1, 1, 1))}
    for one in some:
        assert (one.inputs[0, 2, 0, 0] == 10) == (one.target[0, 0, 0, 0] == 0)
    assert 0.19 < np.mean([one.target for one in some]) < 0.31


def test_without_a_false_candidate_any_place_without_reference_is_one() -> None:
    draw = candidate_elements([made(block(2), block(2))], (2, 2, 2), 0.5)
    rng = np.random.default_rng(0)
    false = [one.inputs[0, 1, 0, 0] for one in (draw(rng) for _ in range(60)) if one.target[0, 0, 0, 0] == 0]
    assert len(set(map(float, false))) > 8


def test_without_a_lesion_there_is_nothing_to_learn() -> None:
    with pytest.raises(ConfigError, match="found no new lesion"):
        candidate_elements([made(block(2), np.zeros(SHAPE, bool))], (4, 4, 4), 0.5)
