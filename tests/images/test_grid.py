from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from newlesions.images.grid import (
    coarser_grid,
    isotropic_grid,
    native_spacing,
    ras_grid,
    ras_spacing,
    spacing_near,
    working_spacing,
)
from newlesions.images.volume import Grid, apply_affine

POINTS = arrays(np.float64, st.tuples(st.integers(1, 6), st.just(3)), elements=st.floats(-100, 100, width=32))


@given(POINTS, st.sampled_from([0.7, 1.0, 1.5, 4.0]), st.floats(0, 15))
def test_isotropic_grid_holds_the_points_and_the_margin(points: np.ndarray, spacing: float, margin: float) -> None:
    grid = isotropic_grid(points, spacing, margin)
    corners = grid.corners()
    assert (corners.min(axis=0) <= points.min(axis=0) - margin + 1e-9).all()
    assert (corners.max(axis=0) >= points.max(axis=0) + margin - 1e-9).all()
    # No larger than it has to be, and on a lattice that does not depend on the points.
    assert (corners.max(axis=0) - corners.min(axis=0) <= np.ptp(points, axis=0) + 2 * (margin + spacing) + 1e-9).all()
    steps = apply_affine(grid.affine, [0, 0, 0]) / spacing
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-9)
    np.testing.assert_allclose(grid.spacing, spacing)


def test_nearly_equal_points_give_the_same_grid() -> None:
    points = np.array([[0.3, 10.4, -20.6], [50.2, 60.7, 70.1]])
    assert isotropic_grid(points, 1.0, 5.0).matches(isotropic_grid(points + 0.05, 1.0, 5.0), tolerance=0)


@pytest.mark.parametrize(
    ("spacings", "expected"),
    [
        ([(1, 1, 1)], 1.0),
        ([(0.9, 0.9, 3.0)], 1.34),
        ([(1, 1, 6), (0.9, 0.9, 3.0)], 1.34),
        ([(1, 1, 6)], 1.5),
        ([(0.4, 0.4, 0.4)], 0.8),
    ],
)
def test_working_spacing(spacings: list[tuple[float, ...]], expected: float) -> None:
    arrays_ = [np.array(spacing, dtype=float) for spacing in spacings]
    assert working_spacing(arrays_, finest=0.8, coarsest=1.5) == pytest.approx(expected)
    assert working_spacing(arrays_[::-1], finest=0.8, coarsest=1.5) == pytest.approx(expected)


def test_a_coarser_grid_covers_the_field_of_view() -> None:
    fine = Grid((30, 40, 10), np.diag([-0.9, 0.9, 4.0, 1.0]))
    coarse = coarser_grid(fine, 5.0)
    assert coarse.shape == (7, 9, 9)
    assert (coarse.corners().min(axis=0) <= fine.corners().min(axis=0)).all()
    assert (coarse.corners().max(axis=0) >= fine.corners().max(axis=0)).all()


@pytest.mark.parametrize(
    ("edges", "expected"),
    [
        ([0.45, 0.45, 0.45], 0.9),  # the paper's example (efird2021, p. 53)
        ([1.0, 0.5, 0.5], 1.0),
        ([0.7, 0.7, 0.7], 1.0),  # 0.7 and 1.4 are both too far
        ([1.11, 1.11, 1.11], 1.11),
        ([1.12, 1.12, 1.12], 1.0),
        ([2.1, 1.0, 1.0], 1.02),  # half of 2.1, and the mean of the axes
    ],
)
def test_multiples_and_parts_of_the_scans_voxels_are_preferred(edges: list[float], expected: float) -> None:
    assert spacing_near([np.array(edges)], 1.0, 0.11) == expected
    assert spacing_near([np.array(edges)] * 2, 1.0, 0.11) == expected


def test_edges_of_a_scan_by_the_axes_of_ras() -> None:
    affine = np.zeros((4, 4))
    # Slices from front to back, stored first; rows upside down; columns from right to left; all tilted a little.
    affine[:3, :3] = np.array([[0.05, 0.02, -0.6], [-3.0, 0.04, 0.01], [0.06, -0.5, 0.02]])
    affine[3, 3] = 1
    grid = Grid((10, 20, 30), affine)
    np.testing.assert_allclose(ras_spacing(grid), [0.6, 3.0, 0.5], rtol=0.01)
    other = Grid((10, 10, 10), np.diag([1.0, 1.0, 1.2, 1.0]))
    np.testing.assert_allclose(native_spacing([grid, other], 0.55, 2.0), [0.6, 1.0, 0.55], rtol=0.01)
    np.testing.assert_allclose(native_spacing([grid], 0.2, 2.0), [0.6, 2.0, 0.5], rtol=0.01)


def test_a_grid_of_voxels_that_are_no_cubes_holds_its_points() -> None:
    points = np.array([[0.3, 10.4, -20.6], [50.2, 60.7, 70.1]])
    grid = ras_grid(points, np.array([0.5, 1.0, 3.0]), 4.0)
    np.testing.assert_allclose(grid.spacing, [0.5, 1.0, 3.0])
    assert (grid.corners().min(0) <= points.min(0) - 4).all() and (grid.corners().max(0) >= points.max(0) + 4).all()
    assert grid.edge == pytest.approx(1.5 ** (1 / 3))
    assert isotropic_grid(points, 0.7).edge == 0.7
