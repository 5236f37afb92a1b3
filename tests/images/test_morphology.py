from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from newlesions.images.morphology import (
    Mask,
    bounding_box,
    close,
    dilate,
    erode,
    largest_component,
    signed_distance,
)

MASKS = arrays(np.bool_, (7, 6, 5))
RADII = st.sampled_from([0.5, 1.0, 1.5, 2.5])
SPACING = np.array([1.0, 0.8, 2.0])


def ball(radius: float, spacing: np.ndarray, shape: tuple[int, ...] = (31, 31, 31)) -> Mask:
    axes = np.ogrid[tuple(slice(0, n) for n in shape)]
    squares = [((axis - n // 2) * step) ** 2 for axis, n, step in zip(axes, shape, spacing, strict=True)]
    return np.asarray(sum(squares) <= radius**2)


def test_radii_are_millimetres_along_every_axis() -> None:
    spacing = np.array([1.0, 0.5, 2.0])
    point = np.zeros((31, 31, 31), dtype=bool)
    point[15, 15, 15] = True
    grown = dilate(point, 6.0, spacing)
    np.testing.assert_array_equal(grown, ball(6.0, spacing))
    assert [int(np.ptp(np.nonzero(grown)[axis])) for axis in range(3)] == [12, 24, 6]


@given(MASKS, RADII)
def test_erosion_and_dilation_are_dual(mask: Mask, radius: float) -> None:
    np.testing.assert_array_equal(erode(mask, radius, SPACING), ~dilate(~mask, radius, SPACING))


@given(MASKS, RADII)
def test_order(mask: Mask, radius: float) -> None:
    assert (erode(mask, radius, SPACING) <= mask).all()
    assert (mask <= close(mask, radius, SPACING)).all()
    assert (close(mask, radius, SPACING) <= dilate(mask, radius, SPACING)).all()


@given(MASKS, RADII)
def test_closing_twice_is_closing_once_away_from_the_border(mask: Mask, radius: float) -> None:
    # At the border what was closed reaches on beyond the field of view, and may close more.
    closed = close(np.pad(mask, 4), radius, SPACING)
    np.testing.assert_array_equal(close(closed, radius, SPACING), closed)


def test_closing_fills_clefts_up_to_twice_the_radius_and_keeps_the_border() -> None:
    block = np.zeros((30, 30, 30), dtype=bool)
    block[5:25, 5:25, 5:25] = True
    cleft = block.copy()
    cleft[14:17, :, 10:] = False  # 3 mm wide
    np.testing.assert_array_equal(close(cleft, 4.0, 1.0)[:, 6:24, :24], block[:, 6:24, :24])
    assert not close(cleft, 1.0, 1.0)[15, 15, 20]
    at_edge = np.zeros((10, 10, 10), dtype=bool)
    at_edge[:, :, :5] = True
    np.testing.assert_array_equal(close(at_edge, 3.0, 1.0), at_edge)


def test_signed_distance_of_a_half_space() -> None:
    mask = np.zeros((9, 9, 9), dtype=bool)
    mask[4:] = True
    distance = signed_distance(mask, np.array([2.0, 1.0, 1.0]))
    np.testing.assert_allclose(distance[:, 4, 4], [-8, -6, -4, -2, 2, 4, 6, 8, 10])
    assert distance.dtype == np.float32


def test_largest_component() -> None:
    mask = np.zeros((9, 9, 9), dtype=bool)
    mask[:2, :2, :2] = True
    mask[2:4, 2:4, 2:5] = True  # touches the first at one corner only
    assert largest_component(mask).sum() == 12
    assert largest_component(mask, connectivity=26).sum() == 20
    assert not largest_component(np.zeros_like(mask)).any()


def test_bounding_box() -> None:
    mask = np.zeros((9, 9, 9), dtype=bool)
    mask[3:5, 0, 8] = True
    assert bounding_box(mask) == (slice(3, 5), slice(0, 1), slice(8, 9))
    assert bounding_box(mask, margin=2) == (slice(1, 7), slice(0, 3), slice(6, 9))
    with pytest.raises(ValueError, match="empty"):
        bounding_box(np.zeros_like(mask))


def test_empty_and_full_masks() -> None:
    empty, full = np.zeros((4, 4, 4), dtype=bool), np.ones((4, 4, 4), dtype=bool)
    assert not dilate(empty, 5.0, 1.0).any()
    assert not erode(empty, 5.0, 1.0).any()
    assert erode(full, 5.0, 1.0).all()  # beyond the field of view the mask goes on
    assert close(full, 5.0, 1.0).all()
