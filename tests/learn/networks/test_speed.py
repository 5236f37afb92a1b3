import pytest
import torch

from newlesions.learn.networks.batch import Batch
from newlesions.learn.networks.losses import Loss
from newlesions.learn.networks.speed import conv_peak, step_flops


def test_operations_of_a_step_are_those_of_its_convolutions():
    network = torch.nn.Sequential(torch.nn.Conv3d(2, 4, 3, padding=1), torch.nn.Conv3d(4, 1, 1))
    batch = Batch(torch.rand(3, 2, 5, 5, 5), torch.zeros(3, 1, 5, 5, 5), torch.ones(3, 1, 5, 5, 5), torch.ones(3))
    voxels = 3 * 5**3
    first, second = 2 * voxels * 27 * 2 * 4, 2 * voxels * 4
    # Forward once; backward once for the weights, and for the inputs of all layers but the first.
    assert step_flops(network, Loss([{"name": "ce"}]), batch) == pytest.approx(2 * first + 3 * second)
    assert all(weight.grad is None for weight in network.parameters())


def test_the_peak_is_measured_once():
    peak = conv_peak(torch.device("cpu"))
    assert 1e8 < peak < 1e14
    assert conv_peak(torch.device("cpu")) == peak
