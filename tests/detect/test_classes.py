from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from newlesions.detect.classes import (
    ENLARGING,
    GONE,
    KINDS,
    NEW,
    SHRINKING,
    classify,
    grows_from,
    lesion_like,
    probability_of_new,
)
from newlesions.detect.settings import SubtractionSettings
from newlesions.detect.subtraction import Image, find_rise
from newlesions.images.morphology import Mask

SHAPE = (30, 24, 20)
BRAIN: Mask = np.ones(SHAPE, dtype=bool)
SETTINGS = SubtractionSettings(k=3.0, min_rise=0.0, smoothing_mm=0.0, shift_mm=0.0)
EXCHANGED = np.array([0, GONE, SHRINKING, NEW, ENLARGING])

Box = tuple[slice, slice, slice]


def box(i: int, j: int, k: int, size: int = 4) -> Box:
    return slice(i, i + size), slice(j, j + size), slice(k, k + size)


def scan(*boxes: Box, seed: int = 0) -> Image:
    """Tissue of 100 and noise of 1, with boxes of 160."""
    image = np.random.default_rng(seed).normal(100, 1, SHAPE).astype(np.float32)
    for place in boxes:
        image[place] = 160
    return image


def change(
    before: Image, after: Image, settings: SubtractionSettings = SETTINGS
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    rise = find_rise(before, after, BRAIN, BRAIN, 1.0, settings)
    fall = find_rise(after, before, BRAIN, BRAIN, 1.0, settings)
    return classify(rise, fall, before, after, BRAIN, 1.0, settings)


def test_each_kind_is_told() -> None:
    alone, left, grown = box(2, 2, 2), box(2, 12, 10), (slice(20, 24), slice(4, 8), slice(4, 8))
    wide, shrunk = (slice(16, 24), slice(14, 20), slice(10, 16)), (slice(16, 19), slice(14, 20), slice(10, 16))
    larger = (slice(16, 24), slice(4, 8), slice(4, 8))
    before, after = scan(left, grown, wide, seed=1), scan(alone, larger, shrunk, seed=2)
    found, signed = change(before, after)
    assert (found[alone] == NEW).all()
    assert (found[left] == GONE).all()
    assert (found[16:20, 4:8, 4:8] == ENLARGING).all()
    assert (found[19:24, 14:20, 10:16] == SHRINKING).all()
    assert not found[20:24, 4:8, 4:8].any(), "what stayed bright did not change"
    assert {int(code) for code in np.unique(found)} == {0, *KINDS}
    assert signed[alone].min() > 0.99
    assert signed[left].max() < -0.99


RIM: Box = (slice(10, 16), slice(8, 14), slice(6, 12))
CORE: Box = (slice(14, 20), slice(8, 14), slice(6, 12))


def grown(core: float, share: float | None, tissue: float = 100.0, lesion: float = 160.0) -> list[bool]:
    """Whether a lesion grows from what had ``core`` of its contrast before."""
    earlier, later = (np.full(SHAPE, tissue, dtype=np.float32) for _ in range(2))
    earlier[CORE] = tissue + core * (lesion - tissue)
    later[CORE] = later[RIM] = lesion
    clusters = np.zeros(SHAPE, dtype=np.int32)
    clusters[RIM] = 1
    clusters[CORE] = 0
    return grows_from(clusters, earlier, later, BRAIN, 1.0, share).tolist()


def test_the_contrast_that_was_there_decides_between_new_and_enlarging() -> None:
    assert grown(0.9, 0.55) == [False, True]
    assert grown(0.3, 0.55) == [False, False]
    assert grown(0.0, 0.55) == [False, False]
    assert grown(1.0, None) == [False, False]


@given(st.floats(0, 1), st.floats(10, 200), st.floats(5, 200))
def test_brighter_and_more_contrasted_scans_tell_the_same(core: float, tissue: float, contrast: float) -> None:
    if abs(core - 0.55) > 0.3:  # near the share rounding decides
        assert grown(core, 0.55, tissue, tissue + contrast) == grown(core, 0.55)


def test_a_cluster_that_fills_the_image_grows_from_nothing() -> None:
    clusters, image, brain = np.ones((3, 3, 3), np.int32), np.ones((3, 3, 3), np.float32), np.ones((3, 3, 3), bool)
    assert grows_from(clusters, image, image, brain, 1.0, 0.5).tolist() == [False, False]
    assert grows_from(np.zeros_like(clusters), image, image, brain, 1.0, 0.5).tolist() == [False]


def test_lesions_are_bright_and_in_the_brain() -> None:
    image, brain = scan(box(2, 2, 2), box(20, 2, 2)), BRAIN.copy()
    brain[:10] = False
    found = lesion_like(image, brain, 6.0)
    np.testing.assert_array_equal(np.argwhere(found), np.argwhere(scan(box(20, 2, 2)) == 160))


def test_no_probability_of_new_where_a_lesion_enlarges_or_falls() -> None:
    codes = np.array([[[0, NEW, ENLARGING, GONE]]], dtype=np.uint8)
    signed = np.array([[[0.2, 0.9, 0.8, -0.9]]], dtype=np.float32)
    np.testing.assert_allclose(probability_of_new(codes, signed), [[[0.2, 0.9, 0, 0]]])


def test_equal_scans_show_no_change() -> None:
    image = scan(box(5, 5, 5))
    other = image.copy()
    other[0, 0, 0] += 1  # a difference without any spread would have no unit
    found, _ = change(image, other)
    assert not found.any()


@pytest.mark.parametrize("name", ["bare", "default", "robust", "remains"])
@given(seed=st.integers(0, 500))
def test_exchanging_the_visits_exchanges_the_kinds_and_the_sign(name: str, seed: int) -> None:
    settings = {
        "bare": SETTINGS,
        "default": SubtractionSettings(),
        "robust": replace(SETTINGS, robust=True, statistics="inclusion", smoothing_mm=0.7),
        "remains": replace(SETTINGS, restore=False, shift_mm=1.0, k=1.0),
    }[name]
    rng = np.random.default_rng(seed)
    places = [box(*rng.integers(0, 15, 3), size=int(rng.integers(3, 6))) for _ in range(6)]
    before, after = scan(*places[:4], seed=seed), scan(*places[2:], seed=seed + 1000)
    forward, up = change(before, after, settings)
    backward, down = change(after, before, settings)
    np.testing.assert_array_equal(EXCHANGED[forward], backward)
    np.testing.assert_array_equal(up, -down)
