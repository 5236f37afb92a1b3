from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from newlesions.images.grid import coarser_grid
from newlesions.images.resample import Displacement, resample
from newlesions.images.volume import Volume
from newlesions.preprocess.deform import deformation
from newlesions.preprocess.halfway import Visit, mask_on


@pytest.fixture(scope="module")
def warped(visits: tuple[Visit, Visit]) -> tuple[Volume, Volume, np.ndarray, Displacement]:
    """A head, the same head after a known smooth deformation of some mm, its brain, and that deformation."""
    visit = visits[0]
    grid = coarser_grid(visit.image.grid, 4.0)
    head, brain = resample(visit.image, grid, order=1), mask_on(visit.brain, grid, np.eye(4))
    rng = np.random.default_rng(0)
    vectors = np.stack([ndimage.gaussian_filter(rng.normal(size=grid.shape), 6) for _ in range(3)], -1)
    field = Displacement((vectors * 6 / np.abs(vectors[brain]).max()).astype(np.float32), grid.affine)
    return head, resample(head, grid, order=1, moved=field), brain, field


@pytest.mark.slow
def test_syn_finds_a_known_deformation(warped: tuple[Volume, Volume, np.ndarray, Displacement]) -> None:
    head, moved, brain, field = warped
    found = deformation(moved, head, brain, 4.0)
    back = resample(head, moved.grid, order=1, moved=found)

    def difference(image: Volume) -> float:
        return float(np.abs(image.data - moved.data)[brain].mean())

    assert difference(back) < 0.6 * difference(head)
    on_brain = np.stack(
        [resample(Volume(found.vectors[..., n], found.affine), moved.grid, order=1).data for n in range(3)], -1
    )[brain]
    truth = field.vectors[brain]
    assert np.linalg.norm(on_brain - truth, axis=1).mean() < 0.7 * np.linalg.norm(truth, axis=1).mean()
    assert not found.vectors[0, 0, 0].any(), "far from the brain nothing moves"


def test_at_a_coarse_grid_it_is_quick_and_the_same_again(
    warped: tuple[Volume, Volume, np.ndarray, Displacement],
) -> None:
    head, moved, brain, _ = warped
    first, second = (deformation(moved, head, brain, 6.0) for _ in range(2))
    np.testing.assert_array_equal(first.vectors, second.vectors)
    back = resample(head, moved.grid, order=1, moved=first)
    before, after = (float(np.abs(image.data - moved.data)[brain].mean()) for image in (head, back))
    assert after < 0.7 * before
