from __future__ import annotations

import pytest
import torch

from newlesions.networks.antialias import BlurDown, BlurUp


@pytest.mark.parametrize("stride", [(2, 2, 2), (1, 2, 2), (2, 2)])
def test_even_images_stay_even_up_to_the_border(stride: tuple[int, ...]) -> None:
    x = torch.full((2, 3, *range(5, 5 + len(stride))), 1.5)
    down, up = BlurDown(stride)(x), BlurUp(stride)(x)
    sides = list(zip(x.shape[2:], stride, strict=True))
    assert list(down.shape[2:]) == [-(-n // step) for n, step in sides]
    assert list(up.shape[2:]) == [n * step for n, step in sides]
    for made in (down, up):
        torch.testing.assert_close(made, torch.full_like(made, 1.5))


def test_a_pattern_of_every_second_voxel_does_not_alias() -> None:
    x = torch.tensor([1.0, -1.0] * 4).view(1, 1, 8, 1, 1).expand(1, 1, 8, 8, 8)
    assert x[:, :, ::2].min() == 1, "without the blur only one of its phases is left"
    assert BlurDown((2, 2, 2))(x)[:, :, 1:].abs().max() < 1e-6


def test_a_step_up_is_linear_between_the_voxels_that_a_step_down_keeps() -> None:
    ramp = torch.arange(5.0).view(1, 1, 5, 1).expand(1, 1, 5, 4)
    up = BlurUp((2, 2))(ramp)
    torch.testing.assert_close(up[0, 0, :9, 3], torch.arange(9) / 2)
    torch.testing.assert_close(BlurDown((2, 2))(up)[0, 0, 1:-1, 0], torch.arange(1.0, 4))
