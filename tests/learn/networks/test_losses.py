import math

import pytest
import torch

from newlesions.errors import ConfigError
from newlesions.learn.networks.losses import NAMES, Loss
from newlesions.learn.networks.registration import LOSSES as REGISTRATION

SHAPE = (2, 1, 6, 5, 4)
ONES = torch.ones(SHAPE)


def drawn(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(SHAPE, generator=generator), (torch.rand(SHAPE, generator=generator) > 0.7).float()


def value(logits, target, valid=ONES, weight=None, **entry) -> float:
    return float(Loss([entry])(logits, target, valid, weight))


SEGMENTATION = ("dice", "generalised_dice", "tversky", "ce", "bce", "topk", "focal")


@pytest.mark.parametrize("name", SEGMENTATION)
def test_a_perfect_answer_costs_nothing_and_the_opposite_much(name):
    _, target = drawn()
    right = value(40 * (2 * target - 1), target, name=name)
    wrong = value(-40 * (2 * target - 1), target, name=name)
    assert right == pytest.approx(0, abs=1e-4)
    assert wrong > 0.9


@pytest.mark.parametrize("name", SEGMENTATION)
def test_an_empty_answer_to_an_empty_patch_costs_nothing(name):
    empty = torch.zeros(SHAPE)
    assert value(torch.full(SHAPE, -60.0), empty, name=name) == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(REGISTRATION) - {"lesion_f1"}))
def test_padded_voxels_change_neither_the_loss_nor_its_gradient(name):
    logits, target = drawn()
    valid = ONES.clone()
    valid[..., 2:] = 0
    inside = value(logits[..., :2], target[..., :2], valid[..., :2], name=name)
    padded = logits.clone().requires_grad_()
    loss = Loss([{"name": name}])(padded, target, valid)
    loss.backward()
    assert loss.item() == pytest.approx(inside, rel=1e-5)
    assert not padded.grad[..., 2:].any()
    assert padded.grad[..., :2].any()


@pytest.mark.parametrize("squared", [False, True])
def test_soft_dice_is_the_plain_formula(squared):
    logits, target = drawn()
    p = torch.sigmoid(logits).flatten(1)
    g = target.flatten(1)
    below = (p**2).sum(1) + (g**2).sum(1) if squared else p.sum(1) + g.sum(1)
    expected = (1 - (2 * (p * g).sum(1) + 1) / (below + 1)).mean()
    assert value(logits, target, name="dice", squared=squared, smooth=1.0) == pytest.approx(float(expected), rel=1e-5)


def test_dice_of_both_classes_is_their_mean():
    logits, target = drawn()
    lesion, background = value(logits, target, name="dice"), value(-logits, 1 - target, name="dice")
    assert value(logits, target, name="dice", both=True) == pytest.approx((lesion + background) / 2, rel=1e-5)


def test_dice_of_the_batch_joins_its_patches():
    logits, target = drawn()
    p, g = torch.sigmoid(logits), target
    expected = 1 - 2 * (p * g).sum() / (p.sum() + g.sum())
    assert value(logits, target, name="dice", batch=True) == pytest.approx(float(expected), rel=1e-4)


def test_cross_entropy_is_the_plain_formula():
    logits, target = drawn()
    p = torch.sigmoid(logits)
    expected = -(3 * target * p.log() + (1 - target) * (1 - p).log()).mean()
    assert value(logits, target, name="ce", pos_weight=3.0) == pytest.approx(float(expected), rel=1e-5)


def test_focal_without_focus_is_cross_entropy_and_its_formula_with():
    logits, target = drawn()
    p = torch.sigmoid(logits)
    right = torch.where(target > 0, p, 1 - p)
    assert value(logits, target, name="focal", gamma=0.0) == pytest.approx(value(logits, target, name="ce"), rel=1e-5)
    expected = -((1 - right) ** 2 * right.log()).mean()
    assert value(logits, target, name="focal", gamma=2.0) == pytest.approx(float(expected), rel=1e-5)


def test_top_k_is_the_mean_of_the_worst_voxels():
    logits, target = drawn()
    p = torch.sigmoid(logits)
    each = -torch.where(target > 0, p, 1 - p).log().flatten(1)
    expected = each.sort(1, descending=True).values[:, :12].mean()  # a tenth of 120 voxels
    assert value(logits, target, name="topk", share=0.1) == pytest.approx(float(expected), rel=1e-5)
    assert value(logits, target, name="topk", share=1.0) == pytest.approx(value(logits, target, name="ce"), rel=1e-5)


def test_tversky_with_halves_is_dice():
    logits, target = drawn()
    halves = value(logits, target, name="tversky", alpha=0.5, beta=0.5, smooth=1e-5)
    assert halves == pytest.approx(value(logits, target, name="dice"), rel=1e-4)


def test_generalised_dice_weighs_each_class_by_its_volume():
    logits, target = drawn()
    p, g = torch.sigmoid(logits).flatten(1), target.flatten(1)
    above = below = 0.0
    for chance, truth in ((p, g), (1 - p, 1 - g)):
        weight = 1 / truth.sum(1) ** 2
        above = above + weight * (chance * truth).sum(1)
        below = below + weight * (chance + truth).sum(1)
    expected = (1 - 2 * above / below).mean()
    assert value(logits, target, name="generalised_dice") == pytest.approx(float(expected), rel=1e-3)


def test_images_are_compared_as_they_are():
    outputs, target = drawn()
    assert value(outputs, target, name="mse") == pytest.approx(float(((outputs - target) ** 2).mean()), rel=1e-5)
    assert value(outputs, target, name="l1") == pytest.approx(float((outputs - target).abs().mean()), rel=1e-5)
    expected = ((torch.sigmoid(outputs) - target) ** 2).mean()
    assert value(outputs, target, name="l2", of="probability") == pytest.approx(float(expected), rel=1e-5)


