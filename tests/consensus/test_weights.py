"""Weights learned from references."""

from __future__ import annotations

import numpy as np
import pytest

from consensus.made import seen, truth
from newlesions.consensus.weights import Moments, learn_weights, moments
from newlesions.errors import ConfigError


def pairs(errors: list[float], count: int = 4) -> list[Moments]:
    found = []
    for number in range(count):
        mask = truth(number, lesion=number > 0)
        found.append(moments(np.stack([seen(mask, error, 10 * number + n) for n, error in enumerate(errors)]), mask))
    return found


def dice(weights: np.ndarray, maps: np.ndarray, mask: np.ndarray) -> float:
    mean = np.tensordot(weights, maps, axes=1)
    return float((2 * (mean * mask).sum() + 1) / ((mean**2).sum() + mask.sum() + 1))


def test_moments_hold_what_the_score_needs() -> None:
    mask = truth(1)
    maps = np.stack([seen(mask, 0.2, 1), seen(mask, 0.3, 2)]).astype(np.float64)
    found, weights = moments(maps, mask), np.array([0.3, 0.7])
    score = (2 * weights @ found.hits + 1) / (weights @ found.products @ weights + found.lesion + 1)
    assert score == pytest.approx(dice(weights, maps, mask))


def test_the_better_a_system_the_more_it_weighs() -> None:
    weights = learn_weights(pairs([0.1, 0.3, 0.6]))
    assert weights.sum() == pytest.approx(1) and (weights >= 0).all()
    assert weights[0] > weights[1] > weights[2]
    again = learn_weights(pairs([0.1, 0.3, 0.6]))
    assert weights.tobytes() == again.tobytes()


def test_one_that_knows_all_is_all_and_one_that_says_the_opposite_nothing() -> None:
    mask = truth(2)
    exact = mask.astype(np.float32)
    np.testing.assert_allclose(learn_weights([moments(np.stack([exact, 1 - exact]), mask)]), [1, 0], atol=1e-5)


def test_no_other_weights_are_better() -> None:
    masks = [truth(n) for n in range(3)]
    maps = [np.stack([seen(mask, e, 7 * n + i) for i, e in enumerate((0.2, 0.3, 0.4))]) for n, mask in enumerate(masks)]
    found = learn_weights([moments(*both) for both in zip(maps, masks, strict=True)])
    best = np.mean([dice(found, *both) for both in zip(maps, masks, strict=True)])
    rng = np.random.default_rng(0)
    for other in rng.dirichlet([1, 1, 1], 200):
        assert np.mean([dice(other, *both) for both in zip(maps, masks, strict=True)]) <= best + 1e-6


def test_without_a_pair_there_is_nothing_to_learn() -> None:
    with pytest.raises(ConfigError, match="found no pair with a reference to learn weights from"):
        learn_weights([])
