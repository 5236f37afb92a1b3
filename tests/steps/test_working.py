from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from newlesions.images.io import read_volume
from newlesions.images.transforms import rigid_exp
from newlesions.images.volume import Affine, Grid, Volume
from newlesions.steps.working import WorkingSpace, published, read_working, write_published, write_working
from steps.small import AFFINE, LESION, SHAPE, SPACING

GRID = Grid(SHAPE, AFFINE)
RIGID = arrays.arrays(np.float64, 6, elements=st.floats(-1, 1)).map(
    lambda twist: rigid_exp(twist * [0.3, 0.3, 0.3, 20, 20, 20])
)
SCALES = arrays.arrays(np.float64, 3, elements=st.floats(0.8, 1.25))
SPACES = ("halfway", "mni")


def matrices(moved: Affine, mni: Affine) -> dict[str, Affine]:
    """As halfway.json has them."""
    names = ("baseline_from_halfway", "followup_from_halfway", "mni_from_halfway")
    return dict(zip(names, (moved, np.linalg.inv(moved), mni), strict=True))


IMAGES = arrays.arrays(np.float32, (3, 4, 2), elements=st.floats(-1e6, 1e6, width=32))


@given(IMAGES, st.integers(-20, 20))
def test_a_published_image_is_rounded_to_thousandths_of_its_range(values: np.ndarray, power: int) -> None:
    counts, step = published(Volume(values, AFFINE))
    largest = np.abs(values).max()
    assert counts.data.dtype == np.int16
    assert step == np.float32(step)
    rounded = (counts.data * step).astype(np.float32)
    assert np.abs(rounded - values).max() <= max(largest / 8192, step / 2 * (largest < 1e-30))
    if np.abs(counts.data).max() < 8192:  # the next power of two has a step of its own
        again, same = published(Volume(rounded, AFFINE))
        np.testing.assert_array_equal(again.data * same, rounded)
    if largest > 1e-20:
        scaled, larger = published(Volume(np.float32(2.0**power) * values, AFFINE))
        np.testing.assert_array_equal(scaled.data, counts.data)
        assert larger == 2.0**power * step


def test_a_published_image_is_read_as_it_was_rounded(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(100, 40, (6, 5, 4)).astype(np.float32)
    write_published(tmp_path / "image.nii.gz", Volume(values, AFFINE))
    read = read_volume(tmp_path / "image.nii.gz")
    counts, step = published(Volume(values, AFFINE))
    np.testing.assert_array_equal(read.data, (counts.data * step).astype(np.float32))
    np.testing.assert_array_equal(read.affine, AFFINE)
    assert np.abs(read.data - values).max() <= step / 2


@given(RIGID, RIGID, SCALES)
def test_every_way_leads_to_the_same_place_in_both_spaces(moved: Affine, turned: Affine, scales: np.ndarray) -> None:
    given_ways = matrices(moved, turned @ np.diag([*scales, 1]))
    for space in SPACES:
        working = WorkingSpace.of(space, given_ways, GRID)
        for name in ("baseline", "followup", "mni"):
            way = getattr(working, f"{name}_from_working") @ working.working_from_halfway
            np.testing.assert_allclose(way, given_ways[f"{name}_from_halfway"], atol=1e-9)
        np.testing.assert_allclose(working.followup_from_working @ working.working_from_followup, np.eye(4), atol=1e-9)


def test_halfway_space_changes_no_bit() -> None:
    given_ways = matrices(rigid_exp(np.array([0.1, 0.2, 0.3, 4.0, 5.0, 6.0])), np.diag([1.1, 1.0, 0.9, 1.0]))
    working = WorkingSpace.of("halfway", given_ways, GRID)
    np.testing.assert_array_equal(working.followup_from_working, given_ways["followup_from_halfway"])
    np.testing.assert_array_equal(working.mni_from_working, given_ways["mni_from_halfway"])
    image = Volume(np.zeros(SHAPE, np.float32), AFFINE)
    assert working.image_in_halfway(image) is image
    assert working.change_in_halfway(image) is image


@pytest.mark.parametrize("space", SPACES)
def test_the_file_keeps_every_digit(tmp_path: Path, space: str) -> None:
    given_ways = matrices(rigid_exp(np.array([0.1, 0.2, 0.3, 4.0, 5.0, 6.0])), np.diag([1.1, 1.0, 0.9, 1.0]))
    working = WorkingSpace.of(space, given_ways, GRID)
    write_working(tmp_path / "working.json", working)
    read = read_working(tmp_path / "working.json")
    assert read.space == space and read.halfway_grid.matches(GRID, tolerance=0)
    for name in ("baseline_from_working", "followup_from_working", "mni_from_working", "working_from_halfway"):
        np.testing.assert_array_equal(getattr(read, name), getattr(working, name))


def test_a_lesion_that_mni_shrinks_comes_back_whole() -> None:
    shift = np.diag([0.8, 0.8, 0.8, 1.0])
    shift[:3, 3] = SPACING, 0, -SPACING
    working = WorkingSpace.of("mni", matrices(np.eye(4), shift), GRID)
    change = np.zeros(SHAPE, np.uint8)
    change[LESION] = 1
    change[10, 10, 10] = 3
    there = working.change_in_halfway(Volume(change, AFFINE))
    assert there.data.dtype == np.uint8 and there.grid.matches(GRID)
    assert np.count_nonzero(there.data == 1) == pytest.approx(27 / 0.8**3, rel=0.25)
    assert np.count_nonzero(there.data == 3) >= 1, "small lesions are not lost between the voxels"