def test_elements_and_terms_have_their_weights():
    logits, target = drawn()
    first, second = (value(logits[n : n + 1], target[n : n + 1], ONES[:1], name="ce") for n in range(2))
    weighted = value(logits, target, ONES, torch.tensor([1.0, 1 / 3]), name="ce")
    assert weighted == pytest.approx((first + second / 3) / 2, rel=1e-5)
    both = Loss([{"name": "dice", "weight": 2.0}, {"name": "ce"}])(logits, target, ONES)
    expected = 2 * value(logits, target, name="dice") + value(logits, target, name="ce")
    assert float(both) == pytest.approx(expected, rel=1e-5)


def test_voxels_have_their_weights():
    logits, target = drawn()
    valid = torch.where(target > 0, 3.0, 1.0)
    p = torch.sigmoid(logits)
    each = -torch.where(target > 0, p, 1 - p).log()
    expected = ((each * valid).flatten(1).sum(1) / valid.flatten(1).sum(1)).mean()
    assert value(logits, target, valid, name="ce") == pytest.approx(float(expected), rel=1e-5)


def test_coarser_outputs_are_compared_with_means_of_the_target():
    logits = torch.randn(1, 1, 4, 4, 4, generator=torch.Generator().manual_seed(1))
    target = torch.zeros(1, 1, 8, 8, 8)
    target[0, 0, :3, :2, :2] = 1
    valid = torch.ones_like(target)
    small = target.view(1, 1, 4, 2, 4, 2, 4, 2).mean((3, 5, 7))
    fine = torch.randn(1, 1, 8, 8, 8, generator=torch.Generator().manual_seed(2))
    apart = [value(head, truth, torch.ones_like(truth), name="ce") for head, truth in ((fine, target), (logits, small))]
    both = Loss([{"name": "ce", "heads": [1, 0.5]}])([fine, logits], target, valid)
    assert float(both) == pytest.approx((apart[0] + 0.5 * apart[1]) / 1.5, rel=1e-5)
    first = Loss([{"name": "ce", "heads": [1]}])([fine, logits], target, valid)
    assert float(first) == pytest.approx(apart[0], rel=1e-5)


def test_patches_without_valid_voxels_cost_nothing():
    logits, target = drawn()
    for name in ("ce", "focal", "mse"):
        assert value(logits, target, torch.zeros(SHAPE), name=name) == 0
    assert math.isfinite(value(logits, target, torch.zeros(SHAPE), name="dice"))


@pytest.mark.parametrize(
    ("entries", "text"),
    [
        ([{"name": "dise"}], "'dise'; expected one of dice"),
        ([{"name": "lesion_f1"}], "found no stage of task estimate_f1 in `uses`"),
        ([{"name": "dice", "gama": 1}], "loss dice: found option 'gama'"),
        ([], "at least one"),
    ],
)
def test_unknown_losses_and_options_are_refused(entries, text):
    with pytest.raises(ConfigError, match=text):
        Loss(entries)


def test_two_channels_are_refused_for_segmentation():
    with pytest.raises(ConfigError, match="found 2 outputs"):
        value(torch.zeros(1, 2, 3, 3, 3), torch.zeros(1, 1, 3, 3, 3), torch.ones(1, 1, 3, 3, 3), name="dice")


def test_of_several_targets_the_mean_is_taken():
    logits, target = zip(*(drawn(seed) for seed in range(3)), strict=True)
    weight = torch.tensor([1.0, 0.5])
    for entry in ({"name": "dice"}, {"name": "dice", "batch": True}, {"name": "focal", "gamma": 1.0}):
        each = [value(*one, weight=weight, **entry) for one in zip(logits, target, strict=True)]
        found = value(torch.cat(logits, 1), torch.cat(target, 1), weight=weight, **entry)
        assert found == pytest.approx(sum(each) / 3, rel=1e-5)


class Judge(torch.nn.Module):
    """Says the mean of the prediction within the reference."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        prediction, reference = x.split(1, dim=1)
        told = (prediction * reference).flatten(1).sum(1) / reference.flatten(1).sum(1).clamp_min(1)
        return told.view(-1, *[1] * (x.ndim - 1)).expand(-1, 1, *x.shape[2:])


def test_a_judge_sees_probability_and_target_where_they_are_valid():
    logits, target = drawn()
    valid = ONES.clone()
    valid[..., 2:] = 0
    loss = Loss([{"name": "lesion_f1", "weight": 0.5}], judge=Judge())
    chance = torch.sigmoid(logits)[..., :2]
    each = [float(chance[n][target[n, ..., :2] > 0].mean()) for n in range(len(target))]
    learned = logits.clone().requires_grad_()
    value = loss(learned, target, valid)
    assert float(value.detach()) == pytest.approx(0.5 * (1 - sum(each) / len(each)), rel=1e-5)
    value.backward()
    assert learned.grad[..., :2].any() and not learned.grad[..., 2:].any()
    with pytest.raises(ConfigError, match="one by one"):
        Loss([{"name": "lesion_f1", "batch": True}], judge=Judge())


def test_consistency_is_the_mean_square_of_the_heads_that_are_differences():
    images, target = drawn()
    fine, coarse = torch.full((2, 4, *SHAPE[2:]), 2.0), torch.full((2, 8, 1, 2, 2), 3.0)
    entries = [{"name": "mse", "heads": [1]}, {"name": "consistency", "weight": 2, "heads": [0, 1, 1]}]
    found = Loss(entries)([images, fine, coarse], target, ONES)
    assert float(found) == pytest.approx(float((images - target).square().mean()) + 4 + 9, rel=1e-5)
