from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from monai.inferers import sliding_window_inference
from scipy import ndimage

from newlesions.detect.networks.window import device_of, layout, mirrors, predict
from newlesions.errors import ConfigError

SHAPE = (20, 17, 15)


def small_network(outputs: int = 2) -> torch.nn.Module:
    """Two layers that see beyond a voxel, so that windows' borders bear on the result."""
    torch.manual_seed(0)
    first, second = torch.nn.Conv3d(2, 4, 3, padding=1), torch.nn.Conv3d(4, outputs, 3, padding=1)
    return torch.nn.Sequential(first, torch.nn.ReLU(), second).eval().requires_grad_(False)


def channels(shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(2, *shape)).astype(np.float32)


def plain(network, image, patch, **options):
    tensor = torch.from_numpy(image)[None]
    with torch.inference_mode():
        return sliding_window_inference(tensor, patch, 3, network, padding_mode="replicate", **options)[0].numpy()


@pytest.mark.parametrize("weighting", ["constant", "gaussian"])
@pytest.mark.parametrize(("patch", "overlap"), [((8, 8, 8), 0.5), ((16, 8, 4), 0.25), ((20, 16, 8), 0.7)])
def test_on_full_masks_it_is_monais_sliding_window(weighting, patch, overlap) -> None:
    network, image = small_network(), channels()
    ours = predict(network, image, np.ones(SHAPE, bool), patch, overlap=overlap, weighting=weighting, device="cpu")
    np.testing.assert_allclose(ours, plain(network, image, patch, overlap=overlap, mode=weighting), atol=1e-5)


def test_a_volume_smaller_than_a_window_is_continued_by_its_border() -> None:
    network, image = small_network(), channels((5, 9, 7))
    ours = predict(network, image, np.ones((5, 9, 7), bool), (8, 8, 8), device="cpu")
    theirs = plain(network, image, (8, 8, 8), overlap=0.5, mode="gaussian")
    assert ours.shape == (2, 5, 9, 7)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_windows_are_cut_to_a_small_volume() -> None:
    network, image = small_network(), channels((5, 9, 17))
    seen = []
    network.register_forward_hook(lambda module, given, output: seen.append(tuple(given[0].shape[2:])))
    ours = predict(network, image, np.ones((5, 9, 17), bool), (16, 16, 16), device="cpu", multiple=4)
    assert set(seen) == {(8, 12, 16)}
    continued = np.pad(image, [(0, 0), (0, 3), (0, 3), (0, 3)], mode="edge")
    theirs = plain(network, continued, (8, 12, 16), overlap=0.5, mode="gaussian")
    np.testing.assert_allclose(ours, theirs[:, :5, :9, :17], atol=1e-5)


def halving_network() -> torch.nn.Module:
    """One that answers otherwise when its input moves by a voxel, as all do that halve their grid."""
    torch.manual_seed(0)
    down, up = torch.nn.Conv3d(2, 4, 2, stride=2), torch.nn.ConvTranspose3d(4, 1, 2, stride=2)
    return torch.nn.Sequential(down, torch.nn.ReLU(), up).eval().requires_grad_(False)


@given(st.tuples(*[st.integers(10, 30)] * 3), st.integers(0, 2**16), st.floats(0, 0.7))
def test_windows_begin_where_the_network_s_grid_does(shape, seed, overlap) -> None:
    network, image = halving_network(), channels(shape)
    rng = np.random.default_rng(seed)
    mask = np.zeros(shape, bool)
    mask[tuple(rng.integers(0, shape, (4, 3)).T)] = True
    ours = predict(network, image, mask, (8, 12, 8), overlap=overlap, device="cpu", multiple=2)
    even = np.pad(image, [(0, 0), *[(0, side % 2) for side in shape]], mode="edge")
    with torch.inference_mode():
        whole = network(torch.from_numpy(even)[None])[0].numpy()
    np.testing.assert_allclose(ours[:, mask], whole[:, *(slice(side) for side in shape)][:, mask], atol=1e-5)


def test_skipped_windows_change_nothing_inside_the_mask() -> None:
    network, image = small_network(), channels()
    mask = np.zeros(SHAPE, bool)
    mask[0, 0, 0] = mask[19, 16, 14] = mask[2:6, 3:8, 1:9] = True
    calls = []
    network.register_forward_hook(lambda module, given, output: calls.append(len(given[0])))
    part = predict(network, image, mask, (8, 8, 8), device="cpu")
    some = sum(calls)
    whole = predict(network, image, np.ones(SHAPE, bool), (8, 8, 8), device="cpu")
    np.testing.assert_allclose(part[:, mask], whole[:, mask], atol=1e-6)
    assert some < (sum(calls) - some) / 2


def test_windows_lie_over_the_mask_and_as_far_as_they_reach_for_nothing() -> None:
    network, image = small_network(), channels((32, 17, 15))
    mask = np.zeros((32, 17, 15), bool)
    mask[8:18, 4:11, 3:13] = True
    ours = predict(network, image, mask, (8, 8, 8), device="cpu")
    # Along the first axis ten voxels and two on either side; three windows hold them and reach over sixteen.
    box = np.s_[5:21, 2:14, 0:15]
    expected = plain(network, np.ascontiguousarray(image[:, *box]), (8, 8, 8), overlap=0.5, mode="gaussian")
    np.testing.assert_allclose(ours[:, *box], expected, atol=1e-5)
    assert not ours[:, :5].any()
    assert not ours[:, 21:].any()


