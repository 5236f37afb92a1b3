from __future__ import annotations

import copy

import pytest
import torch

from newlesions.errors import ConfigError
from newlesions.networks.blocks import GroupNorm
from newlesions.networks.build import build, check
from newlesions.networks.film import FiLM

NETWORK = {"name": "film", "channels": [4, 8], "hidden": 8}


def patch(*edges: tuple[float, float, float]) -> torch.Tensor:
    """Two images of each patch, the same in all, and the edges of its voxels."""
    torch.manual_seed(0)
    images = torch.randn(1, 2, 8, 8, 6).expand(len(edges), -1, -1, -1, -1)
    return torch.cat([images, torch.tensor(edges)[:, :, None, None, None].expand(-1, -1, 8, 8, 6)], 1)


def drawn(network: torch.nn.Module) -> torch.nn.Module:
    """With perceptrons that have learned something."""
    for part in network.modules():
        if isinstance(part, FiLM):
            torch.nn.init.normal_(part.perceptron[2].weight)
            torch.nn.init.normal_(part.perceptron[2].bias)
    return network


def test_a_layer_is_the_papers() -> None:
    """Proceedings p. 87."""
    torch.manual_seed(0)
    layer = drawn(FiLM(4, 8))
    z, resolution = torch.randn(2, 4, 3, 4, 5), torch.randn(2, 3)
    torch.nn.init.normal_(layer.gain)
    torch.nn.init.normal_(layer.shift)
    layer.resolution = resolution
    more = layer.perceptron(resolution)
    mean, sd = z.mean((2, 3, 4), keepdim=True), z.std((2, 3, 4), keepdim=True, unbiased=False)
    gain, shift = ((own + given)[..., None, None, None] for own, given in
                   ((layer.gain, more[:, :4]), (layer.shift, more[:, 4:])))  # fmt: skip
    torch.testing.assert_close(layer(z), gain * (z - mean) / sd + shift, rtol=1e-4, atol=1e-4)


def test_before_it_learns_it_is_a_unet_with_instance_norm() -> None:
    torch.manual_seed(0)
    network = build(NETWORK, 5)
    plain = build({"name": "unet3d", "channels": [4, 8]}, 2)
    names = plain.state_dict().keys() & network.state_dict().keys()
    plain.load_state_dict({**plain.state_dict(), **{name: network.state_dict()[name] for name in names}})
    x = patch((1.0, 0.5, 0.5), (3.0, 1.0, 1.0))
    torch.testing.assert_close(network(x), plain(x[:, :2]), rtol=1e-4, atol=1e-5)
    assert not any(isinstance(part, GroupNorm) for part in network.modules())
    norms = sum(isinstance(part, GroupNorm) for part in plain.modules())
    assert sum(isinstance(part, FiLM) for part in network.modules()) == norms > 0


def test_patches_of_one_batch_have_their_own_voxels() -> None:
    torch.manual_seed(0)
    network = drawn(build(NETWORK, 5)).eval()
    both = network(patch((1.0, 0.5, 0.5), (3.0, 1.0, 1.0)))
    assert not torch.allclose(both[0], both[1])
    for number, edges in enumerate(((1.0, 0.5, 0.5), (3.0, 1.0, 1.0))):
        torch.testing.assert_close(both[number : number + 1], network(patch(edges)), rtol=1e-4, atol=1e-5)


def test_every_parameter_learns_and_a_copy_can_be_made() -> None:
    network = drawn(build(NETWORK, 5))
    network(patch((1.0, 0.5, 0.5))).square().sum().backward()
    assert [name for name, one in network.named_parameters() if one.grad is None] == []
    copy.deepcopy(network)(patch((1.0, 1.0, 1.0)))


def test_what_cannot_be_built_is_said() -> None:
    with pytest.raises(ConfigError, match="norm is batch; expected instance"):
        check(NETWORK | {"norm": "batch"})
    with pytest.raises(ConfigError, match="found 3 inputs; expected at least one image, and the edges"):
        build(NETWORK, 3)
