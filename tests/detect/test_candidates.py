"""Candidates in MNI's own space, where anatomy is known: a flat brain with fluid, and cubes that come and go."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from newlesions.detect.candidates import Candidates, anatomical_inclusion, find_candidates
from newlesions.detect.classes import ENLARGING, GONE, KINDS, NEW, SHRINKING
from newlesions.detect.regions import Region, brain_mask, regions_on, ventricle_mask
from newlesions.detect.settings import SubtractionSettings
from newlesions.detect.tissue import of_mni
from newlesions.images.volume import Grid, Volume, apply_affine
from newlesions.settings import read_recipe

# A slab of MNI space about the lateral ventricles, 1.5 mm.
GRID = Grid((104, 124, 30), np.array([[1.5, 0, 0, -78], [0, 1.5, 0, -110], [0, 0, 1.5, 0], [0, 0, 0, 1.0]]))
WHITE, VENTRICLE = (27.0, -20.0, 34.0), (10.0, -20.0, 24.0)
# In a brain of one grey level a lesion stands far out.
SETTINGS = SubtractionSettings(lesion_sd=6.0)


@cache
def regions() -> NDArray[np.uint8]:
    return regions_on(GRID, np.eye(4))


def brain() -> NDArray[np.bool_]:
    return regions() > 0


def scan(*spots: tuple[float, float, float], seed: int = 0, size: int = 5) -> Volume:
    """Tissue 50, fluid 15, noise 2; cubes of 90 about ``spots`` (MNI mm)."""
    fluid = np.isin(regions(), (Region.VENTRICLE, Region.OUTER_FLUID))
    data = np.where(fluid, 15, 50) * brain() + np.random.default_rng(seed).normal(0, 2, GRID.shape)
    for spot in spots:
        i, j, k = np.rint(apply_affine(np.linalg.inv(GRID.affine), np.array(spot))).astype(int)
        half = size // 2
        data[i - half : i + half + 1, j - half : j + half + 1, k - half : k + half + 1] = 90
    return Volume(data.astype(np.float32), GRID.affine)


def test_a_new_spot_in_white_matter_is_found_and_counted() -> None:
    found = find_candidates(scan(), scan(WHITE, seed=1), brain(), np.eye(4), SETTINGS)
    assert found.facts["new_clusters"] == 1
    assert {found.facts[f"{kind}_clusters"] for kind in KINDS.values() if kind != "new"} == {0}
    expected = scan(WHITE).data > 80
    overlap = 2 * np.count_nonzero((found.change == NEW) & expected)
    assert overlap / (np.count_nonzero(found.change == NEW) + np.count_nonzero(expected)) > 0.8
    assert found.change.dtype == np.uint8 and found.signed.dtype == np.float32
    assert found.facts["k"] == SETTINGS.k
    by_noise = found.facts["mean_difference"] + SETTINGS.k * found.facts["sd_difference"]
    by_brain = SETTINGS.min_rise * 50
    assert found.facts["threshold"] == pytest.approx(max(by_noise, by_brain), rel=0.01)


def test_nothing_is_new_in_a_ventricle_or_outside_the_brain() -> None:
    inside = brain().copy()
    outside = (-75.0, 60.0, 40.0)
    found = find_candidates(scan(), scan(VENTRICLE, outside, seed=1, size=3), inside, np.eye(4), SETTINGS)
    assert found.facts["new_clusters"] == 0
    assert not found.signed[~inside].any()


def test_the_inclusion_is_the_eroded_brain_without_the_eroded_ventricles() -> None:
    included = anatomical_inclusion(brain(), GRID, np.eye(4), SETTINGS)
    assert not (included & ~brain()).any()
    for erosions in (0, 4):
        wide = anatomical_inclusion(brain(), GRID, np.eye(4), replace(SETTINGS, ventricle_erosions=erosions))
        assert (wide.sum() < included.sum()) == (erosions < SETTINGS.ventricle_erosions)
    tight = anatomical_inclusion(brain(), GRID, np.eye(4), replace(SETTINGS, brain_erosions=4))
    assert tight.sum() < included.sum() and not (tight & ~included).any()
    assert ventricle_mask(2).data.sum() < ventricle_mask(0).data.sum()
    assert brain_mask(1).data.sum() < brain_mask(0).data.sum()


def test_exchanging_the_visits_exchanges_the_kinds_and_the_sign() -> None:
    other = (-27.0, 0.0, 34.0)
    grown = (-25.0, -30.0, 34.0)
    before, after = scan(other, seed=2), scan(WHITE, seed=3)
    before.data[scan(grown, size=7).data > 80] = 90
    after.data[scan(grown, size=11).data > 80] = 90
    # Sharp images: the tolerance of shifts would cut what grows off what was there, and smoothing overlay both.
    settings = replace(SETTINGS, shift_mm=0.0, smoothing_mm=0.0)
    forward = find_candidates(before, after, brain(), np.eye(4), settings)
    backward = find_candidates(after, before, brain(), np.eye(4), settings)
    exchanged = np.array([0, GONE, SHRINKING, NEW, ENLARGING])
    assert {int(code) for code in np.unique(forward.change)} == {0, NEW, ENLARGING, GONE}
    np.testing.assert_array_equal(exchanged[forward.change], backward.change)
    np.testing.assert_array_equal(forward.signed, -backward.signed)
    assert forward.facts["mean_difference"] == -backward.facts["mean_difference"]


def test_without_a_brain_there_is_nothing_to_look_at() -> None:
    with pytest.raises(ValueError, match="the mask is empty"):
        find_candidates(scan(), scan(seed=1), np.zeros(GRID.shape, dtype=bool), np.eye(4), SETTINGS)


def larosa(**more: object) -> SubtractionSettings:
    """The settings of larosa2021, without what a brain of one grey level has no use for."""
    recipe = read_recipe("larosa2021")["stages"]["candidates"]
    return replace(SubtractionSettings.of(recipe), lesion_sd=6.0, tissue="mni", **more)


def constrained(before: Volume, after: Volume, settings: SubtractionSettings) -> Candidates:
    """By MNI's tissue."""
    first, second = (of_mni(one.data, brain(), GRID, np.eye(4), settings.lesion_sd) for one in (before, after))
    return find_candidates(before, after, brain(), np.eye(4), settings, tissue=(first, second),
                           other_share=settings.other_share_mni, information=0.1)  # fmt: skip


