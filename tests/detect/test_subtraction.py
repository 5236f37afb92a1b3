"""The subtraction on small arrays whose answer can be told by hand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from newlesions.detect.settings import SubtractionSettings
from newlesions.detect.subtraction import Rise, find_rise, hyperintense, probability

SHAPE = (20, 20, 20)
EVERYWHERE = np.ones(SHAPE, dtype=bool)
# The bare rule of the paper: a threshold, a size, an erosion.
BARE = SubtractionSettings(k=4.0, min_rise=0.0, smoothing_mm=0.0, shift_mm=0.0, brighter_than=0.0, erosions=0)
CROSS = [(10, 10, 10), (9, 10, 10), (11, 10, 10), (10, 9, 10), (10, 11, 10), (10, 10, 9), (10, 10, 11)]
PLATE = [(i, j, k) for i in range(4, 8) for j in range(4, 8) for k in range(4, 6)]  # 32 voxels, 2 thick


def flat() -> NDArray[np.float32]:
    """A chessboard of 99 and 101: mean 100, standard deviation 1."""
    return (100 + (-1.0) ** np.indices(SHAPE).sum(axis=0)).astype(np.float32)


def with_spots(
    image: NDArray[np.float32], voxels: Iterable[tuple[int, int, int]], height: float
) -> NDArray[np.float32]:
    changed = image.copy()
    for voxel in voxels:
        changed[voxel] += height
    return changed


def rise(voxels: Iterable[tuple[int, int, int]], height: float = 60.0, **settings: Any) -> Rise:
    """What is found when ``voxels`` rise by ``height`` in a scan of noise 1."""
    before = np.full(SHAPE, 100, dtype=np.float32)
    after = with_spots(flat(), voxels, height)
    return find_rise(before, after, EVERYWHERE, EVERYWHERE, 1.0, replace(BARE, **settings))


def noisy(seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Two scans of noise with a few cubes that rise or fall."""
    rng = np.random.default_rng(seed)
    images = [rng.normal(100, 3, SHAPE).astype(np.float32) for _ in range(2)]
    for image in images:
        for corner in rng.integers(1, 15, (2, 3)):
            image[tuple(slice(n, n + 4) for n in corner)] += rng.uniform(10, 60)
    return images[0], images[1]


def test_z_is_the_difference_in_its_own_standard_deviations() -> None:
    before, after = noisy(1)
    found = find_rise(before, after, EVERYWHERE, EVERYWHERE, 1.0, BARE)
    difference = (after - before).astype(np.float64)
    assert found.mean == pytest.approx(difference.mean())
    assert found.sd == pytest.approx(difference.std())
    np.testing.assert_allclose(found.z, (difference - difference.mean()) / difference.std(), atol=1e-5)


def test_statistics_are_taken_in_the_brain_or_where_a_lesion_may_lie() -> None:
    before, after = noisy(2)
    brain, inclusion = EVERYWHERE.copy(), EVERYWHERE.copy()
    brain[:10], inclusion[:, :10] = False, False
    difference = after - before
    for where, mask in (("brain", brain), ("inclusion", inclusion)):
        found = find_rise(before, after, brain, inclusion, 1.0, replace(BARE, statistics=where))
        assert found.mean == pytest.approx(difference[mask].mean(dtype=np.float64))
    robust = find_rise(before, after, brain, inclusion, 1.0, replace(BARE, robust=True))
    assert robust.mean == pytest.approx(np.median(difference[brain]))
    assert robust.sd < found.sd


@pytest.mark.parametrize(("size", "stays"), [(5, False), (6, True)])
def test_a_cluster_has_more_than_five_voxels(size: int, stays: bool) -> None:
    found = rise([(5, 5, k) for k in range(3, 3 + size)])
    assert found.clusters.max() == stays
    assert np.count_nonzero(found.clusters) == size * stays


def test_a_cluster_survives_an_erosion_and_comes_back_whole_or_not() -> None:
    assert rise(PLATE, erosions=1).clusters.max() == 0, "two voxels thick: nothing is left of it"
    whole = rise([*CROSS, *PLATE], erosions=1)
    assert {tuple(voxel) for voxel in np.argwhere(whole.clusters)} == set(CROSS)
    core = rise([*CROSS, *PLATE], erosions=1, restore=False)
    assert np.argwhere(core.clusters).tolist() == [[10, 10, 10]]


def test_labels_count_from_one_without_gaps() -> None:
    found = rise([*CROSS, *PLATE, (1, 1, 1), (1, 1, 2)])
    assert np.unique(found.clusters).tolist() == [0, 1, 2]


@pytest.mark.parametrize(("connectivity", "clusters"), [(6, 0), (18, 0), (26, 1)])
def test_neighbours_are_those_of_the_connectivity(connectivity: int, clusters: int) -> None:
    found = rise([(n, n, n) for n in range(5, 12)], connectivity=connectivity)
    assert found.clusters.max() == clusters


def test_weak_clusters_go_when_a_mean_rise_is_asked_for() -> None:
    before = np.full(SHAPE, 100, dtype=np.float32)
    after = with_spots(with_spots(flat(), CROSS, 60), PLATE, 25)
    found = find_rise(before, after, EVERYWHERE, EVERYWHERE, 1.0, BARE)
    assert found.clusters.max() == 2
    weak, strong = sorted(float(found.z[found.clusters == label].mean()) for label in (1, 2))
    settings = replace(BARE, min_mean_z=(weak + strong) / 2)
    kept = find_rise(before, after, EVERYWHERE, EVERYWHERE, 1.0, settings).clusters
    assert {tuple(voxel) for voxel in np.argwhere(kept)} == set(CROSS)


