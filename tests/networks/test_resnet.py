from __future__ import annotations

import pytest
import torch

from newlesions.errors import ConfigError
from newlesions.networks.build import build, patch_multiple

RESNET = {"name": "resnet3d", "channels": [4, 4, 8, 8], "layers": [1, 1, 1, 1]}


@pytest.mark.parametrize("side", [8, 16, 24])
def test_a_patch_of_any_size_has_one_answer(side: int) -> None:
    network = build(RESNET, 3)
    assert network(torch.randn(2, 3, side, side, side)).shape == (2, 1, 1, 1, 1)
    assert patch_multiple(RESNET) == 8


def test_it_has_the_layout_of_resnet_18_by_default() -> None:
    """A first convolution, four stages of two blocks of two convolutions, three shortcuts and a linear layer."""
    network = build({"name": "resnet3d", "channels": [4, 8, 16, 32]}, 2)
    convolutions = [part for part in network.modules() if isinstance(part, torch.nn.Conv3d)]
    assert len(convolutions) == 1 + 4 * 2 * 2 + 3
    assert convolutions[0].kernel_size == (3, 3, 3) and convolutions[0].stride == (1, 1, 1)


@pytest.mark.parametrize("entry", [{"channels": [4, 8]}, {"layers": [1, 1, 1]}, {"layers": [1, 1, 0, 1]}])
def test_it_has_four_stages(entry: dict) -> None:
    with pytest.raises(ConfigError, match="expected 4 positive whole numbers"):
        build(RESNET | entry, 1)
