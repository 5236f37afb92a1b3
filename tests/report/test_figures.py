from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newlesions.report import figures
from newlesions.report.figures import PLANES


def marked(point: tuple[int, int, int], shape: tuple[int, int, int] = (5, 6, 7)) -> np.ndarray:
    volume = np.zeros(shape)
    volume[point] = 1
    return volume


@pytest.mark.parametrize(
    ("plane", "point", "row", "column"),
    [
        ("axial", (4, 5, 3), 0, 0),  # right and front: upper left
        ("axial", (0, 0, 3), 5, 4),  # left and back: lower right
        ("coronal", (4, 2, 6), 0, 0),  # right and crown: upper left
        ("sagittal", (2, 5, 6), 0, 0),  # front and crown: upper left
        ("sagittal", (2, 0, 0), 6, 5),
    ],
)
def test_sections_follow_the_radiological_convention(plane, point, row, column):
    picture = figures.section(marked(point), plane, point[figures.AXES[plane][0]])
    assert np.argwhere(picture).tolist() == [[row, column]]
    assert np.argwhere(figures.projection(marked(point), plane)).tolist() == [[row, column]]


@given(st.tuples(st.integers(0, 4), st.integers(0, 5), st.integers(0, 6)), st.sampled_from(PLANES))
def test_display_point_is_the_middle_of_the_pixel_that_shows_the_voxel(point, plane):
    picture = figures.section(marked(point), plane, point[figures.AXES[plane][0]])
    (row, column), *_ = np.argwhere(picture)
    assert figures.display_point(np.array(point), (5, 6, 7), plane) == (column + 0.5, row + 0.5)


@given(st.floats(-6, 14), st.floats(-6, 14), st.integers(2, 9))
def test_crop_has_its_size_and_agrees_with_the_picture_where_they_overlap(x, y, size):
    picture = np.arange(1, 64).reshape(7, 9)
    square, (left, top) = figures.crop(picture, (x, y), size)
    assert square.shape == (size, size)
    for row in range(size):
        for column in range(size):
            inside = 0 <= top + row < 7 and 0 <= left + column < 9
            assert square[row, column] == (picture[top + row, left + column] if inside else 0)


def test_grey_runs_from_black_to_white_and_clips():
    assert figures.grey(np.array([[0, 10, 15, 20, 99]]), (10, 20)).tolist() == [[0, 0, 128, 255, 255]]


def test_grey_window_looks_at_both_images_inside_the_mask_only():
    mask = np.zeros((4, 4, 4), bool)
    mask[1:3] = True
    first, second = np.where(mask, 10.0, 1e6), np.where(mask, 20.0, -1e6)
    assert figures.grey_window([first, second], mask, (0, 100)) == (10, 20)


def test_windows_of_constant_and_empty_inputs_have_a_width():
    constant, nothing = np.full((3, 3, 3), 7.0), np.zeros((3, 3, 3), bool)
    low, high = figures.grey_window([constant], nothing)
    assert low == 7 and high > low
    assert figures.difference_window(constant * 0, nothing) > 0


def test_diverging_is_dark_at_zero_blue_below_and_orange_above():
    (below, zero, above), *_ = figures.diverging(np.array([[-0.7, 0, 0.7]]), 1.0).astype(int)
    assert zero.max() < 25
    assert below[2] > below[0] + 50
    assert above[0] > above[2] + 50


def test_diverging_clips_and_its_stops_are_its_colours():
    colours = figures.diverging(np.array([[-9.0, 9.0]]), 1.0)
    stops = figures.diverging_stops()
    assert stops[0] == (0, "rgb({},{},{})".format(*colours[0, 0]))
    assert stops[-1] == (100, "rgb({},{},{})".format(*colours[0, 1]))


def test_checkerboard_takes_turns():
    board = figures.checkerboard(np.zeros((4, 6)), np.ones((4, 6)), 2)
    assert board.tolist() == [[0, 0, 1, 1, 0, 0]] * 2 + [[1, 1, 0, 0, 1, 1]] * 2
    with pytest.raises(ValueError, match="checkerboard"):
        figures.checkerboard(np.zeros((4, 6)), np.zeros((4, 5)), 2)


def test_montage_places_pictures_row_by_row():
    pictures = [np.full((2, 3), value, np.uint8) for value in (1, 2, 3)]
    sheet, corners = figures.montage(pictures, columns=2, gap=1)
    assert sheet.shape == (5, 7)
    assert corners == [(0, 0), (4, 0), (0, 3)]
    assert [sheet[y, x] for x, y in corners] == [1, 2, 3]
    assert sheet.sum() == 6 * (1 + 2 + 3)


def test_edges_are_drawn_within_bounds_and_nowhere_else():
    step = np.zeros((40, 40))
    step[:, 20:] = 100
    within = np.zeros((40, 40), bool)
    within[10:30] = True
    drawn = figures.edges_on(np.full((40, 40), 90, np.uint8), step, within)
    rows, columns = np.nonzero((drawn != 90).any(axis=-1))
    assert set(rows) == set(range(10, 30))
    assert columns.min() >= 18 and columns.max() <= 21


def test_enlarge_keeps_the_picture_in_place():
    picture = np.outer(np.arange(6.0), np.ones(8))
    large = figures.enlarge(picture, 3)
    assert large.shape == (18, 24)
    assert np.allclose(large.reshape(6, 3, 8, 3).mean(axis=(1, 3))[1:-1], picture[1:-1], atol=0.1)


def test_bounding_box_holds_the_mask_and_stays_in_the_volume():
    mask = marked((4, 2, 3)).astype(bool)
    assert figures.bounding_box(mask, 1) == (slice(3, 5), slice(1, 4), slice(2, 5))
    assert figures.bounding_box(np.zeros((2, 3, 4), bool), 1) == (slice(0, 2), slice(0, 3), slice(0, 4))
