from __future__ import annotations

from itertools import repeat

import pytest
import torch

from newlesions.learn.networks.batch import Batch
from newlesions.learn.networks.loop import Training
from newlesions.learn.networks.losses import Loss
from newlesions.learn.networks.mine import Miner
from newlesions.networks.stages import Optimise

LOSS = Loss([{"name": "bce"}])


class Shift(torch.nn.Module):
    """Adds one number to its input."""

    def __init__(self) -> None:
        super().__init__()
        self.by = torch.nn.Parameter(torch.zeros(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.by


def batch_of(*logits: float) -> Batch:
    """A patch of equal logits for each; none holds a lesion, so that the error grows with the logit."""
    inputs = torch.tensor(logits).view(-1, 1, 1, 1, 1).expand(-1, 1, 2, 2, 2).clone()
    ones = torch.ones_like(inputs)
    return Batch(inputs, 0 * ones, ones, torch.arange(1.0, len(logits) + 1))


def test_the_patches_on_which_the_teacher_errs_most_are_kept() -> None:
    kept = Miner(Shift(), 3, 0.9).hardest(batch_of(0.5, 2.0, -1.0, 2.0, 1.0), LOSS)
    assert kept.inputs[:, 0, 0, 0, 0].tolist() == [2.0, 2.0, 1.0]
    assert kept.weight.tolist() == [2.0, 4.0, 5.0], "of equal ones the first comes first"
    assert kept.target.shape == kept.valid.shape == (3, 1, 2, 2, 2)


def test_it_is_the_teacher_that_judges() -> None:
    """A network that turns the order around: its teacher still has the first weights."""
    network = torch.nn.Conv3d(1, 1, 1, bias=False)
    torch.nn.init.ones_(network.weight)
    miner = Miner(network, 1, 0.75)
    torch.nn.init.constant_(network.weight, -1.0)
    assert miner.hardest(batch_of(-1.0, 1.0), LOSS).weight.item() == 2
    for expected in (0.5, 0.125, -0.15625):
        miner.follow(network)
        assert miner.teacher.weight.item() == pytest.approx(expected), "w' = 0.75 w' + 0.25 w"
    assert miner.hardest(batch_of(-1.0, 1.0), LOSS).weight.item() == 1


def test_a_training_learns_from_the_hardest_alone() -> None:
    how = Optimise(name="sgd", lr=1.0, momentum=0.0, mine={"keep": 1, "decay": 0.5})
    network = Shift()
    training = Training(network, LOSS, how, 1, 0)
    training.run(lambda first: repeat(batch_of(-20.0, 0.0)), None)
    assert network.by.item() == pytest.approx(-1.0), "twice the slope at 0, one half, for the weight 2"
    assert training.report.patches == 1
    assert training.miner is not None and training.miner.teacher.by.item() == pytest.approx(-0.5)
