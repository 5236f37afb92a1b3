from __future__ import annotations

import numpy as np
import pytest
import torch

from newlesions.detect.networks.views import stacked
from newlesions.errors import ConfigError
from newlesions.networks.build import build, patch_multiple

SLAB = {"name": "slab", "slices": 5, "channels": [4], "growth": 4, "layers": [1, 1, 1], "dropout": 0.0}


def test_two_convolutions_take_five_slices_to_the_central_one() -> None:
    network = build(SLAB, 2 * 5)
    kernels = [part.kernel_size for part in network.modules() if isinstance(part, torch.nn.Conv3d)]
    assert kernels == [(3, 3, 3), (3, 3, 3)]
    assert next(network.modules()).head[0].in_channels == 2, "an image's slices are depth, not channels"
    x = torch.randn(2, 10, 12, 8)
    assert network.head(x.unflatten(1, (-1, 5))).shape == (2, 4, 1, 12, 8)
    assert network(x).shape == (2, 1, 12, 8) and patch_multiple(SLAB) == 4


def test_channels_become_slabs_in_the_order_in_which_slices_are_stacked() -> None:
    images = np.random.default_rng(0).normal(size=(3, 8, 6, 9)).astype(np.float32)
    for axis in range(3):
        slices = np.moveaxis(stacked(images, axis, 2), axis + 1, 0)[3]  # of the fourth slice, (15, ., .)
        slabs = torch.from_numpy(slices[None]).unflatten(1, (-1, 5))[0]
        np.testing.assert_array_equal(slabs, np.moveaxis(images, axis + 1, 1)[:, 1:6])


def test_every_slice_of_the_slab_matters() -> None:
    torch.manual_seed(0)
    network, x = build(SLAB, 5).eval(), torch.randn(1, 5, 8, 8)
    for number in range(5):
        other = x.clone()
        other[:, number] += 1
        assert not torch.allclose(network(x), network(other))


@pytest.mark.parametrize(
    ("over", "inputs", "message"),
    [
        ({"slices": 4}, 8, "slices is 4; expected an odd number from 3 on"),
        ({}, 7, "found 7 inputs; expected each image with the slab's slices"),
        ({"slices": 7}, 5, "found 5 inputs"),
    ],
)
def test_what_cannot_be_is_one_line(over: dict, inputs: int, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build(SLAB | over, inputs)