def test_standardised_images_are_compared_in_units_of_their_brains() -> None:
    settings = larosa(k=2.0, k_at=[])
    before, after = scan(), scan(WHITE, seed=1)
    found = constrained(before, after, settings)
    sd = before.data[brain()].std()
    assert found.facts["threshold"] == 2.0 and found.facts["new_clusters"] == 1
    assert found.facts["sd_difference"] == pytest.approx((after.data - before.data)[brain()].std(), rel=1e-4)
    for step, expected in ((1.5, 0), (2.5, 1)):
        raised = scan(seed=1)
        raised.data[scan(WHITE).data > 80] = before.data[scan(WHITE).data > 80] + step * sd
        assert constrained(before, raised, settings).facts["new_clusters"] == expected
    # A line over an image changes nothing.
    scaled = after.with_data(3 * after.data + 20 * brain())
    np.testing.assert_array_equal(constrained(before, scaled, settings).change, found.change)


def test_the_mutual_information_chooses_the_threshold() -> None:
    settings = SubtractionSettings(k=3.0, k_at=[[0.4, 2.0], [0.8, 1.0]])
    assert [settings.at_information(one).k for one in (None, 0.1, 0.4, 0.7, 0.8, 2.0)] == [3, 3, 2, 2, 1, 1]
    found = find_candidates(scan(), scan(WHITE, seed=1), brain(), np.eye(4), settings, information=0.5)
    assert (found.facts["k"], found.facts["mutual_information"]) == (2.0, 0.5)


def test_clusters_by_cortex_and_earlier_lesions_are_dropped_and_counted() -> None:
    cortex = tuple(apply_affine(GRID.affine, np.argwhere(regions() == Region.CORTEX)[2000]))
    old = (-27.0, 0.0, 34.0)
    before, after = scan(old), scan(WHITE, cortex, old, seed=1)
    grown = scan(old, size=7).data > 80
    after.data[grown & (before.data < 80)] = 90  # a shell around an old lesion is no part of it
    found = constrained(before, after, larosa(k=2.0))
    assert found.facts["proposed"] == 3 and found.facts["new_clusters"] == 2
    assert sum(found.facts["dropped"].values()) == 1
    assert not found.change[tuple(np.rint(apply_affine(np.linalg.inv(GRID.affine), np.array(cortex))).astype(int))]
    brighter = scan(WHITE, cortex, seed=1)
    brighter.data[before.data > 80] = 140  # an old lesion that is brighter now
    again = constrained(before, brighter, larosa(k=2.0))
    assert again.facts["proposed"] == 3 and again.facts["new_clusters"] == 1
    assert sum(again.facts["dropped"].values()) == 2


def test_the_constraints_know_no_order_of_the_visits() -> None:
    before, after = scan((-27.0, 0.0, 34.0), seed=2), scan(WHITE, seed=3)
    forward, backward = (constrained(*pair, larosa(k=2.0)) for pair in ((before, after), (after, before)))
    assert {int(code) for code in np.unique(forward.change)} == {0, NEW, GONE}
    np.testing.assert_array_equal(np.array([0, GONE, SHRINKING, NEW, ENLARGING])[forward.change], backward.change)
    np.testing.assert_array_equal(forward.signed, -backward.signed)
