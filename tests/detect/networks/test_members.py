from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import expit

from newlesions.detect.networks import members
from newlesions.detect.networks.members import apply_stage, join, window_sides
from newlesions.detect.networks.passes import Passes
from newlesions.detect.networks.views import stacked
from newlesions.detect.networks.window import predict
from newlesions.networks.stages import Limits, Predict, Sample, Stage

SHAPE = (12, 10, 9)
LIMITS = Limits(device="cpu", threads=1)
MASK = np.random.default_rng(3).random(SHAPE) > 0.3
IMAGE = np.random.default_rng(4).normal(0, 2, (2, *SHAPE)).astype(np.float32)


@pytest.fixture(autouse=True)
def _sides_of_four(monkeypatch: pytest.MonkeyPatch) -> None:
    sides = {"unet2d": (4, 4), "unet3d": (4, 4, 4)}
    monkeypatch.setattr("newlesions.detect.networks.members.patch_multiples", lambda network: sides[network["name"]])


def stage(sample: Sample | None = None, **options) -> Stage:
    return Stage(
        "new",
        "segment_new",
        ("baseline", "followup"),
        {"name": "unet2d" if sample and sample.views else "unet3d", "channels": [4]},
        sample=sample or Sample(patch=(8, 8, 8)),
        predict=Predict(**options),
    )


def network(seed: int, kind: type[torch.nn.Module] = torch.nn.Conv3d, outputs: int = 1) -> torch.nn.Module:
    torch.manual_seed(seed)
    return kind(2, outputs, 3, padding=1).eval().requires_grad_(False)


def each(networks, **options):
    return [predict(one, IMAGE, MASK, (8, 8, 8), device="cpu", multiple=4, **options)[0] for one in networks]


def test_members_are_joined_by_the_plain_formulas() -> None:
    networks = [network(seed) for seed in range(3)]
    logits = np.stack(each(networks))
    for how, expected in (("mean", expit(logits).mean(axis=0)), ("logits", expit(logits.mean(axis=0)))):
        ours = apply_stage(stage(combine=how), networks, IMAGE, MASK, LIMITS)
        assert ours.dtype == np.float32
        np.testing.assert_allclose(ours, np.where(MASK, expected, 0), atol=1e-6)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("threshold", [0.1, 0.5, 0.8])
def test_a_vote_is_that_of_most_masks_at_any_threshold(count, threshold) -> None:
    logits = np.random.default_rng(count).normal(0, 2, (count, *SHAPE)).astype(np.float32)
    votes = (expit(logits) >= threshold).sum(axis=0)
    np.testing.assert_array_equal(join(iter(logits), "vote") >= threshold, votes > count / 2)


def test_views_vote_over_the_folds_means() -> None:
    networks = [network(seed, torch.nn.Conv2d) for seed in range(2)]
    views = Sample(patch=(8, 8), views=(0, 1, 2))
    ours = apply_stage(stage(views, threshold=0.4), networks, IMAGE, MASK, LIMITS)
    assert 0 < (ours[MASK] >= 0.4).sum() < MASK.sum()
    masks = []
    for axis in range(3):
        slices = [slice_means(networks, axis, n) for n in range(SHAPE[axis])]
        masks.append(np.stack(slices, axis=axis) >= 0.4)
    np.testing.assert_array_equal((ours >= 0.4)[MASK], (np.sum(masks, axis=0) >= 2)[MASK])
    assert not ours[~MASK].any()


def slice_means(networks, axis, n):
    """The members' mean probability in one slice: only windows with mask count, so its mask is the slice's."""
    image, mask = np.take(IMAGE, n, axis + 1), np.take(MASK, n, axis)
    flat = [slice_of(one, image, mask) for one in networks]
    return expit(np.stack(flat)).mean(axis=0)


def slice_of(one, image, mask):
    """A whole slice without windows: sides above a window's would be cut otherwise."""

    class Whole(torch.nn.Module):
        def forward(self, batch):
            return one(batch[..., 0])[..., None]

    return predict(Whole(), image[..., None], mask[..., None] | True, (8, 8, 1), device="cpu", multiple=4)[0, ..., 0]


def test_views_are_averaged_where_the_stage_says_so() -> None:
    one = network(0, torch.nn.Conv2d)
    parts = [apply_stage(stage(Sample(patch=(8, 8), views=(axis,))), [one], IMAGE, MASK, LIMITS) for axis in (0, 1, 2)]
    views = Sample(patch=(8, 8), views=(0, 1, 2))
    mean = apply_stage(stage(views, views="mean"), [one], IMAGE, MASK, LIMITS)
    np.testing.assert_allclose(mean, np.mean(parts, axis=0), atol=1e-5)


def test_flips_of_2d_networks_stay_within_the_slice() -> None:
    one = network(0, torch.nn.Conv2d)
    view = stage(Sample(patch=(8, 8), views=(2,)))
    across = apply_stage(replace(view, predict=Predict(flips=(2,))), [one], IMAGE, MASK, LIMITS)
    within = apply_stage(replace(view, predict=Predict(flips=(0,))), [one], IMAGE, MASK, LIMITS)
    plain = apply_stage(view, [one], IMAGE, MASK, LIMITS)
    np.testing.assert_array_equal(across, plain)
    assert not np.allclose(within, plain, atol=1e-3)


