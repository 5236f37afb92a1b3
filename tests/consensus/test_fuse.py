"""Fused maps against plain counts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newlesions.consensus.fuse import LESION, WAYS, fuse, fuse_classes
from newlesions.detect.classes import ENLARGING, GONE, NEW, SHRINKING
from newlesions.errors import ConfigError

SHAPE = (14, 12, 10)


def drawn(systems: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((systems, *SHAPE)).astype(np.float32)


@given(st.integers(2, 6), st.integers(0, 99))
def test_a_majority_is_more_than_half_of_the_masks(systems: int, seed: int) -> None:
    maps = drawn(systems, seed)
    np.testing.assert_array_equal(fuse(maps, "majority") >= LESION, (maps >= LESION).sum(0) > systems / 2)


def test_mean_and_weights_are_the_plain_sums() -> None:
    maps = drawn(3)
    np.testing.assert_allclose(fuse(maps, "mean"), maps.mean(0), atol=1e-6)
    weights = [0.5, 0.3, 0.2]
    expected = 0.5 * maps[0] + 0.3 * maps[1] + 0.2 * maps[2]
    np.testing.assert_allclose(fuse(maps, "weights", weights), expected, atol=1e-6)
    np.testing.assert_allclose(fuse(maps, "weights", [1, 0, 0]), maps[0], atol=1e-6)


def test_staple_believes_those_that_agree() -> None:
    truth = np.zeros(SHAPE, np.float32)
    truth[4:8, 4:8, 3:7] = 1
    other = np.zeros(SHAPE, np.float32)
    other[9:12, 1:4, 1:8] = 1
    maps = np.stack([truth, truth, other])
    found = fuse(maps, "staple")
    assert found.dtype == np.float32 and 0 <= found.min() <= found.max() <= 1
    np.testing.assert_array_equal(found >= LESION, truth > 0)
    assert found.tobytes() == fuse(maps, "staple").tobytes()


@pytest.mark.parametrize("systems", [2, 3, 5])
def test_staple_is_that_of_itk(systems: int) -> None:
    import SimpleITK

    rng = np.random.default_rng(systems)
    truth = np.zeros((24, 22, 20), bool)
    truth[6:18, 6:16, 6:14] = True
    found = [np.where(truth, rng.random(truth.shape) < 0.6 + 0.05 * n, rng.random(truth.shape) < 0.01 * (n + 1))
             for n in range(systems)]  # fmt: skip
    maps = np.stack(found).astype(np.float32)
    staple = SimpleITK.STAPLEImageFilter()
    staple.SetForegroundValue(1)
    expected = SimpleITK.GetArrayFromImage(
        staple.Execute([SimpleITK.GetImageFromArray(mask.astype(np.uint8)) for mask in maps])
    )
    np.testing.assert_allclose(fuse(maps, "staple"), expected, atol=1e-4)


def test_staple_lets_a_careful_system_outvote_careless_ones() -> None:
    """Where systems differ in how well they do, their votes do not count alike: the reason to use it."""
    rng = np.random.default_rng(3)
    truth = np.zeros((30, 30, 20), bool)
    truth[5:25, 5:25, 5:15] = True
    flips = [rng.random(truth.shape) < share for share in (0.02, 0.35, 0.35, 0.35, 0.35)]
    maps = np.stack([truth ^ flip for flip in flips]).astype(np.float32)
    wrong = {how: int(((fuse(maps, how) >= LESION) != truth).sum()) for how in ("staple", "majority")}
    assert wrong["staple"] < 0.5 * wrong["majority"]


@pytest.mark.parametrize("how", WAYS)
def test_of_nothing_comes_nothing_and_of_equals_the_same(how: str) -> None:
    weights = [0.25, 0.75]
    empty = np.zeros((2, *SHAPE), np.float32)
    assert not fuse(empty, how, weights).any()
    one = np.zeros(SHAPE, np.float32)
    one[3:6, 3:6, 3:6] = 1
    np.testing.assert_array_equal(fuse(np.stack([one, one]), how, weights) >= LESION, one > 0)
    whole = np.ones((2, 4, 4, 4), np.float32)
    assert (fuse(whole, how, weights) >= LESION).all()


def test_classes_are_fused_beside_what_is_new() -> None:
    changes = np.zeros((3, *SHAPE), np.uint8)
    changes[:2, 1] = GONE
    changes[0, 2] = SHRINKING
    changes[:, 3] = ENLARGING
    changes[1:, 4] = ENLARGING
    new = np.zeros(SHAPE, np.float32)
    new[4:6] = 0.9
    change, word = fuse_classes(new, changes, "mean")
    assert [change[n, 0, 0] for n in range(6)] == [0, GONE, 0, ENLARGING, NEW, NEW]
    np.testing.assert_allclose([word[n, 0, 0] for n in range(6)], [0, 2 / 3, 0, 1, 0.9, 0.9], atol=1e-6)


@pytest.mark.parametrize(
    ("maps", "how", "weights", "message"),
    [
        (drawn(1), "mean", None, "found 1 systems; expected at least 2"),
        (drawn(2), "median", None, "found 'median'; expected one of mean, majority"),
        (drawn(2), "weights", None, "found weights none; expected 2, not negative"),
        (drawn(2), "weights", [0.5, 0.4], "expected 2, not negative, 1 in sum"),
        (drawn(2), "weights", [1.5, -0.5], r"found weights \[1.5, -0.5\]"),
        (drawn(2), "weights", [1.0], "expected 2"),
    ],
)
def test_what_cannot_be_fused_is_one_line(maps: np.ndarray, how: str, weights: list[float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        fuse(maps, how, weights)
