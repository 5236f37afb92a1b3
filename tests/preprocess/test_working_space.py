from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from newlesions.images.resample import resample
from newlesions.images.transforms import rigid_exp
from newlesions.images.volume import Volume
from newlesions.preprocess import working_space
from newlesions.preprocess.halfway import Visit, brain_grid
from newlesions.preprocess.working_space import WorkingPair, blurred_like, to_working_space

TO_BASELINE = rigid_exp(np.array([0.02, 0.0, -0.03, 1.0, -2.0, 0.5]))


def work(
    visits: tuple[Visit, Visit], to_baseline: NDArray[np.float64], to_followup: NDArray[np.float64], **more: Any
) -> WorkingPair:
    before, after = visits
    grid = brain_grid(before.brain, after.brain, to_baseline, to_followup, 3.0)
    brains = (before.brain, after.brain)
    return to_working_space(before.image, after.image, brains, to_baseline, to_followup, grid, **more)


def halfway(visits: tuple[Visit, Visit]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The subject's own space stands for the halfway space: it is the true way between the visits."""
    before, after = (np.asarray(np.linalg.inv(visit.mni_from_scan)) for visit in visits)
    return before, after


@pytest.fixture(scope="module")
def pair(visits: tuple[Visit, Visit]) -> WorkingPair:
    return work(visits, *halfway(visits))


def test_everything_lies_on_one_isotropic_ras_grid(pair: WorkingPair) -> None:
    for volume in (pair.followup, pair.brain):
        assert volume.grid.matches(pair.baseline.grid)
    np.testing.assert_allclose(pair.baseline.affine[:3, :3], 3 * np.eye(3))
    assert pair.baseline.data.dtype == pair.followup.data.dtype == np.float32
    assert pair.brain.data.dtype == bool


def test_the_visits_come_to_lie_on_each_other(visits: tuple[Visit, Visit], pair: WorkingPair) -> None:
    inside = pair.brain.data
    assert np.corrcoef(pair.baseline.data[inside], pair.followup.data[inside])[0, 1] > 0.9
    moved = work(visits, TO_BASELINE @ halfway(visits)[0], halfway(visits)[1])
    inside = moved.brain.data
    assert np.corrcoef(moved.baseline.data[inside], moved.followup.data[inside])[0, 1] < 0.9


def test_each_scan_is_interpolated_once_from_its_own_voxels(
    visits: tuple[Visit, Visit], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[Volume, int]] = []

    def counted(volume: Volume, *args: Any, order: int = 3, **more: Any) -> Volume:
        calls.append((volume, order))
        return resample(volume, *args, order=order, **more)

    monkeypatch.setattr(working_space, "resample", counted)
    work(visits, *halfway(visits))
    assert [order for _, order in calls] == [3, 3]
    assert all(volume is visit.image for (volume, _), visit in zip(calls, visits, strict=True))


def test_the_result_is_that_one_interpolation(visits: tuple[Visit, Visit], pair: WorkingPair) -> None:
    for visit, matrix, found in zip(visits, halfway(visits), (pair.baseline, pair.followup), strict=True):
        np.testing.assert_array_equal(resample(visit.image, found.grid, matrix).data, found.data)


def test_the_brain_is_what_both_visits_see(visits: tuple[Visit, Visit]) -> None:
    before, after = visits
    matrices = halfway(visits)
    whole = work(visits, *matrices).brain
    # The follow-up ends early: its last slices were not scanned.
    part = slice(0, before.image.data.shape[2] * 2 // 3)
    cut = Visit(
        Volume(before.image.data[:, :, part], before.image.affine),
        Volume(before.brain.data[:, :, part], before.image.affine),
        before.mni_from_scan,
    )
    for pair_of_visits, ways in (((cut, after), matrices), ((after, cut), matrices[::-1])):
        seen = work(pair_of_visits, *ways).brain
        assert 0.2 * whole.data.sum() < seen.data.sum() < 0.9 * whole.data.sum()
    # A brain mask that leaves something out, in a scan that shows it.
    smaller = Visit(
        after.image,
        after.brain.with_data(after.brain.data & (np.indices(after.brain.data.shape)[0] > 20)),
        after.mni_from_scan,
    )
    seen = work((before, smaller), *matrices).brain
    expected = whole.data & (
        resample(smaller.brain.with_data(smaller.brain.data.astype(np.float32)), whole.grid, matrices[1], order=1).data
        >= 0.5
    )
    assert np.count_nonzero(seen.data ^ expected) < 0.01 * np.count_nonzero(expected)


def test_exchanging_the_visits_exchanges_the_images(visits: tuple[Visit, Visit], pair: WorkingPair) -> None:
    to_baseline, to_followup = halfway(visits)
    other = work((visits[1], visits[0]), to_followup, to_baseline)
    np.testing.assert_array_equal(other.baseline.data, pair.followup.data)
    np.testing.assert_array_equal(other.followup.data, pair.baseline.data)
    np.testing.assert_array_equal(other.brain.data, pair.brain.data)


def test_a_scan_is_blurred_only_where_the_others_voxels_are_longer() -> None:
    data = np.zeros((40, 40, 40), dtype=np.float32)
    data[20, 20, 20] = 1
    thin, thick = np.eye(4), np.diag([1.0, 1.0, 4.0, 1.0])
    blurred = blurred_like(Volume(data, thin), thick, np.eye(4)).data
    assert np.count_nonzero(blurred.sum(axis=(1, 2)) > 1e-6) == 1  # not along x
    profile = blurred[20, 20]
    variance = float((profile * (np.arange(40) - 20) ** 2).sum() / profile.sum())
    # Full widths at half maximum add in squares: 1 mm becomes 4 mm.
    assert abs(variance - (4**2 - 1**2) / (8 * np.log(2))) < 0.05
    coarse = Volume(data, thick)
    assert blurred_like(coarse, thin, np.eye(4)) is coarse


def test_resolution_is_matched_along_the_turned_axes_of_the_other_scan() -> None:
    data = np.zeros((40, 40, 40), dtype=np.float32)
    data[20, 20, 20] = 1
    turned = np.array([[0.0, 0, 1, 0], [0, 1, 0, 0], [-1, 0, 0, 0], [0, 0, 0, 1]])  # the scan's z is the other's x
    blurred = blurred_like(Volume(data, np.eye(4)), np.diag([4.0, 1.0, 1.0, 1.0]), turned).data
    assert np.count_nonzero(blurred[20, 20] > 1e-6) > 5
    assert np.count_nonzero(blurred[:, 20, 20] > 1e-6) == 1
