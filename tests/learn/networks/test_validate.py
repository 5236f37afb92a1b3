import numpy as np
import pytest
import torch

from learn.networks.small import make_case, make_stage
from newlesions.learn.networks.sources import tasks_of
from newlesions.learn.networks.validate import mean_dice
from newlesions.networks.stages import Limits

LIMITS = Limits(device="cpu", threads=1)


class Threshold(torch.nn.Module):
    """Says lesion where the follow-up is brighter than the baseline by ``level``."""

    def __init__(self, level):
        super().__init__()
        self.level = torch.nn.Parameter(torch.tensor(level))

    def forward(self, images):
        return 100 * (images[:, 1:] - images[:, :1] - self.level)


def look(*cases, level=40.0):
    stage = make_stage(prepare={"normalise": "none"}, predict={"weighting": "constant", "flips": [0]})
    tasks = [(task, {}) for case in cases for task in tasks_of(case, stage)]
    return mean_dice(tasks, stage, LIMITS)(Threshold(level))


def exact(number):
    """A pair whose new lesions are where the follow-up is brighter by 40."""
    case = make_case(number)
    case.masks["new"] = ((case.followup - case.baseline >= 40) & case.brain).astype(np.uint8)
    return case


def test_the_score_is_the_mean_over_pairs_with_lesions():
    case = exact(1)
    assert look(case) == pytest.approx(1)
    assert look(case, make_case(2, lesions=0)) == pytest.approx(1)
    assert look(case, level=1000.0) == pytest.approx(0, abs=1e-6)
    half = exact(1)
    half.masks["new"][:11] = 0
    single = look(half)
    assert 0 < single < 1
    assert look(case, half) == pytest.approx((1 + single) / 2)


def test_without_any_lesion_an_empty_answer_is_right():
    assert look(make_case(2, lesions=0), level=1000.0) == pytest.approx(1)
    assert look(make_case(2, lesions=0), level=0.0) == pytest.approx(0, abs=1e-6)


def test_a_network_in_training_does_not_notice():
    stage = make_stage(prepare={"normalise": "none"})
    network = Threshold(40.0).train()
    mean_dice([(next(tasks_of(make_case(1), stage)), {})], stage, LIMITS)(network)
    assert network.training
    assert network.level.requires_grad
    network(torch.zeros(1, 2, 4, 4, 4)).sum().backward()
    assert np.isfinite(float(network.level.grad))
