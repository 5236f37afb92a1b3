"""Networks that move an image: how far, where not, and in which precision."""

from __future__ import annotations

import pytest
import torch

from newlesions.errors import ConfigError
from newlesions.networks.build import build, check
from newlesions.networks.registration import Mover, Registered

FIELDNET = {"name": "fieldnet", "channels": [4, 8], "registration": [4, 4]}
NCRNET = {"name": "ncrnet", "channels": [4, 8], "strides": [[2, 2, 1]]}
STACK = (8, 10, 3)


def test_an_image_comes_from_where_the_field_points() -> None:
    image = torch.arange(4 * 5 * 3.0).reshape(1, 1, 4, 5, 3)
    field = torch.zeros(1, 3, 4, 5, 3)
    mover = Mover()
    torch.testing.assert_close(mover(image, field), image)
    field[:, 1] = 2.0
    found = mover(image, field)
    torch.testing.assert_close(found[..., :3, :], image[..., 2:, :])
    torch.testing.assert_close(found[..., 3:, :], image[..., 4:, :].expand(1, 1, 4, 2, 3), msg="the border goes on")
    field[:, 1], field[:, 0] = 0, 0.5
    torch.testing.assert_close(mover(image, field)[:, :, :3], (image[:, :, :3] + image[:, :, 1:]) / 2)


@pytest.mark.parametrize("network", [FIELDNET, NCRNET])
def test_a_field_begins_as_next_to_nothing_and_learns(network: dict[str, object]) -> None:
    x = torch.randn(2, 3, *STACK)
    made = build(network, 3)
    seen = made(x)
    assert isinstance(seen, Registered)
    assert 0 < seen.field.abs().max() < 0.01
    assert torch.equal(seen.fixed, x[:, 1:2])
    (seen.moved - seen.fixed).square().mean().backward()
    learns = {name.split(".")[0] for name, one in made.named_parameters() if one.grad is not None and one.grad.any()}
    assert learns == ({"registration"} if network is FIELDNET else {"encoder", "shifts", "displacement"})


def test_the_field_is_another_branch_s_input() -> None:
    """Nothing but the loss of the answer: it also moves the registration, end to end."""
    made = build(FIELDNET, 2)
    made(torch.randn(1, 2, 8, 8, 8)).answer.sum().backward()
    assert all(one.grad is not None for name, one in made.named_parameters())
    assert made.classify.in_channels == 2 * 4


def test_where_nothing_corresponds_nothing_moves_once_it_is_applied() -> None:
    made = build(NCRNET, 3)
    torch.nn.init.constant_(made.displacement.convolution.conv.bias, 1.0)
    torch.nn.init.zeros_(made.displacement.convolution.conv.weight)
    x = torch.randn(1, 3, *STACK)
    head = made.decoder.heads[0]
    torch.nn.init.zeros_(head.weight)
    shifted = Mover()(x[:, :1], torch.ones(1, 3, *STACK))
    torch.nn.init.constant_(head.bias, 4.0)
    with torch.no_grad():
        torch.testing.assert_close(made(x).moved, shifted, msg="in training the field is as it is")
        torch.testing.assert_close(made.eval()(x)[:, 1:], x[:, :1])
        torch.nn.init.constant_(head.bias, -4.0)
        torch.testing.assert_close(made(x)[:, 1:], shifted)


@pytest.mark.parametrize("network", [FIELDNET, NCRNET])
def test_fields_and_moved_images_keep_single_precision(network: dict[str, object]) -> None:
    made = build(network, 2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        seen = made(torch.randn(1, 2, *STACK))
    assert seen.answer.dtype == torch.bfloat16
    assert {seen.field.dtype, seen.moved.dtype, seen.fixed.dtype} == {torch.float32}


def test_both_widths_are_scaled() -> None:
    wide, narrow = (build({**FIELDNET, "channels": [16, 32], "registration": [16, 32]}, 2, width) for width in (1, 0.5))
    first, second = (next(made.registration.parameters()).shape[0] for made in (wide, narrow))
    assert (first, second) == (16, 8)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ({**FIELDNET, "registration": [4]}, r"registration is \[4\]; expected 2 positive whole numbers"),
        ({**FIELDNET, "final": "tanh"}, "found deep_supervision or final"),
        ({**NCRNET, "channels": [4, 8, 8], "strides": 2, "deep_supervision": 2}, "found deep_supervision or final"),
        ({**NCRNET, "still": 1.5}, "still is 1.5; expected a share"),
    ],
)
def test_what_cannot_register_is_one_line(network: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check(network)
