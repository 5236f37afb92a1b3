"""Cases on a stage's grid, and back."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from newlesions.errors import ConfigError, InputError
from newlesions.images.volume import apply_affine
from newlesions.networks.case import Case
from newlesions.networks.prepare import NORMALISATIONS, prepare
from newlesions.networks.stages import Prepare

SHAPE = (20, 24, 22)
AFFINE = np.array([[-1.0, 0, 0, 12], [0, 1, 0, -30], [0, 0, 1, -20], [0, 0, 0, 1]])


@pytest.fixture
def case() -> Case:
    rng = np.random.default_rng(0)
    brain = np.zeros(SHAPE, bool)
    brain[4:-4, 4:-4, 4:-4] = True
    change = np.zeros(SHAPE, np.uint8)
    change[8:12, 8:12, 8:12] = 1
    before, after = (100 + 10 * rng.standard_normal((2, *SHAPE))).astype(np.float32)
    masks = {"new": (change == 1).astype(np.uint8)}
    return Case("p", "s", before, after, brain, change, AFFINE, np.eye(4), (1.0, 1.0), masks)


def with_ramp(case: Case) -> Case:
    """A case whose follow-up is linear in mm, which linear interpolation keeps."""
    i, j, k = np.indices(SHAPE)
    world = apply_affine(AFFINE, np.stack([i, j, k], axis=-1))
    return dataclasses.replace(case, followup=(world @ [1.0, 2.0, 3.0] + 500).astype(np.float32))


def test_without_a_spacing_nothing_is_resampled(case: Case) -> None:
    prepared = prepare(case, Prepare(normalise="none", mask=False))
    np.testing.assert_array_equal(prepared.images["baseline"], case.baseline)
    np.testing.assert_array_equal(prepared.masks["new"], case.masks["new"])
    probability = np.random.default_rng(1).random(SHAPE, dtype=np.float32)
    assert prepared.back(probability) is probability and prepared.onto(probability) is probability


@pytest.mark.parametrize("spacing", [0.6, 2.0, (0.5, 0.98, 0.98)])
def test_voxels_lie_where_their_grid_says(case: Case, spacing: float | tuple[float, ...]) -> None:
    case = with_ramp(case)
    prepared = prepare(case, Prepare(spacing_mm=spacing, normalise="none", mask=False))
    np.testing.assert_allclose(prepared.spacing, np.broadcast_to(spacing, 3))
    shape = prepared.grid.shape
    assert np.abs(np.array(shape) * prepared.spacing - SHAPE).max() <= prepared.spacing.max() / 2
    middle = [apply_affine(grid.affine, (np.array(grid.shape) - 1) / 2) for grid in (prepared.grid, case.grid)]
    np.testing.assert_allclose(*middle)
    world = apply_affine(prepared.grid.affine, np.stack(np.indices(shape), axis=-1))
    inner = tuple(slice(n // 4, -(n // 4)) for n in shape)
    np.testing.assert_allclose(prepared.images["followup"][inner], (world @ [1.0, 2.0, 3.0] + 500)[inner], rtol=1e-4)


@pytest.mark.parametrize("spacing", [0.6, 2.0, (0.5, 0.98, 0.98)])
def test_back_undoes_the_way_there(case: Case, spacing: float | tuple[float, ...]) -> None:
    case = with_ramp(case)
    prepared = prepare(case, Prepare(spacing_mm=spacing, normalise="none", mask=False))
    returned = prepared.back(prepared.images["followup"])
    assert returned.shape == SHAPE and returned.dtype == np.float32
    inner = (slice(5, -5),) * 3
    np.testing.assert_allclose(returned[inner], case.followup[inner], rtol=1e-4)
    np.testing.assert_allclose(prepared.onto(case.followup), prepared.images["followup"])


def test_masks_keep_their_volume(case: Case) -> None:
    prepared = prepare(case, Prepare(spacing_mm=0.5))
    assert set(np.unique(prepared.masks["new"])) == {0, 1}
    assert prepared.masks["new"].sum() * 0.5**3 == pytest.approx(case.masks["new"].sum(), rel=0.1)
    assert prepared.brain.dtype == bool
    np.testing.assert_array_equal(prepared.candidates, prepared.masks["new"] == 1)


def test_candidates_are_those_of_new_and_enlarging(case: Case) -> None:
    case.change[8:12, 8:12, 8:10] = 2
    case.change[5, 5, 5] = 3
    np.testing.assert_array_equal(prepare(case, Prepare()).candidates, case.masks["new"] == 1)


def test_zscore_is_over_the_whole_crop(case: Case) -> None:
    image = prepare(case, Prepare(normalise="zscore", mask=False)).images["followup"]
    assert (image.mean(), image.std()) == (pytest.approx(0, abs=1e-5), pytest.approx(1, abs=1e-5))


def test_zscore_brain_is_over_the_brain(case: Case) -> None:
    case.followup[~case.brain] = 1e4
    image = prepare(case, Prepare(normalise="zscore_brain", mask=False)).images["followup"][case.brain]
    assert (image.mean(), image.std()) == (pytest.approx(0, abs=1e-5), pytest.approx(1, abs=1e-5))


def test_zscore_positive_leaves_nothing_below_the_mean(case: Case) -> None:
    image, plain = (
        prepare(case, Prepare(normalise=how)).images["baseline"] for how in ("zscore_positive", "zscore_brain")
    )
    np.testing.assert_array_equal(image, np.maximum(plain, 0))


def test_zscore_slices_is_over_each_axial_slice(case: Case) -> None:
    image = prepare(case, Prepare(normalise="zscore_slices")).images["followup"]
    there = case.brain.any((0, 1))
    np.testing.assert_allclose(image[:, :, there].mean((0, 1)), 0, atol=1e-6)
    np.testing.assert_allclose(image[:, :, there].std((0, 1)), 1, rtol=1e-5)
    assert not image[:, :, ~there].any()


def test_shares_are_no_masks(case: Case) -> None:
    case.masks["share_new"] = np.full(SHAPE, 100, np.uint8)
    assert list(prepare(case, Prepare()).masks) == ["new"]


def test_median_brain_is_a_share_of_the_median(case: Case) -> None:
    image = prepare(case, Prepare(normalise="median_brain")).images["followup"]
    assert np.median(image[case.brain]) == pytest.approx(0, abs=1e-6)
    np.testing.assert_array_equal(image[~case.brain], -1)


def test_minmax_is_from_0_to_1(case: Case) -> None:
    image = prepare(case, Prepare(normalise="minmax")).images["baseline"]
    assert (image.min(), image.max()) == (0, 1)


def test_mask_comes_before_normalising(case: Case) -> None:
    image = prepare(case, Prepare(normalise="zscore")).images["baseline"]
    masked = np.where(case.brain, case.baseline, 0)
    np.testing.assert_allclose(image, (masked - masked.mean()) / masked.std(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("normalise", NORMALISATIONS)
def test_images_are_float32_and_normalised_each_on_its_own(case: Case, normalise: str) -> None:
    brighter = dataclasses.replace(case, baseline=case.baseline * 3)
    first, second = (prepare(one, Prepare(normalise=normalise)).images for one in (case, brighter))
    assert first["baseline"].dtype == first["followup"].dtype == np.float32
    np.testing.assert_array_equal(first["followup"], second["followup"])
    if normalise != "none":
        np.testing.assert_allclose(first["baseline"], second["baseline"], rtol=1e-4, atol=1e-5)


def test_exchanging_the_visits_exchanges_the_images(case: Case) -> None:
    there, swapped = (prepare(one, Prepare(spacing_mm=0.7)) for one in (case, case.swapped()))
    np.testing.assert_array_equal(there.images["baseline"], swapped.images["followup"])
    np.testing.assert_array_equal(there.masks["new"], swapped.masks["gone"])


def test_what_cannot_be_prepared(case: Case) -> None:
    with pytest.raises(ConfigError, match="normalise is nyul; known: zscore, zscore_brain"):
        prepare(case, Prepare(normalise="nyul"))
    with pytest.raises(ConfigError, match="expected one or three positive numbers"):
        prepare(case, Prepare(spacing_mm=0.0))
    with pytest.raises(InputError, match="p: found a brain mask without voxels"):
        prepare(dataclasses.replace(case, brain=np.zeros(SHAPE, bool)), Prepare())
    with pytest.raises(InputError, match="p: found a followup without contrast"):
        prepare(dataclasses.replace(case, followup=np.ones(SHAPE, np.float32)), Prepare())
    with pytest.raises(InputError, match="a baseline whose median"):
        prepare(dataclasses.replace(case, baseline=-case.baseline), Prepare(normalise="median_brain"))


def test_nothing_stays_nothing_in_a_z_score_of_what_is_there(case: Case) -> None:
    image = prepare(case, Prepare(normalise="zscore_nonzero")).images["baseline"]
    assert not image[~case.brain].any()
    assert image[case.brain].mean() == pytest.approx(0, abs=1e-4) and image[case.brain].std() == pytest.approx(1)


def test_percentiles_cut_before_the_range_is_taken(case: Case) -> None:
    """efird2021, p. 53-54: from the 0.05th to the 99.5th percentile, then to -1 and 1."""
    bright = case.baseline.copy()
    bright[10, 10, 10] = 1e6
    case = dataclasses.replace(case, baseline=bright)
    low, high = np.percentile(np.where(case.brain, bright, 0), (0.05, 99.5))
    image = prepare(case, Prepare(percentiles=(0.05, 99.5), normalise="symmetric")).images["baseline"]
    assert (image.min(), image.max(), image[10, 10, 10]) == (-1, 1, 1)
    assert image[12, 12, 12] == pytest.approx(2 * (bright[12, 12, 12] - low) / (high - low) - 1, abs=1e-5)
