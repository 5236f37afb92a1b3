from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from scipy.spatial.transform import Rotation

from newlesions.images.grid import coarser_grid
from newlesions.images.resample import Displacement, resample
from newlesions.images.volume import Affine, Grid, Volume, apply_affine


def oblique(seed: int) -> Affine:
    rng = np.random.default_rng(seed)
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_rotvec(rng.uniform(-1, 1, 3)).as_matrix() @ np.diag(rng.uniform(0.5, 4, 3))
    affine[:3, 3] = rng.uniform(-150, 150, 3)
    return affine


def noise(shape: tuple[int, int, int] = (9, 8, 7), seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(1, 2, shape).astype(np.float32)


def blob(centre: tuple[float, float, float], radius: float) -> Volume:
    """A ball of brightness 1 on a 1 mm grid of 48 mm, edges filled in part."""
    axes = np.ogrid[0:48, 0:48, 0:48]
    distance = np.sqrt(sum((axis - c) ** 2 for axis, c in zip(axes, centre, strict=True)))
    return Volume(np.clip(radius - distance + 0.5, 0, 1).astype(np.float32), np.eye(4))


@given(st.integers(0, 10_000), st.sampled_from([0, 1, 3]))
def test_the_same_grid_gives_the_same_values_up_to_the_border(seed: int, order: int) -> None:
    volume = Volume(noise(), oblique(seed))
    np.testing.assert_allclose(resample(volume, volume.grid, order=order).data, volume.data, atol=1e-4)


@given(st.integers(0, 10_000))
def test_a_transform_into_the_same_place_changes_nothing(seed: int) -> None:
    volume, pose = Volume(noise(), oblique(seed)), oblique(seed + 1)
    moved = Grid(volume.grid.shape, np.linalg.inv(pose) @ volume.affine)
    np.testing.assert_allclose(resample(volume, moved, pose, order=1).data, volume.data, atol=1e-4)


@pytest.mark.parametrize("order", [0, 1, 3])
def test_a_shift_by_whole_voxels(order: int) -> None:
    volume = Volume(noise(), np.diag([2.0, 2, 2, 1]))
    shift = np.eye(4)
    shift[:3, 3] = [4, -2, 0]  # a point of the result is found 2 voxels on in i, 1 back in j
    result = resample(volume, volume.grid, shift, order=order, outside=-5).data
    np.testing.assert_allclose(result[:-2, 1:], volume.data[2:, :-1], atol=1e-4)
    assert (result[-2:] == -5).all()
    assert (result[:, 0] == -5).all()


def test_linear_interpolation_of_a_ramp_is_exact() -> None:
    grid = Grid((12, 12, 12), oblique(3))
    places = apply_affine(grid.affine, np.moveaxis(np.indices(grid.shape), 0, -1))
    slope = np.array([0.3, -0.2, 0.5])
    ramp = Volume((places @ slope).astype(np.float32), grid.affine)
    inner = Grid((5, 5, 5), grid.affine @ np.array([[0.7, 0, 0, 2], [0, 0.7, 0, 3.3], [0, 0, 0.7, 4.1], [0, 0, 0, 1]]))
    expected = apply_affine(inner.affine, np.moveaxis(np.indices(inner.shape), 0, -1)) @ slope
    np.testing.assert_allclose(resample(ramp, inner, order=1).data, expected, atol=1e-3)


@pytest.mark.parametrize("offset", [0.0, 1.0, 1.7])
@pytest.mark.parametrize("spacing", [2.0, 4.0])
def test_small_bright_things_keep_their_integral_on_coarser_grids(offset: float, spacing: float) -> None:
    volume = blob((24 + offset, 24 - offset, 24 + offset / 2), radius=2.5)
    coarse = resample(volume, coarser_grid(volume.grid, spacing), order=1)
    assert coarse.data.sum() * coarse.voxel_volume == pytest.approx(volume.data.sum(), rel=0.12)


def test_without_antialiasing_the_integral_depends_on_where_samples_fall() -> None:
    def ratio(antialias: bool) -> float:
        volume = blob((24, 24, 24), radius=1.5)
        coarse = resample(volume, coarser_grid(volume.grid, 6.0), order=1, antialias=antialias)
        return float(coarse.data.sum() * coarse.voxel_volume / volume.data.sum())

    assert abs(ratio(antialias=True) - 1) < 0.3
    assert abs(ratio(antialias=False) - 1) > 2


def test_antialiasing_smooths_only_the_axes_that_become_coarser() -> None:
    volume = Volume(noise((20, 20, 20)), np.eye(4))
    coarse = Grid((20, 20, 10), np.diag([1.0, 1, 2, 1]))
    variance = resample(volume, coarse, order=1).data.var(axis=(0, 1)).mean()
    assert variance < 0.8 * volume.data.var()
    flat = Volume(np.broadcast_to(noise((20, 20, 1)), (20, 20, 20)).copy(), np.eye(4))
    np.testing.assert_allclose(resample(flat, coarse, order=1).data, flat.data[:, :, ::2], atol=1e-5)


def test_a_finer_grid_is_not_smoothed() -> None:
    volume = Volume(noise(), np.diag([2.0, 2, 2, 1]))
    fine = resample(volume, Grid((17, 15, 13), np.eye(4)), order=3)
    np.testing.assert_allclose(fine.data[::2, ::2, ::2], volume.data, atol=1e-4)


def test_labels_keep_type_and_values() -> None:
    labels = Volume(np.random.default_rng(0).integers(0, 5, (9, 8, 7)).astype(np.uint8), np.eye(4))
    result = resample(labels, coarser_grid(labels.grid, 1.7), order=0)
    assert result.data.dtype == np.uint8
    assert set(np.unique(result.data)) <= set(range(5))
    assert resample(labels, labels.grid, order=1).data.dtype == np.float32


def test_a_displacement_moves_points_before_the_matrix_takes_them() -> None:
    rng = np.random.default_rng(0)
    source = Volume(
        ndimage.gaussian_filter(rng.normal(size=(20, 22, 18)), 1.5).astype(np.float32), np.diag([2.0, 2, 2, 1])
    )
    way, shifted = np.eye(4), np.eye(4)
    way[:3, 3], shifted[:3, 3] = (1.0, -2.0, 0.5), (1.0 + 1.5, -2.0 - 1.0, 0.5 + 0.7)
    grid = Grid((12, 10, 9), np.array([[1.8, 0, 0, 6], [0, 1.8, 0, 8], [0, 0, 1.8, 7], [0, 0, 0, 1]]))
    vectors = np.broadcast_to(np.float32([1.5, -1.0, 0.7]), (9, 9, 9, 3))
    field = Displacement(vectors, np.diag([6.0, 6, 6, 1]))
    moved, expected = resample(source, grid, way, moved=field), resample(source, grid, shifted)
    np.testing.assert_allclose(moved.data, expected.data, atol=1e-5)
    still = Displacement(0 * vectors, field.affine)
    np.testing.assert_allclose(
        resample(source, grid, way, moved=still).data, resample(source, grid, way).data, atol=1e-5
    )
