from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.io
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.transform import Rotation

from newlesions.images.transforms import (
    half,
    inverse_consistent,
    movement,
    read_itk,
    rigid_exp,
    rigid_log,
    rms_distance,
    write_fsl,
    write_itk,
)
from newlesions.images.volume import Affine, Grid, apply_affine

POINTS = np.random.default_rng(0).uniform(-90, 90, (50, 3))
DIRECTIONS = arrays(np.float64, 3, elements=st.floats(-1, 1)).filter(lambda v: np.linalg.norm(v) > 1e-3)
SHIFTS = arrays(np.float64, 3, elements=st.floats(-100, 100))
ANGLES = st.one_of(
    st.floats(0, np.pi - 1e-3),
    st.sampled_from([0.0, 1e-12, 1e-9, 0.99e-6, 1.01e-6, 1e-5, 1e-4, np.pi - 1e-4, np.pi - 1e-6]),
)


@st.composite
def twists(draw: st.DrawFn) -> np.ndarray:
    direction = draw(DIRECTIONS)
    return np.concatenate([direction / np.linalg.norm(direction) * draw(ANGLES), draw(SHIFTS)])


def rigid(*angles: float, shift: tuple[float, float, float] = (0, 0, 0)) -> Affine:
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    matrix[:3, 3] = shift
    return matrix


POSE = rigid(8, -5, 12, shift=(4, -9, 6))


