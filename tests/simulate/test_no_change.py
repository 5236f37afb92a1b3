"""Pairs in which nothing changed."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from newlesions.images.volume import Volume, apply_affine
from newlesions.simulate.no_change import add_rician_noise, move

AFFINE = np.array([[-2.0, 0, 0, 30], [0, 2, 0, -20], [0, 0, 3, 5], [0, 0, 0, 1]])


def spot(*voxel: int) -> Volume:
    data = np.zeros((32, 34, 24), dtype=np.float32)
    data[voxel] = 1000
    return Volume(ndimage.gaussian_filter(data, 2), AFFINE)


def place(volume: Volume) -> np.ndarray:
    return apply_affine(volume.affine, np.array(ndimage.center_of_mass(volume.data)))


def test_a_shift_moves_the_head_along_the_worlds_axes() -> None:
    still = spot(15, 16, 12)
    moved = move(still, (0, 0, 0), (4, -2, 3))
    np.testing.assert_allclose(place(moved) - place(still), (4, -2, 3), atol=0.05)


def test_a_turn_is_about_the_middle_of_the_field_of_view() -> None:
    still = spot(20, 16, 12)
    moved = move(still, (0, 0, 90), (0, 0, 0))
    centre = still.grid.corners().mean(axis=0)
    before, after = place(still) - centre, place(moved) - centre
    np.testing.assert_allclose(after, (-before[1], before[0], before[2]), atol=0.1)
    assert moved.grid.matches(still.grid)


def test_noise_is_rician_and_repeats_with_its_seed() -> None:
    flat = Volume(np.full((30, 30, 30), 100, dtype=np.float32), AFFINE)
    noisy = add_rician_noise(flat, 0.05, np.random.default_rng(1)).data
    assert abs(noisy.std() - 5) < 0.2 and abs(noisy.mean() - 100.125) < 0.2
    np.testing.assert_array_equal(noisy, add_rician_noise(flat, 0.05, np.random.default_rng(1)).data)
    dark = Volume(np.where(np.arange(30)[:, None, None] < 15, 0, flat.data).astype(np.float32), AFFINE)
    assert add_rician_noise(dark, 0.05, np.random.default_rng(1)).data.min() > 0
