from __future__ import annotations

import numpy as np
import pytest

from newlesions.images.volume import Grid, Volume, apply_affine


@pytest.fixture
def grid() -> Grid:
    affine = np.array([[0, 0, 3.0, -10], [-1, 0, 0, 5], [0, 2, 0, 7], [0, 0, 0, 1]])
    return Grid((4, 5, 6), affine)


def test_known_answers(grid: Grid) -> None:
    np.testing.assert_allclose(grid.spacing, [1, 2, 3])
    assert grid.voxel_volume == pytest.approx(6)
    np.testing.assert_allclose(apply_affine(grid.affine, [1, 2, 3]), [-1, 4, 11])
    np.testing.assert_allclose(apply_affine(grid.affine, np.zeros((2, 3, 3))), np.tile([-10.0, 5, 7], (2, 3, 1)))


def test_corners_are_the_outermost_centres(grid: Grid) -> None:
    corners = grid.corners()
    assert corners.shape == (8, 3)
    np.testing.assert_allclose(corners.min(axis=0), [-10, 2, 7])
    np.testing.assert_allclose(corners.max(axis=0), [5, 5, 15])


def test_matching_grids_agree_at_their_far_corners(grid: Grid) -> None:
    assert grid.matches(grid)
    assert not grid.matches(Grid((4, 5, 7), grid.affine))
    nudged = grid.affine.copy()
    nudged[:3, 3] += 5e-4
    assert grid.matches(Grid(grid.shape, nudged))
    stretched = grid.affine.copy()
    stretched[0, 2] += 5e-4  # at the sixth voxel, 2.5e-3 mm
    assert not grid.matches(Grid(grid.shape, stretched))
    assert grid.matches(Grid(grid.shape, stretched), tolerance=1e-2)


def test_a_volume_has_its_grid(grid: Grid) -> None:
    volume = Volume(np.zeros(grid.shape), grid.affine)
    assert volume.grid.shape == grid.shape
    assert volume.voxel_volume == grid.voxel_volume
    np.testing.assert_array_equal(volume.spacing, grid.spacing)


def test_other_values_must_fit(grid: Grid) -> None:
    volume = Volume(np.zeros(grid.shape), grid.affine)
    other = volume.with_data(np.ones(grid.shape))
    assert other.data.min() == 1
    assert other.affine is volume.affine
    with pytest.raises(ValueError, match=r"\(2, 2, 2\)"):
        volume.with_data(np.ones((2, 2, 2)))
