"""Losses of registrations against plain formulas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy import ndimage

from newlesions.errors import ConfigError
from newlesions.learn.networks.losses import Loss
from newlesions.learn.networks.registration import LOSSES
from newlesions.networks.build import build
from newlesions.networks.registration import Registered
from newlesions.recipes.stages import stages_of
from newlesions.settings import read_recipe

SHAPE = (2, 1, 12, 14, 3)
VALID = torch.ones(SHAPE)


def drawn(**over: torch.Tensor) -> Registered:
    torch.manual_seed(0)
    parts = {name: torch.randn(SHAPE) for name in ("answer", "fixed", "moved")} | {
        "field": torch.randn(2, 3, 12, 14, 3)
    }
    return Registered(**(parts | over))


def value(name: str, seen: Registered, valid: torch.Tensor = VALID, **options: Any) -> torch.Tensor:
    return LOSSES[name][0](seen, valid, **options)


def test_mean_squared_difference_and_its_mask() -> None:
    seen = drawn()
    plain = (seen.fixed - seen.moved) ** 2
    torch.testing.assert_close(value("similarity", seen), plain.flatten(1).mean(1))
    masked = plain * (1 - torch.sigmoid(seen.answer))
    torch.testing.assert_close(value("similarity", seen, masked=True), masked.flatten(1).mean(1))
    half = VALID.clone()
    half[:, :, :6] = 0
    torch.testing.assert_close(value("similarity", seen, half), plain[:, :, 6:].flatten(1).mean(1))


def test_correlation_sees_no_line_between_the_images_and_each_slice_by_itself() -> None:
    fixed = torch.randn(SHAPE, dtype=torch.float64)
    alike = drawn(fixed=fixed, moved=3 * fixed + 2)
    inner = torch.zeros(SHAPE)
    inner[:, :, 4:-4, 4:-4] = 1  # farther out the window holds the zeros beyond the border
    assert value("similarity", alike, inner, measure="ncc").max() < 1e-4
    other = drawn(fixed=fixed, moved=fixed.flip(0))
    apart = value("similarity", other, inner, measure="ncc")
    assert ((apart > 0.9) & (apart < 1)).all(), "of noise little is explained"
    middle = VALID.clone()
    middle[..., (0, 2)] = 0
    before = value("similarity", other, middle, measure="ncc")
    other.moved[..., 2] = 7
    torch.testing.assert_close(value("similarity", other, middle, measure="ncc"), before)


def test_correlation_is_the_plain_formula() -> None:
    seen = drawn()
    one = VALID * 0
    one[:, :, 6, 7, 1] = 1
    fixed, moved = (image[:, 0, 2:11, 3:12, 1].flatten(1) for image in (seen.fixed, seen.moved))
    squared = torch.stack([torch.corrcoef(torch.stack(pair))[0, 1] ** 2 for pair in zip(fixed, moved, strict=True)])
    torch.testing.assert_close(value("similarity", seen, one, measure="ncc", window=9), 1 - squared, rtol=1e-4, atol=0)


def test_smoothness_is_the_squared_gradient_per_voxel() -> None:
    i, j, _ = torch.meshgrid(*(torch.arange(n, dtype=torch.float32) for n in SHAPE[2:]), indexing="ij")
    field = torch.stack([0.5 * i + 2 * j, 0 * i, 3 * j]).expand(2, -1, -1, -1, -1)
    torch.testing.assert_close(value("smoothness", drawn(field=field)), torch.full((2,), 0.25 + 4 + 9))
    assert not value("smoothness", drawn(field=torch.full((2, 3, 12, 14, 3), 5.0))).any()


def test_area_and_contour_of_a_map() -> None:
    chance = torch.full(SHAPE, 0.2)
    seen = drawn(answer=torch.logit(chance))
    torch.testing.assert_close(value("area", seen), torch.full((2,), 0.2))
    assert value("contour", seen).max() < 1e-5
    chance[:, :, 6:] = 0.8
    seen = drawn(answer=torch.logit(chance))
    assert value("area", seen).tolist() == pytest.approx([0.5, 0.5])
    edge = torch.tanh(torch.tensor(0.3)) * 2 / 12  # half the step in each of the two rows beside it
    torch.testing.assert_close(value("contour", seen), edge.expand(2), rtol=1e-4, atol=0)


def test_terms_are_summed_with_their_weights_and_the_elements_weights() -> None:
    seen, target = drawn(), (torch.rand(SHAPE) > 0.8).float()
    weight = torch.tensor([1.0, 0.25])
    entries = [{"name": "ce"}, {"name": "similarity"}, {"name": "smoothness", "weight": 0.01}]
    whole = Loss(entries)(seen, target, VALID, weight)
    answer = Loss(entries[:1])(seen.answer, target, VALID, weight)
    field = (weight * (value("similarity", seen) + 0.01 * value("smoothness", seen))).mean()
    torch.testing.assert_close(whole, answer + field)
    assert Loss(entries[1:])(seen, target * 0, VALID) == Loss(entries[1:])(seen, target, VALID), "no reference is seen"


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"name": "similarity", "measure": "mi"}, "found measure 'mi'; expected mse or ncc"),
        ({"name": "similarity", "measure": "ncc", "window": 15}, "found a window of 15 in patches of 12 x 14 x 3"),
        ({"name": "similarity", "measure": "ncc", "window": 8}, "expected a smaller odd one"),
        ({"name": "smoothness", "order": 2}, "found option 'order'"),
        ({"name": "area", "heads": [1]}, "expected neither for a registration"),
    ],
)
def test_what_is_unknown_is_one_line(entry: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Loss([entry])(drawn(), VALID, VALID)


def test_a_network_that_moves_nothing_has_no_such_loss() -> None:
    with pytest.raises(ConfigError, match="loss area: found a network that moves no image"):
        Loss([{"name": "area"}])(torch.zeros(SHAPE), VALID, VALID)


@pytest.mark.slow
def test_without_a_reference_a_shift_is_undone_and_what_has_no_counterpart_is_marked() -> None:
    """The unsupervised loss of andresen2021 on patchy tissue, moved by one voxel, with a bright square in one visit."""
    rng = np.random.default_rng(0)
    images, marked = [], np.zeros((4, 32, 32, 3), bool)
    for square in marked:
        tissue = ndimage.gaussian_filter(rng.standard_normal((40, 40, 7)), (1.5, 1.5, 1.0))
        tissue /= tissue.std()
        baseline, followup = tissue[3:35, 4:36, 2:5], tissue[4:36, 4:36, 2:5].copy()
        i, j = rng.integers(6, 20, 2)
        square[i : i + 7, j : j + 7] = True
        followup[square] = 3.0
        noisy = [image + 0.1 * rng.standard_normal(image.shape) for image in (baseline, followup)]
        images.append(np.stack([*noisy, noisy[1] - noisy[0]]))
    x, valid = torch.tensor(np.stack(images), dtype=torch.float32), torch.ones(4, 1, 32, 32, 3)
    torch.manual_seed(0)
    network = build({"name": "ncrnet", "channels": [8, 16, 16], "strides": [[2, 2, 1], [2, 2, 1]]}, 3)
    ncr = next(stage for stage in stages_of(read_recipe("andresen2021")) if stage.name == "ncr")
    loss = Loss([entry | ({"window": 9} if entry["name"] == "similarity" else {}) for entry in ncr.loss])
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    for _ in range(80):
        optimiser.zero_grad()
        loss(network(x), torch.zeros_like(valid), valid).backward()
        optimiser.step()
    with torch.no_grad():
        seen = network(x)
    where = torch.from_numpy(marked)
    chance, moves = torch.sigmoid(seen.answer[:, 0]), seen.field.movedim(1, -1)[~where].mean(0)
    torch.testing.assert_close(moves, torch.tensor([1.0, 0.0, 0.0]), rtol=0, atol=0.25)
    assert chance[where].mean() > 0.5 and chance[where].mean() > 2 * chance[~where].mean()