@given(twists())
def test_exp_inverts_log(twist: np.ndarray) -> None:
    matrix = rigid_exp(twist)
    np.testing.assert_allclose(matrix[:3, :3] @ matrix[:3, :3].T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(rigid_exp(rigid_log(matrix)), matrix, atol=1e-7)
    np.testing.assert_allclose(rigid_log(matrix), twist, atol=1e-5)


def test_log_of_a_half_turn() -> None:
    matrix = rigid(0, 0, 180, shift=(10, 0, 5))
    twist = rigid_log(matrix)
    np.testing.assert_allclose(np.abs(twist[:3]), [0, 0, np.pi], atol=1e-9)
    np.testing.assert_allclose(rigid_exp(twist), matrix, atol=1e-9)


def test_exp_of_a_screw() -> None:
    # A quarter turn about z through (1, 0): it carries the origin to (1, -1), and 7 mm along the axis.
    turn = np.array([0, 0, np.pi / 2])
    shift = np.array([0, -np.pi / 2, 7])  # -turn x centre, plus the pitch
    np.testing.assert_allclose(rigid_exp(np.concatenate([turn, shift]))[:3, 3], [1, -1, 7], atol=1e-12)


@pytest.mark.parametrize("wrong", [np.diag([1.1, 1, 1, 1]), np.diag([-1.0, 1, 1, 1])])
def test_log_refuses_what_is_not_rigid(wrong: Affine) -> None:
    with pytest.raises(ValueError, match="not rigid"):
        rigid_log(wrong)


@given(twists())
@example(np.zeros(6))
def test_half_applied_twice_is_the_whole(twist: np.ndarray) -> None:
    matrix = rigid_exp(twist)
    root = half(matrix)
    np.testing.assert_allclose(root @ root, matrix, atol=1e-6)
    np.testing.assert_allclose(half(np.linalg.inv(matrix)) @ root, np.eye(4), atol=1e-6)


@given(twists(), twists())
def test_inverse_consistent_is_antisymmetric(forward: np.ndarray, backward: np.ndarray) -> None:
    a, b = rigid_exp(forward), rigid_exp(backward)
    np.testing.assert_allclose(inverse_consistent(a, b) @ inverse_consistent(b, a), np.eye(4), atol=1e-6)
    np.testing.assert_allclose(inverse_consistent(a, np.linalg.inv(a)), a, atol=1e-6)


def test_inverse_consistent_lies_between() -> None:
    forward, backward = rigid(0, 0, 10), rigid(0, 0, -14)
    np.testing.assert_allclose(inverse_consistent(forward, backward), rigid(0, 0, 12), atol=1e-12)
    shifted = inverse_consistent(rigid(0, 0, 0, shift=(1, 2, 3)), rigid(0, 0, 0, shift=(-3, -2, -1)))
    np.testing.assert_allclose(shifted[:3, 3], [2, 2, 2])


def test_rms_distance() -> None:
    assert rms_distance(POSE, POSE, POINTS) == 0
    assert rms_distance(np.eye(4), rigid(0, 0, 0, shift=(3, 4, 12)), POINTS) == pytest.approx(13)
    expected = np.sqrt(((apply_affine(POSE, POINTS) - POINTS) ** 2).sum(axis=1).mean())
    assert rms_distance(POSE, np.eye(4), POINTS) == pytest.approx(expected)


def test_itk_round_trip_and_equal_bytes(tmp_path: Path) -> None:
    affine = POSE @ np.diag([1.1, 0.9, 1.05, 1])
    write_itk(tmp_path / "a.mat", affine)
    write_itk(tmp_path / "b.mat", affine)
    np.testing.assert_allclose(read_itk(tmp_path / "a.mat"), affine, atol=1e-12)
    assert (tmp_path / "a.mat").read_bytes() == (tmp_path / "b.mat").read_bytes()


def test_ants_maps_points_as_we_do(tmp_path: Path) -> None:
    import ants

    flip = np.array([-1, -1, 1])
    affine = POSE @ np.diag([1.1, 0.9, 1.05, 1])
    write_itk(tmp_path / "a.mat", affine)
    transform = ants.read_transform(str(tmp_path / "a.mat"))
    for point in POINTS[:5]:
        mapped = np.array(transform.apply_to_point((point * flip).tolist())) * flip
        np.testing.assert_allclose(mapped, apply_affine(affine, point), atol=1e-4)


def test_a_centre_of_rotation_is_read_as_ants_reads_it(tmp_path: Path) -> None:
    import ants

    flip = np.array([-1, -1, 1])
    parameters = np.concatenate([POSE[:3, :3].ravel(), [3, -2, 8]])[:, None]
    content = {"AffineTransform_double_3_3": parameters, "fixed": np.array([[10.0], [-25.0], [40.0]])}
    scipy.io.savemat(tmp_path / "a.mat", content, format="4")
    transform = ants.read_transform(str(tmp_path / "a.mat"))
    ours = read_itk(tmp_path / "a.mat")
    for point in POINTS[:5]:
        mapped = np.array(transform.apply_to_point((point * flip).tolist())) * flip
        np.testing.assert_allclose(mapped, apply_affine(ours, point), atol=1e-4)


def test_other_kinds_of_transform_are_refused(tmp_path: Path) -> None:
    content = {"Euler3DTransform_double_3_3": np.zeros((6, 1)), "fixed": np.zeros((4, 1))}
    scipy.io.savemat(tmp_path / "euler.mat", content, format="4")
    with pytest.raises(ValueError, match="twelve parameters"):
        read_itk(tmp_path / "euler.mat")


def flirt_matrix(folder: Path, matrix: Affine, source: Grid, target: Grid) -> Affine:
    write_fsl(folder / "x.mat", matrix, source, target)
    return np.loadtxt(folder / "x.mat")


@pytest.mark.parametrize("source_turned", [False, True])
@pytest.mark.parametrize("target_turned", [False, True])
def test_flirt_by_hand(tmp_path: Path, source_turned: bool, target_turned: bool) -> None:
    # Source: 2 mm, x from 0 to 18. Target: 1 mm, x from 0 to 19. A point at x in the target is at x + 3 in the source.
    # FLIRT's x runs from the right edge to the left for either sign of the determinant: 18 - x there, 19 - x here, so
    # from source to target f' = 19 - (18 - f - 3) = f + 4. Along y a shift of 5 is undone.
    source, target = np.diag([2.0, 2, 2, 1]), np.eye(4)
    if source_turned:
        source[0, 0], source[0, 3] = -2, 18
    if target_turned:
        target[0, 0], target[0, 3] = -1, 19
    matrix = rigid(0, 0, 0, shift=(3, 5, 0))
    flirt = flirt_matrix(tmp_path, matrix, Grid((10, 10, 10), source), Grid((20, 20, 20), target))
    expected = np.eye(4)
    expected[:2, 3] = [4, -5]
    np.testing.assert_allclose(flirt, expected, atol=1e-9)


@pytest.mark.parametrize("signs", [(1, 1), (1, -1), (-1, 1), (-1, -1)])
def test_flirt_carries_voxels_of_the_source_onto_the_target(tmp_path: Path, signs: tuple[int, int]) -> None:
    def millimetres(grid: Grid, voxels: np.ndarray) -> np.ndarray:
        flipped = voxels.copy()
        if np.linalg.det(grid.affine) > 0:
            flipped[:, 0] = grid.shape[0] - 1 - flipped[:, 0]
        return flipped * grid.spacing

    source = Grid((40, 50, 20), rigid(3, 4, -8, shift=(-30, -40, -50)) @ np.diag([signs[0] * 0.9, 0.9, 3, 1]))
    target = Grid((64, 60, 70), rigid(-5, 2, 1, shift=(-30, -28, -35)) @ np.diag([signs[1] * 1.0, 1, 1, 1]))
    voxels = np.random.default_rng(1).uniform(0, 60, (20, 3))
    in_source = apply_affine(np.linalg.inv(source.affine) @ POSE @ target.affine, voxels)
    flirt = flirt_matrix(tmp_path, POSE, source, target)
    np.testing.assert_allclose(
        apply_affine(flirt, millimetres(source, in_source)), millimetres(target, voxels), atol=1e-5
    )


def test_movement_is_the_way_of_a_point_and_the_angle_between_two_matrices() -> None:
    quarter = np.eye(4)
    quarter[:3, :3] = Rotation.from_rotvec([0, 0, np.pi / 2]).as_matrix()
    quarter[:3, 3] = [0, 0, 14]
    way, angle = movement(np.eye(4), quarter, np.array([10.0, 0, 0]))
    np.testing.assert_allclose(way, [-10, 10, 14], atol=1e-12)
    assert angle == pytest.approx(90)


@given(twists(), twists())
def test_movement_back_is_the_same_way_back(a: np.ndarray, b: np.ndarray) -> None:
    first, second = rigid_exp(a), rigid_exp(b)
    way, angle = movement(first, second, POINTS[0])
    back, again = movement(second, first, POINTS[0])
    np.testing.assert_allclose(back, -way, atol=1e-9)
    assert again == pytest.approx(angle, abs=1e-4)