def test_a_small_mask_is_seen_with_its_surroundings() -> None:
    network, image = small_network(), channels()
    mask = np.zeros(SHAPE, bool)
    mask[9, 8, 7] = True
    ours = predict(network, image, mask, (8, 8, 8), device="cpu")
    with torch.inference_mode():
        whole = network(torch.from_numpy(image)[None])[0].numpy()
    np.testing.assert_allclose(ours[:, 9, 8, 7], whole[:, 9, 8, 7], atol=1e-5)


@pytest.mark.parametrize("batch", [1, 2, 7, 100])
def test_the_batch_does_not_bear_on_the_result(batch) -> None:
    network, image = small_network(), channels()
    mask = channels()[0] > 0.5
    expected = predict(network, image, mask, (8, 8, 8), device="cpu")
    np.testing.assert_allclose(predict(network, image, mask, (8, 8, 8), device="cpu", batch=batch), expected, atol=1e-6)


def test_flips_are_averaged_with_the_image_as_it_is() -> None:
    network, image = small_network(), channels((8, 8, 8))
    ours = predict(network, image, np.ones((8, 8, 8), bool), (8, 8, 8), flips=(0, (1, 2)), device="cpu")
    with torch.inference_mode():
        one = torch.from_numpy(image)[None]
        versions = [network(one), network(one.flip(2)).flip(2), network(one.flip([3, 4])).flip([3, 4])]
    np.testing.assert_allclose(ours, (sum(versions) / 3)[0].numpy(), atol=1e-5)
    assert not np.allclose(ours, versions[0][0].numpy(), atol=1e-3)


def test_mirrored_versions_come_once() -> None:
    assert mirrors([0, [0], [1, 0], (0, 1)]) == [(), (0,), (0, 1)]


@given(
    st.tuples(*[st.integers(1, 12)] * 3),
    st.tuples(*[st.integers(0, 20)] * 3),
    st.floats(0, 0.9),
)
def test_windows_reach_every_voxel_and_overlap(patch, more, overlap) -> None:
    shape = tuple(side + n for side, n in zip(patch, more, strict=True))
    reached = np.zeros(shape, int)
    steps = [max(int(side * (1 - overlap)), 1) for side in patch]
    windows = layout(shape, patch, steps)
    for window in windows:
        reached[window] += 1
        assert tuple(side.stop - side.start for side in window) == patch
    assert (reached > 0).all()
    for axis, step in enumerate(steps):
        starts = sorted({window[axis].start for window in windows})
        assert all(later - earlier <= step for earlier, later in pairwise(starts))


def test_an_empty_mask_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        predict(small_network(), channels(), np.zeros(SHAPE, bool), (8, 8, 8), device="cpu")


def test_threads_are_as_many_as_before() -> None:
    before, during = torch.get_num_threads(), []
    network = small_network()
    network.register_forward_hook(lambda *_: during.append(torch.get_num_threads()))
    predict(network, channels((8, 8, 8)), np.ones((8, 8, 8), bool), (8, 8, 8), device="cpu", threads=before + 1)
    assert (torch.get_num_threads(), set(during)) == (before, {before + 1})


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_refused() -> None:
    assert device_of("auto") == device_of("cpu") == torch.device("cpu")
    with pytest.raises(ConfigError, match="no GPU"):
        device_of("cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@pytest.mark.parametrize(("half", "tolerance"), [(None, 1e-3), ("bfloat16", 0.05), ("float16", 0.01)])
def test_a_gpu_agrees_with_the_cpu(half, tolerance) -> None:
    image, mask = channels(), np.ones(SHAPE, bool)
    expected = predict(small_network(), image, mask, (8, 8, 8), device="cpu")
    ours = predict(small_network(), image, mask, (8, 8, 8), device="cuda", half=half)
    np.testing.assert_allclose(ours, expected, atol=tolerance)


class Middle(torch.nn.Module):
    """An unpadded mean over 5 x 5 x 5 voxels."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.avg_pool3d(images, 5, stride=1)


@pytest.mark.parametrize("shape", [SHAPE, (4, 9, 5)])
@pytest.mark.parametrize(("patch", "overlap"), [((7, 6, 5), 0.0), ((8, 8, 8), 0.5)])
def test_a_margin_is_seen_and_not_answered_for(shape, patch, overlap) -> None:
    image = channels(shape)
    mask = np.zeros(shape, bool)
    mask[1:-1, 2:, :-2] = True
    found = predict(Middle(), image, mask, patch, overlap=overlap, margin=2, device="cpu", multiple=1)
    expected = ndimage.uniform_filter(image, (0, 5, 5, 5), mode="nearest")
    np.testing.assert_allclose(found[:, mask], expected[:, mask], atol=1e-5)
