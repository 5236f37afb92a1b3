from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from skimage.measure import label as label_components
from skimage.measure import regionprops

from newlesions.detect.postprocess import clean, minor_axis_lengths

SHAPE = (20, 22, 18)
MAPS = arrays.arrays(np.float32, (7, 6, 5), elements=st.sampled_from([0.0, 0.1, 0.2, 0.5, 1.0]))
EDGE = {"min_voxels": 4, "minor_axis": 1.0}


def box(*sides: int, at: tuple[int, int, int] = (4, 4, 4), value: float = 0.9) -> np.ndarray:
    """A map with one box of ``value``."""
    data = np.zeros(SHAPE, np.float32)
    data[tuple(slice(start, start + side) for start, side in zip(at, sides, strict=True))] = value
    return data


def test_what_the_paper_keeps_and_removes() -> None:
    kept = [(3, 3, 3), (2, 4, 4), (9, 2, 2)]
    removed = [(3, 3, 2), (1, 6, 6), (6, 6, 1), (1, 1, 1), (1, 1, 12)]
    for sides in kept:
        np.testing.assert_array_equal(clean(box(*sides)), box(*sides) > 0)
    for sides in removed:
        assert not clean(box(*sides)).any(), sides


def test_the_threshold_belongs_to_the_lesion_and_comes_first() -> None:
    assert clean(box(3, 3, 3, value=0.2).astype(np.float64)).sum() == 27
    assert not clean(box(3, 3, 3, value=0.19)).any()
    # A faint halo would make the patch large enough; a faint bridge would join two.
    halo = np.maximum(box(2, 3, 3), box(5, 5, 5, at=(3, 3, 3), value=0.1))
    assert not clean(halo).any()
    assert clean(halo, threshold=0.05).sum() == 125
    assert np.isnan(np.where(halo > 0.5, np.nan, halo)).any()
    assert not clean(np.where(halo > 0.5, np.nan, halo), min_voxels=0, minor_axis=0).any()


def test_each_component_is_judged_alone() -> None:
    both = np.maximum(box(3, 3, 3), box(1, 6, 6, at=(10, 4, 4)))
    np.testing.assert_array_equal(clean(both), box(3, 3, 3) > 0)


def test_connectivity_decides_what_belongs_together() -> None:
    corner = np.maximum(box(3, 3, 3), box(3, 3, 3, at=(7, 7, 7)))
    assert clean(corner, min_voxels=54).sum() == 54
    assert not clean(corner, min_voxels=54, connectivity=6).any()
    assert not clean(corner, min_voxels=54, connectivity=18).any()
    with pytest.raises(ValueError, match="connectivities"):
        clean(corner, connectivity=8)


@pytest.mark.parametrize("kind", [bool, np.uint8, np.float32])
def test_masks_are_taken_as_they_are(kind: type) -> None:
    mask = (box(3, 3, 3) > 0).astype(kind)
    for threshold in (0.01, 0.2, 1.0):
        np.testing.assert_array_equal(clean(mask, threshold), mask > 0)


def test_an_empty_map_stays_empty() -> None:
    found = clean(np.zeros(SHAPE, np.float32))
    assert found.shape == SHAPE and found.dtype == bool and not found.any()
    assert minor_axis_lengths(np.zeros(SHAPE, np.int32)).shape == (0,)
    assert clean(np.zeros((0, 3, 3), np.float32)).shape == (0, 3, 3)


def test_a_full_map_stays_full() -> None:
    assert clean(np.ones((4, 4, 4), np.float32)).all()


def test_a_turned_sheet_is_as_thin_as_one_along_the_grid() -> None:
    i, j, k = np.indices(SHAPE)
    sheet = (np.abs(i - j) < 1) & (k > 3) & (k < 14)
    assert sheet.sum() > 27
    assert not clean(sheet).any()
    assert minor_axis_lengths(sheet.astype(np.int32))[0] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("bad", [{"threshold": 0.0}, {"threshold": 1.5}])
def test_a_senseless_threshold_is_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="threshold"):
        clean(box(3, 3, 3), **bad)


def test_a_slice_is_refused() -> None:
    with pytest.raises(ValueError, match="three axes"):
        clean(np.zeros((4, 4), np.float32))


@given(MAPS)
def test_lengths_are_those_of_scikit_image(probability: np.ndarray) -> None:
    labels = label_components(probability >= 0.5, connectivity=3)
    found = minor_axis_lengths(labels)
    props = regionprops(labels)
    assert found.shape == (len(props),)
    for prop, length in zip(props, found, strict=True):
        # Its own length fails where a component is flat; its moments do not.
        least = max(prop.inertia_tensor_eigvals[1] + prop.inertia_tensor_eigvals[2] - prop.inertia_tensor_eigvals[0], 0)
        assert length == pytest.approx(np.sqrt(10 * least), abs=1e-6)


@given(MAPS)
def test_cleaning_twice_is_cleaning_once(probability: np.ndarray) -> None:
    once = clean(probability, **EDGE)
    np.testing.assert_array_equal(clean(once, **EDGE), once)
    assert not (once & (probability < 0.2)).any()


@given(MAPS, st.permutations(range(3)), st.sampled_from([6, 18, 26]))
def test_the_axes_order_and_direction_do_not_matter(
    probability: np.ndarray, order: list[int], connectivity: int
) -> None:
    expected = clean(probability, **EDGE, connectivity=connectivity)
    turned = np.flip(probability.transpose(order), axis=0)
    np.testing.assert_array_equal(
        clean(turned, **EDGE, connectivity=connectivity), np.flip(expected.transpose(order), axis=0)
    )


@given(MAPS)
def test_stricter_settings_keep_less(probability: np.ndarray) -> None:
    loose = clean(probability, **EDGE)
    for stricter in ({"min_voxels": 8}, {"minor_axis": 2.5}):
        assert not (clean(probability, **{**EDGE, **stricter}) & ~loose).any()


@given(MAPS)
def test_nothing_is_removed_where_nothing_is_asked(probability: np.ndarray) -> None:
    np.testing.assert_array_equal(clean(probability, min_voxels=0, minor_axis=0), probability >= 0.2)
