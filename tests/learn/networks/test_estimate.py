from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from learn.networks.small import make_case
from newlesions.errors import ConfigError
from newlesions.learn.networks.estimate import (
    EstimateSettings,
    draw_masks,
    estimate_maker,
    lesion_f1,
    softened,
)
from newlesions.networks.build import build
from newlesions.networks.stages import Stage

SETTINGS = EstimateSettings()


def stage(**options) -> Stage:
    return Stage.of(
        "metric",
        {
            "task": "estimate_f1",
            "inputs": ["prediction", "reference"],
            "network": {"name": "estimator", "channels": [4, 8]},
            "sample": {"options": {"estimate": options}},
        },
    )


def mask(*firsts: int) -> np.ndarray:
    made = np.zeros((20, 4, 4), bool)
    for first in firsts:
        made[first : first + 2, 1:3, 1:3] = True
    return made


def test_f1_counts_lesions_that_intersect():
    """Proceedings p. 31, equation 4, by hand."""
    reference = mask(0, 5, 10)
    assert lesion_f1(reference, reference) == 1
    assert lesion_f1(reference, mask(15)) == 0
    assert lesion_f1(reference, mask(1, 15)) == pytest.approx(2 * (1 / 3) * (1 / 2) / (1 / 3 + 1 / 2))
    joined = mask(0) | mask(2) | mask(4)
    assert lesion_f1(reference, joined) == pytest.approx(2 * (2 / 3) * 1 / (2 / 3 + 1)), "one finds two"
    assert (lesion_f1(mask(), mask()), lesion_f1(mask(), mask(1)), lesion_f1(mask(1), mask())) == (1, 0, 0)


def test_pairs_are_spread_evenly_over_their_f1():
    rng = np.random.default_rng(0)
    values = [lesion_f1(*draw_masks(rng, (24, 24, 24), SETTINGS, [], 2.0)) for _ in range(150)]
    shares = np.histogram(values, 5, (0, 1))[0] / len(values)
    assert shares.min() > 0.1 and shares.max() < 0.3
    assert len(np.unique(np.round(values, 3))) > 12


def test_the_prediction_is_soft_and_the_reference_is_not():
    case = make_case(0, 2)
    make = estimate_maker(stage(own_shapes=1.0), [case], (24, 24, 24))
    made = [make(np.random.default_rng(n)) for n in range(8)]
    for element in made:
        prediction, reference = element.inputs
        assert 0 <= prediction.min() <= prediction.max() <= 1 and len(np.unique(prediction)) > 100
        assert set(np.unique(reference)) <= {0, 1}
        assert len(np.unique(element.target)) == 1 and element.target.shape == (1, 24, 24, 24)
        assert element.valid.all()
    assert len({float(element.target[0, 0, 0, 0]) for element in made}) > 3
    np.testing.assert_array_equal(make(np.random.default_rng(3)).inputs, made[3].inputs)


def test_softening_keeps_lesions_above_the_rest():
    prediction = mask(2, 10)
    soft = softened(np.random.default_rng(0), prediction, dataclasses.replace(SETTINGS, blur=(0.4, 0.4)))
    assert soft[prediction].min() > 2 * soft[5:9].max()


def test_what_is_unknown_is_refused():
    with pytest.raises(ConfigError, match="found 'many'; known are most"):
        EstimateSettings.of(stage(many=3))
    with pytest.raises(ConfigError, match="0 cases"):
        estimate_maker(stage(), [], (8, 8, 8))


@pytest.mark.slow
def test_a_network_learns_to_tell_the_f1_of_masks_that_it_has_not_seen():
    """Of 512 pairs in 300 steps: better than the mean by a third, on 128 others."""
    settings, rng = EstimateSettings(most=4), np.random.default_rng(0)
    pairs = [draw_masks(rng, (20, 20, 20), settings, [], 2.4) for _ in range(640)]
    seen = np.stack([[softened(rng, prediction, settings), reference] for reference, prediction in pairs])
    inputs = torch.from_numpy(seen.astype(np.float32))
    values = torch.tensor([lesion_f1(*pair) for pair in pairs], dtype=torch.float32)
    torch.manual_seed(0)
    network = build({"name": "estimator", "channels": [8, 16, 32], "convs": 2}, 2)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    for _ in range(300):
        chosen = rng.integers(0, 512, 16)
        turned = inputs[chosen].flip([axis for axis in (2, 3, 4) if rng.integers(2)])
        optimiser.zero_grad()
        (network(turned)[:, 0, 0, 0, 0] - values[chosen]).square().mean().backward()
        optimiser.step()
    with torch.no_grad():
        told = network.eval()(inputs[512:])[:, 0, 0, 0, 0]
    assert float((told - values[512:]).square().mean()) < 0.67 * float(values[512:].var())
