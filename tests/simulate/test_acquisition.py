from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newlesions.images.transforms import rigid_log
from newlesions.images.volume import Grid, Volume, apply_affine
from newlesions.simulate.acquisition import (
    Protocol,
    bias_field,
    draw_pose,
    draw_protocol,
    filling,
    observe,
    scan,
    scan_grid,
)

POINTS = np.array([[-70.0, -100, -60], [70, 70, 80], [0, 0, 0]])


@given(st.integers(0, 10_000))
@settings(max_examples=50, deadline=None)
def test_protocols_and_poses_stay_within_their_ranges(seed: int) -> None:
    rng = np.random.default_rng(seed)
    protocol, pose = draw_protocol(rng), draw_pose(rng)
    assert 0.7 <= min(protocol.spacing) <= max(protocol.spacing) <= 6
    assert np.abs(pose[:3, 3]).max() <= 10
    assert np.linalg.norm(np.rad2deg(rigid_log(pose)[:3])) <= 12 * np.sqrt(3)
    grid = scan_grid(protocol, pose, POINTS)
    assert "".join(nib.aff2axcodes(grid.affine)) == protocol.codes
    np.testing.assert_allclose(grid.spacing, protocol.spacing, rtol=1e-5)
    voxels = apply_affine(np.linalg.inv(grid.affine) @ pose, POINTS)
    assert (voxels >= -0.5).all()
    assert (voxels <= np.array(grid.shape) - 0.5).all()


def test_storage_orientations_vary() -> None:
    codes = {draw_protocol(np.random.default_rng(seed)).codes for seed in range(40)}
    assert len(codes) >= 6
    assert {nib.orientations.axcodes2ornt(tuple(c))[2, 0] for c in codes} == {0, 1, 2}  # all three slice planes


def test_voxel_size_can_be_given() -> None:
    assert {draw_protocol(np.random.default_rng(s), (1.0, 1.0, 5.0)).spacing for s in range(5)} == {(1.0, 1.0, 5.0)}


def test_filling_is_the_fraction_of_a_voxel() -> None:
    fine = np.zeros((24, 24, 24), dtype=np.float32)
    fine[8:14, 8:16, 8:16] = 1
    affine = np.diag([4.0, 4.0, 4.0, 1.0])
    affine[:3, 3] = 1.5  # a coarse voxel holds four fine ones along each axis
    seen = filling(Volume(fine, np.eye(4)), Grid((6, 6, 6), affine), np.eye(4))
    assert seen[2, 2, 2] == pytest.approx(1, abs=1e-4)
    assert seen[3, 2, 2] == pytest.approx(0.5, abs=0.08)
    assert seen[4, 2, 2] == pytest.approx(0)
    assert seen.sum() * 64 == pytest.approx(fine.sum(), rel=0.05)


def test_thick_slices_overlap_and_keep_the_mean() -> None:
    fine = np.zeros((30, 30, 31), dtype=np.float32)
    fine[:, :, 15] = 1
    affine = np.diag([1.0, 1.0, 3.0, 1.0])
    seen = observe(Volume(fine, np.eye(4)), Grid((30, 30, 11), affine), np.eye(4))[15, 15]
    assert seen[5] == seen.max() > 3 * seen[4]
    assert seen[4] > 0.02 * seen[5]
    assert seen[4] == pytest.approx(seen[6], rel=1e-5)
    assert seen.sum() == pytest.approx(1 / 3, rel=0.15)


@pytest.mark.parametrize("strength", [0.2, 0.4])
def test_bias_field_has_its_strength_and_does_not_depend_on_the_extent(strength: float) -> None:
    wide, narrow = (Grid((n, n, n), np.diag([4.0, 4.0, 4.0, 1.0])) for n in (50, 46))
    field = bias_field(np.random.default_rng(0), wide, strength)
    inner = field[8:42, 8:42, 8:42]
    assert inner.max() / inner.min() == pytest.approx(1 + strength, rel=1e-4)
    other = bias_field(np.random.default_rng(0), narrow, strength)
    assert np.corrcoef(field[2:-2, 2:-2, 2:-2].ravel(), other.ravel())[0, 1] > 0.999


def test_noise_is_rician_and_values_are_integers() -> None:
    grid = Grid((40, 40, 40), np.diag([1.0, 1.0, 1.0, 1.0]))
    protocol = Protocol(noise=0.05, gain=1000, blur=0, bias=0)
    dark, bright = (
        scan(np.full(grid.shape, level, np.float32), grid, protocol, *map(np.random.default_rng, (0, 1)))
        for level in (0.0, 1.0)
    )
    assert dark.dtype == bright.dtype == np.int16
    assert dark.mean() == pytest.approx(50 * np.sqrt(np.pi / 2), rel=0.02)  # Rayleigh where there is no signal
    assert bright.std() == pytest.approx(50, rel=0.05)
