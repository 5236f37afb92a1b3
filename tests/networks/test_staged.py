"""Networks that help others: the estimator of a loss, the autoencoder, and the one that begins with its encoder."""

from __future__ import annotations

import pytest
import torch

from newlesions.errors import ConfigError
from newlesions.networks.blocks import GroupNorm
from newlesions.networks.build import build, check, patch_multiple
from newlesions.networks.similarity import SimilarityGate
from newlesions.networks.weights import transfer

SHAPE = {"channels": [4, 8, 16], "residual": True, "norm": "group", "group_size": 4, "activation": "relu"}
AUTOENCODER, SIMILARITY = {"name": "autoencoder", **SHAPE}, {"name": "similarity", **SHAPE}
ESTIMATOR = {"name": "estimator", "channels": [4, 8], "cells": 2, "hidden": 8}


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def test_an_estimator_tells_one_number_of_a_patch_of_any_size():
    network = build(ESTIMATOR, 2)
    assert patch_multiple(ESTIMATOR) == 2
    for sides in ((8, 8, 8), (16, 12, 10)):
        told = network(torch.rand(3, 2, *sides))
        assert told.shape == (3, 1, *sides)
        assert 0 < told.min() <= told.max() < 1
        assert all(len(one.unique()) == 1 for one in told)
        assert len(told[:, 0, 0, 0, 0].unique()) == 3
    kinds = [type(part).__name__ for part in network.modules()]
    assert kinds.count("Conv3d") == 2 and kinds.count("Linear") == 2
    with pytest.raises(ConfigError, match="cells is 0"):
        check(ESTIMATOR | {"cells": 0})


def test_an_autoencoder_gives_both_visits_and_in_training_how_their_features_differ():
    network = build(AUTOENCODER, 2)
    x = torch.randn(2, 2, 8, 12, 8)
    images, *differences = network.train()(x)
    assert images.shape == x.shape
    assert [tuple(one.shape) for one in differences] == [(2, 4, 8, 12, 8), (2, 8, 4, 6, 4), (2, 16, 2, 3, 2)]
    same = network(x[:, :1].repeat(1, 2, 1, 1, 1))[1:]
    assert all(not one.any() for one in same), "one encoder for both"
    again = network.eval()(x)
    assert again.shape == x.shape
    torch.testing.assert_close(again, images)
    one, other = network.ends
    assert not torch.equal(next(one.parameters()), next(other.parameters())), "a block of its own for each visit"
    with pytest.raises(ConfigError, match="deep_supervision"):
        check(AUTOENCODER | {"deep_supervision": 2})


def test_the_similarity_gate_is_the_papers():
    """Proceedings p. 109, equation 1, at one voxel."""
    gate = SimilarityGate(3, 4)
    before, after = torch.randn(1, 4, 3, 4, 5), torch.randn(1, 4, 3, 4, 5)

    def z(x: torch.Tensor) -> torch.Tensor:
        return (x - x.mean((2, 3, 4), keepdim=True)) / x.std((2, 3, 4), keepdim=True, unbiased=False)

    n0, n1 = (z(x)[0, :, 1, 2, 3] for x in (before, after))
    weight, bias = gate.embed.weight[:, :, 0, 0, 0], gate.embed.bias
    expected = (n0 @ n1 / 4).abs() * (weight @ (n1 - n0) + bias)
    torch.testing.assert_close(gate(before, after)[0, :, 1, 2, 3], expected)
    one = before[..., :1, :1, :1].requires_grad_(True)
    nothing = gate(one, after[..., :1, :1, :1])
    assert not nothing.any(), "one voxel has no z-score"
    nothing.sum().backward()
    assert one.grad is not None and bool(one.grad.isfinite().all())


def test_the_dual_path_network_takes_the_autoencoders_encoder_over():
    source, target = build(AUTOENCODER, 2), build(SIMILARITY, 2)
    taken = transfer(source, target, "encoder")
    assert len(taken) == len(target.encoder.state_dict())
    x = torch.randn(1, 2, 16, 16, 8)
    assert target(x).shape == (1, 1, 16, 16, 8)
    torch.testing.assert_close(target.encoder(x[:, :1])[0], source.encoder(x[:, :1])[0])


def test_groups_of_a_size_have_so_many_channels():
    network = build(SIMILARITY, 2)
    sizes = {part.num_channels // part.num_groups for part in network.encoder.modules() if isinstance(part, GroupNorm)}
    assert sizes <= {4, 1} and 4 in sizes
    with pytest.raises(ConfigError, match="groups of 3"):
        check(SIMILARITY | {"group_size": 3})