def test_nothing_is_found_outside_the_inclusion() -> None:
    inclusion = EVERYWHERE.copy()
    inclusion[CROSS[0]] = False
    before, after = flat(), with_spots(flat(), CROSS, 60)
    found = find_rise(before, after, EVERYWHERE, inclusion, 1.0, replace(BARE, min_voxels=0))
    assert not found.clusters[CROSS[0]]
    assert np.count_nonzero(found.clusters) == len(CROSS) - 1
    assert probability(found, BARE)[CROSS[0]] == 0


def test_on_a_quiet_pair_a_rise_is_a_share_of_the_brain() -> None:
    settings = replace(BARE, min_rise=0.1)
    before, weak, strong = flat(), with_spots(flat(), CROSS, 8), with_spots(flat(), CROSS, 12)
    assert find_rise(before, weak, EVERYWHERE, EVERYWHERE, 1.0, replace(BARE, min_rise=0.0)).clusters.max() == 1
    assert find_rise(before, weak, EVERYWHERE, EVERYWHERE, 1.0, settings).clusters.max() == 0
    found = find_rise(before, strong, EVERYWHERE, EVERYWHERE, 1.0, settings)
    assert found.clusters.max() == 1
    assert found.mean + found.threshold * found.sd == pytest.approx(10, rel=0.02)
    # The probability turns at the same rise.
    chances = probability(found, settings)
    np.testing.assert_array_equal(chances > 0.5, found.clusters > 0)


def test_what_was_bright_at_baseline_cannot_be_new() -> None:
    before = with_spots(flat(), CROSS, 30)
    assert hyperintense(before, EVERYWHERE, 1.0)[CROSS[0]]
    assert not hyperintense(before, EVERYWHERE, None).any()
    after = with_spots(before, CROSS, 60)
    assert find_rise(before, after, EVERYWHERE, EVERYWHERE, 1.0, BARE).clusters.max() == 1
    assert find_rise(before, after, EVERYWHERE, EVERYWHERE, 1.0, replace(BARE, hyperintense_sd=1.0)).clusters.max() == 0


def test_what_ends_darker_than_the_brain_is_no_lesion() -> None:
    dark = [(i, j, k) for i in range(4, 11) for j in range(4, 11) for k in range(4, 11)]
    before = with_spots(flat(), dark, -80)
    after = with_spots(flat(), dark, -20)
    assert find_rise(before, after, EVERYWHERE, EVERYWHERE, 1.0, BARE).clusters.max() == 1
    settings = replace(BARE, brighter_than=1.0)
    assert find_rise(before, after, EVERYWHERE, EVERYWHERE, 1.0, settings).clusters.max() == 0


def test_a_shift_by_one_voxel_explains_itself() -> None:
    block = [(i, j, k) for i in range(6, 12) for j in range(6, 12) for k in range(6, 12)]
    before = with_spots(flat(), block, 60)
    after = np.roll(before, 1, axis=0)
    settings = replace(BARE, min_voxels=0, k=3.0)
    assert find_rise(before, after, EVERYWHERE, EVERYWHERE, 1.0, settings).clusters.max() > 0
    assert find_rise(before, after, EVERYWHERE, EVERYWHERE, 1.0, replace(settings, shift_mm=1.0)).clusters.max() == 0


def test_the_probability_is_a_half_at_the_threshold_and_rises_with_z() -> None:
    z = np.linspace(-100, 100, 4001, dtype=np.float32).reshape(1, 1, -1)
    allowed = np.ones(z.shape, dtype=bool)
    values = probability(Rise(z, allowed, np.zeros(z.shape, np.int32), 0.0, 1.0, BARE.k), BARE).ravel()
    assert values[np.abs(z.ravel() - BARE.k).argmin()] == pytest.approx(0.5, abs=1e-3)
    assert (np.diff(values) >= 0).all()
    assert values[0] == pytest.approx(0) and values[-1] == pytest.approx(1)
    one_width_up = np.abs(z.ravel() - BARE.k - BARE.softness).argmin()
    assert values[one_width_up] == pytest.approx(1 / (1 + np.exp(-1)), abs=1e-3)


@given(seed=st.integers(0, 1000), ks=st.tuples(st.floats(0.5, 4), st.floats(0.5, 4)))
def test_a_larger_k_finds_a_subset(seed: int, ks: tuple[float, float]) -> None:
    before, after = noisy(seed)
    free = replace(BARE, min_voxels=0, smoothing_mm=0.7, shift_mm=1.0, brighter_than=1.0)
    small, large = (
        find_rise(before, after, EVERYWHERE, EVERYWHERE, 1.0, replace(free, k=k)).clusters > 0 for k in sorted(ks)
    )
    assert not (large & ~small).any()


@given(seed=st.integers(0, 1000), gain=st.sampled_from([0.5, 2.0, 8.0]))
def test_the_unit_of_intensity_does_not_matter(seed: int, gain: float) -> None:
    before, after = noisy(seed)
    settings = replace(BARE, k=2.0, smoothing_mm=0.7, shift_mm=1.0, brighter_than=1.0, hyperintense_sd=2.0)
    one = find_rise(before, after, EVERYWHERE, EVERYWHERE, 1.0, settings)
    # Powers of two, which floats multiply exactly.
    other = find_rise(before * np.float32(gain), after * np.float32(gain), EVERYWHERE, EVERYWHERE, 1.0, settings)
    np.testing.assert_array_equal(one.clusters, other.clusters)
    assert other.sd == pytest.approx(gain * one.sd)
