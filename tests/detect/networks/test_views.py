"""Mirrored versions of what networks of slices with neighbours see."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import logit

from detect.networks.made import LIMITS
from newlesions.detect.networks.members import apply_stage
from newlesions.detect.networks.views import MirroredStacks
from newlesions.networks.build import build
from newlesions.networks.stages import Predict, Sample, Stage

SHAPE = (8, 12, 10)
SLAB = {"name": "slab", "slices": 3, "channels": [4], "growth": 4, "layers": [1], "dropout": 0.0}


def stage(*views: int, flips: tuple[int, ...] = ()) -> Stage:
    """Windows are whole slices, so that they lie alike in a volume and its mirror image."""
    sample = Sample(patch=(12, 12), views=views, neighbours=1)
    predict = Predict(overlap=0.0, weighting="constant", flips=flips, combine="logits", views="logits")
    return Stage("new", "segment_new", ("followup",), network=SLAB, sample=sample, predict=predict)


def network() -> torch.nn.Module:
    torch.manual_seed(0)
    return build(SLAB, 3).eval()


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("flip", [0, 1, 2])
def test_mirrored_slabs_are_those_of_the_mirrored_volume(axis: int, flip: int) -> None:
    volume = np.random.default_rng(0).normal(size=(1, *SHAPE)).astype(np.float32)
    mask, plain = np.ones(SHAPE, bool), stage(axis)
    found = apply_stage(stage(axis, flips=(flip,)), [network()], volume, mask, LIMITS)
    ahead = apply_stage(plain, [network()], volume, mask, LIMITS)
    back = np.flip(apply_stage(plain, [network()], np.flip(volume, flip + 1), mask, LIMITS), flip)
    assert not np.allclose(ahead, back), "across the slices' own axis too"
    np.testing.assert_allclose(logit(found), (logit(ahead) + logit(back)) / 2, atol=1e-4)


def test_three_views_and_their_mirror_images_are_six_maps() -> None:
    """mckinley2021, p. 99: the mean of the raw logits of six outputs."""
    volume = np.random.default_rng(1).normal(size=(1, *SHAPE)).astype(np.float32)
    mask, maps = np.ones(SHAPE, bool), []
    for axis in range(3):
        for flipped in (False, True):
            seen = np.flip(volume, 1) if flipped else volume
            one = logit(apply_stage(stage(axis), [network()], seen, mask, LIMITS))
            maps.append(np.flip(one, 0) if flipped else one)
    found = apply_stage(stage(0, 1, 2, flips=(0,)), [network(), network()], volume, mask, LIMITS)
    np.testing.assert_allclose(logit(found), np.mean(maps, axis=0), atol=1e-4)


def test_only_the_neighbours_are_exchanged_across_the_slices_own_axis() -> None:
    class Order(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(x[0, :, 0, 0].tolist())
            return x[:, :1]

    seen: list[list[float]] = []
    images = torch.arange(6.0).reshape(1, 6, 1, 1).expand(1, 6, 2, 2)
    MirroredStacks(Order(), 1, [(), (1,), (0, 1)], 3)(images)
    assert seen == [[0, 1, 2, 3, 4, 5], [2, 1, 0, 5, 4, 3], [2, 1, 0, 5, 4, 3]]
