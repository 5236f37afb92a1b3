"""Lesions carried between grids: nothing is lost, nothing is made up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from newlesions.detect.carry import Lesions, carry, separate
from newlesions.detect.classes import ENLARGING, GONE, NEW, SHRINKING
from newlesions.images.transforms import rigid_exp
from newlesions.images.volume import Grid, apply_affine

WORKING = Grid((60, 60, 60), np.array([[1.0, 0, 0, -30], [0, 1, 0, -30], [0, 0, 1, -30], [0, 0, 0, 1]]))


def oblique(spacing: tuple[float, float, float] = (0.7, 0.7, 3.0), angle: float = 20.0) -> Grid:
    """A grid over the whole of `WORKING` and more, tilted about two axes, first axis to the left."""
    shape = tuple(int(110 / step) for step in spacing)
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xz", [angle, angle / 2], degrees=True).as_matrix() * spacing * [-1, 1, 1]
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Grid((shape[0], shape[1], shape[2]), affine)


def balls(*spots: tuple[tuple[float, float, float], float, int]) -> NDArray[np.uint8]:
    """Balls on `WORKING`: centre (mm), radius (mm), class."""
    points = apply_affine(WORKING.affine, np.moveaxis(np.indices(WORKING.shape), 0, -1))
    change = np.zeros(WORKING.shape, dtype=np.uint8)
    for centre, radius, kind in spots:
        change[((points - centre) ** 2).sum(axis=-1) <= radius**2] = kind
    return change


def test_lesions_are_numbered_by_kind_and_size() -> None:
    change = balls(((0, 0, 0), 3, GONE), ((12, 0, 0), 2, NEW), ((-12, 0, 0), 4, NEW), ((0, 12, 0), 2, ENLARGING))
    lesions = separate(change)
    assert lesions.kinds == (NEW, NEW, ENLARGING, GONE)
    assert lesions.labels.dtype == np.int32
    sizes = np.bincount(lesions.labels.ravel())[1:]
    assert sizes[0] > sizes[1]
    np.testing.assert_array_equal(lesions.change(), change)


def test_touching_lesions_of_two_kinds_stay_apart_and_corners_join() -> None:
    change = np.zeros((6, 6, 6), dtype=np.uint8)
    change[1, 1, 1] = change[2, 2, 2] = NEW
    change[3, 2, 2] = ENLARGING
    lesions = separate(change)
    assert lesions.kinds == (NEW, ENLARGING)
    assert lesions.labels[1, 1, 1] == lesions.labels[2, 2, 2] == 1
    assert lesions.labels[3, 2, 2] == 2


def test_no_lesions_are_carried_as_no_lesions() -> None:
    lesions = separate(np.zeros(WORKING.shape, dtype=np.uint8))
    assert lesions.kinds == ()
    carried = carry(lesions, WORKING, oblique(), np.eye(4))
    assert not carried.labels.any() and not carried.change().any()


def test_onto_its_own_grid_everything_stays_exactly() -> None:
    change = np.random.default_rng(0).choice([0, NEW, ENLARGING, GONE, SHRINKING], WORKING.shape, p=[0.96] + [0.01] * 4)
    lesions = separate(change.astype(np.uint8))
    carried = carry(lesions, WORKING, WORKING, np.eye(4))
    np.testing.assert_array_equal(carried.labels, lesions.labels)
    assert carried.kinds == lesions.kinds


def test_exactly_along_flipped_and_exchanged_axes() -> None:
    change = balls(((10, -5, 3), 4, NEW), ((-10, 5, -8), 2, SHRINKING))
    data = change[::-1].transpose(2, 0, 1)
    to_working = np.array([[0, -1.0, 0, WORKING.shape[0] - 1], [0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0, 1]])
    carried = carry(separate(change), WORKING, Grid(WORKING.shape, WORKING.affine @ to_working), np.eye(4))
    np.testing.assert_array_equal(carried.change(), data)


@pytest.mark.parametrize("spacing", [(0.7, 0.7, 3.0), (1.0, 1.0, 1.0), (0.5, 0.5, 0.5), (2.0, 2.0, 2.0)])
@pytest.mark.parametrize("angle", [0.0, 25.0])
def test_a_lesions_volume_and_place_stay(spacing: tuple[float, float, float], angle: float) -> None:
    grid, moved = oblique(spacing, angle), rigid_exp(np.array([0.1, -0.05, 0.2, 3, -4, 5]))
    centre = np.array([4.0, -6.0, 3.0])
    lesions = separate(balls(((4, -6, 3), 6, NEW)))
    carried = carry(lesions, WORKING, grid, moved)
    volume = np.count_nonzero(carried.labels) * grid.voxel_volume
    assert volume == pytest.approx(np.count_nonzero(lesions.labels), rel=0.15)
    found = apply_affine(grid.affine, np.argwhere(carried.labels)).mean(axis=0)
    np.testing.assert_allclose(apply_affine(moved, found), centre, atol=0.25)


@given(
    centre=st.tuples(*[st.floats(-15, 15)] * 3),
    radius=st.floats(1.0, 3.0),
    angle=st.floats(-30, 30),
    thickness=st.sampled_from([1.0, 3.0, 6.0]),
)
def test_a_lesion_between_thick_slices_is_not_lost(
    centre: tuple[float, float, float], radius: float, angle: float, thickness: float
) -> None:
    lesions = separate(balls((centre, radius, NEW)))
    grid = oblique((0.7, 0.7, thickness), angle)
    carried = carry(lesions, WORKING, grid, np.eye(4))
    assert carried.labels.any()
    # What is left of it lies where it was: nowhere further than a voxel of the target from the ball.
    distance = np.linalg.norm(apply_affine(grid.affine, np.argwhere(carried.labels)) - centre, axis=1)
    assert distance.max() <= radius + np.linalg.norm(grid.spacing)


@given(seed=st.integers(0, 100), thickness=st.sampled_from([1.0, 3.0, 6.0]))
def test_small_lesions_beside_large_ones_are_not_lost(seed: int, thickness: float) -> None:
    """Lesions of different kinds may touch; each keeps a voxel of its own."""
    rng = np.random.default_rng(seed)
    centre = rng.uniform(-5, 5, 3)
    direction = rng.normal(size=3)
    beside = centre + direction / np.linalg.norm(direction) * rng.uniform(4.5, 6.0)
    small, large = (tuple(float(n) for n in point) for point in (beside, centre))
    change = balls((small, 1.6, NEW), (large, 5.0, SHRINKING))  # type: ignore[arg-type]
    lesions = separate(change)  # the large one was drawn over the small one
    carried = carry(lesions, WORKING, oblique((0.7, 0.7, thickness), 15.0), np.eye(4))
    assert np.unique(carried.labels).tolist() == list(range(len(lesions.kinds) + 1))


def test_a_lesion_that_larger_ones_hide_keeps_its_fullest_voxel() -> None:
    """In each thick slice the lesion of one voxel fills less than its neighbours do."""
    labels = np.zeros((4, 4, 12), dtype=np.int32)
    labels[1:3, 1:3] = 1
    labels[1, 1, 5] = 2
    thick = Grid((4, 4, 3), np.diag([1.0, 1.0, 4.0, 1.0]) + np.pad([[0.0], [0], [1.5]], ((0, 1), (3, 0))))
    carried = carry(Lesions(labels, (SHRINKING, NEW)), Grid((4, 4, 12), np.eye(4)), thick, np.eye(4))
    assert np.argwhere(carried.labels == 2).tolist() == [[1, 1, 1]]
    assert np.count_nonzero(carried.labels == 1) == 11


def test_the_last_voxel_of_a_lesion_is_not_taken() -> None:
    labels = np.zeros((2, 2, 2), dtype=np.int32)
    labels[0, 0, 0], labels[1] = 1, 2
    one = Grid((1, 1, 1), np.diag([2.0, 2.0, 2.0, 1.0]) + np.pad(np.full((3, 1), 0.5), ((0, 1), (3, 0))))
    carried = carry(Lesions(labels, (NEW, GONE)), Grid((2, 2, 2), np.eye(4)), one, np.eye(4))
    assert carried.labels.ravel().tolist() == [2]


def test_each_voxel_goes_to_the_lesion_that_fills_most_of_it() -> None:
    labels = np.zeros((8, 8, 8), dtype=np.int32)
    labels[0:3], labels[3:8] = 1, 2
    lesions = Lesions(labels, (NEW, GONE))
    coarse = Grid((2, 2, 2), np.diag([4.0, 4.0, 4.0, 1]) + np.pad(np.full((3, 1), 1.5), ((0, 1), (3, 0))))
    carried = carry(lesions, Grid(labels.shape, np.eye(4)), coarse, np.eye(4))
    assert (carried.labels[0] == 1).all()
    assert (carried.labels[1] == 2).all()


def test_a_lesion_beyond_the_field_of_view_has_no_voxel_and_keeps_its_number() -> None:
    lesions = separate(balls(((-20, 0, 0), 3, NEW), ((15, 0, 0), 2, NEW)))
    affine = WORKING.affine.copy()
    affine[0, 3] = 0
    carried = carry(lesions, WORKING, Grid((30, 60, 60), affine), np.eye(4))
    assert np.unique(carried.labels).tolist() == [0, 2]
    assert carried.kinds == (NEW, NEW)