def test_another_output_may_tell() -> None:
    one = network(0, outputs=3)
    ours = apply_stage(stage(options={"output": 2}), [one], IMAGE, MASK, LIMITS)
    expected = predict(one, IMAGE, MASK, (8, 8, 8), device="cpu", multiple=4)[2]
    np.testing.assert_allclose(ours, np.where(MASK, expit(expected), 0), atol=1e-6)


def test_a_mean_asks_for_one_map_at_a_time() -> None:
    alive = []

    def maps():
        for n in range(4):
            alive.append(n)
            yield np.full(SHAPE, n, np.float32)

    generated = maps()
    join(generated, "mean")
    assert alive == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="no map"):
        join(generated, "mean")


def test_without_a_mask_nothing_is_found() -> None:
    ours = apply_stage(stage(), [network(0)], IMAGE, np.zeros(SHAPE, bool), LIMITS)
    assert ours.shape == SHAPE
    assert not ours.any()


def test_windows_have_sides_that_the_network_takes() -> None:
    of = stage(Sample(patch=(64, 32, 30)))
    assert window_sides(of, LIMITS) == (64, 32, 32)
    assert window_sides(of, replace(LIMITS, patch=0.01)) == (4, 4, 4)
    assert window_sides(replace(of, predict=Predict(window=(96, 96, 96))), replace(LIMITS, patch=0.25)) == (24, 24, 24)
    assert members.window_sides(stage(Sample(patch=(8, 8), views=(1,))), LIMITS) == (8, 8)


def test_neighbours_lie_behind_one_another_and_the_outermost_are_repeated() -> None:
    image = np.arange(2 * 3 * 2 * 2, dtype=np.float32).reshape(2, 3, 2, 2)
    many = stacked(image, 0, 1)
    assert many.shape == (6, 3, 2, 2)
    np.testing.assert_array_equal(many[:, 1], np.concatenate([image[0], image[1]]))
    np.testing.assert_array_equal(many[3:, 0], image[1, [0, 0, 1]])
    np.testing.assert_array_equal(stacked(image, 1, 1)[:3, :, 1], image[0][:, [0, 1, 1]].swapaxes(0, 1))


def test_a_network_of_stacks_sees_each_slice_with_its_neighbours() -> None:
    torch.manual_seed(0)
    one = torch.nn.Conv2d(6, 1, 3, padding=1).eval().requires_grad_(False)
    how = stage(Sample(patch=(12, 12), views=(2,), neighbours=1), overlap=0.0)
    found = apply_stage(how, [one], IMAGE, np.ones(SHAPE, bool), LIMITS)
    padded = np.pad(IMAGE, [(0, 0), (0, 0), (1, 1), (1, 1)], mode="edge")[:, :, 1:-1]
    for k in range(SHAPE[2]):
        stack = torch.from_numpy(np.concatenate([padded[n][:, :, k : k + 3].transpose(2, 0, 1) for n in range(2)]))
        expected = expit(one(stack[None])[0, 0].numpy())
        np.testing.assert_allclose(found[2:-2, 2:-2, k], expected[2:-2, 2:-2], atol=1e-5)


def test_probabilities_are_averaged_as_such() -> None:
    """A network that ends in probabilities: 0 of one window and 1 of another are one half, and below 0 is none."""

    class Given(torch.nn.Module):
        def __init__(self, value: float) -> None:
            super().__init__()
            self.value = value

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return torch.full_like(images[:, :1], self.value)

    how = replace(stage(), network={"name": "unet3d", "channels": [4], "final": "tanh"})
    found = apply_stage(how, [Given(-0.5), Given(0.8)], IMAGE, MASK, LIMITS)
    np.testing.assert_allclose(found[MASK], 0.4, atol=1e-5)


def test_passes_are_the_mean_of_networks_with_dropout() -> None:
    torch.manual_seed(0)
    one = torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.Conv3d(2, 1, 3, padding=1)).eval().requires_grad_(False)
    image = torch.from_numpy(IMAGE)[None]
    state = torch.get_rng_state()
    found = Passes(one, 5, probabilities=False)(image)
    assert torch.equal(torch.get_rng_state(), state) and not one[0].training
    single = []
    for seed in range(5):
        torch.manual_seed(seed)
        single.append(torch.sigmoid(one[1](torch.nn.functional.dropout(image, 0.5, training=True))))
    torch.testing.assert_close(torch.sigmoid(found), torch.stack(single).mean(0), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(found, one(image))
    again = [apply_stage(stage(passes=3), [one], IMAGE, MASK, LIMITS) for _ in range(2)]
    np.testing.assert_array_equal(*again)
    plain = apply_stage(stage(), [one], IMAGE, MASK, LIMITS)
    assert not np.allclose(again[0], plain)
