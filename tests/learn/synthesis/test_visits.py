"""What differs between two visits."""

from __future__ import annotations

import numpy as np
import pytest

from newlesions.images.volume import Grid
from newlesions.learn.synthesis.host import Host
from newlesions.learn.synthesis.visits import Visit, carry, degrade, draw_visit, visit_grid

THIN = Grid((40, 40, 40), np.eye(4))
THICK = Grid((64, 64, 24), np.diag([0.9, 0.9, 3.0, 1.0]))


def test_a_visit_in_place_keeps_its_voxels(head: Host) -> None:
    assert carry(head.image, Visit(np.eye(4)), np.random.default_rng(0)) is head.image


def test_a_warp_moves_tissue_by_its_size(head: Host) -> None:
    warped = carry(head.image, Visit(np.eye(4), warp_mm=0.5), np.random.default_rng(0))
    assert warped.grid.matches(head.image.grid)
    edges = np.abs(warped.data - head.image.data)
    assert 0.5 < edges.mean() < 10


@pytest.mark.parametrize("grid", [THIN, THICK])
def test_thicker_slices_cover_the_same_field_of_view(grid: Grid) -> None:
    seen = visit_grid(grid, Visit(np.eye(4), slices=0.5))
    np.testing.assert_allclose(seen.spacing, grid.spacing * [1, 1, 2])
    ends = [g.affine[2, 3] + g.spacing[2] * np.array([-0.5, g.shape[2] - 0.5]) for g in (grid, seen)]
    np.testing.assert_allclose(*ends, atol=1e-4)


def test_drawn_visits_are_small_motions_and_the_still_one_stays() -> None:
    rng = np.random.default_rng(0)
    centre = np.append(THICK.corners().mean(axis=0), 1)
    thicker = 0
    for _ in range(60):
        visit = draw_visit(rng, THICK, moved=True)
        np.testing.assert_allclose(visit.pose[:3, :3] @ visit.pose[:3, :3].T, np.eye(3), atol=1e-9)
        assert np.abs((visit.pose @ centre - centre)[:3]).max() <= 4
        thicker += visit.slices < 1
        still = draw_visit(rng, THICK, moved=False)
        assert np.array_equal(still.pose, np.eye(4)) and still.slices == 1 and still.warp_mm == 0
    assert 8 < thicker < 40


def test_each_part_of_a_scanner_does_its_own(head: Host) -> None:
    rng = np.random.default_rng(0)
    grey = (head.brain.data & ~head.white).astype(np.float32)
    still = degrade(head.image, Visit(np.eye(4)), grey, rng).data
    np.testing.assert_allclose(still, head.image.data, rtol=1e-4)
    noisy = degrade(head.image, Visit(np.eye(4), noise=0.05), grey, rng).data
    assert noisy[head.white].std() > 1.5 * head.image.data[head.white].std()
    blurred = degrade(head.image, Visit(np.eye(4), blur_mm=3.0), grey, rng).data
    assert blurred[head.white].std() < 0.8 * head.image.data[head.white].std()
    drifted = degrade(head.image, Visit(np.eye(4), drift=0.1), grey, rng).data
    np.testing.assert_allclose(drifted[head.white], head.image.data[head.white], rtol=1e-4)
    np.testing.assert_allclose(drifted[grey > 0], 1.1 * head.image.data[grey > 0], rtol=1e-4)
    biased = degrade(head.image, Visit(np.eye(4), bias=0.3), grey, rng).data / np.maximum(head.image.data, 1)
    assert np.ptp(biased[head.white]) > 0.1
    for data in (still, noisy, drifted, biased):
        assert not data[head.image.data == 0].any()
