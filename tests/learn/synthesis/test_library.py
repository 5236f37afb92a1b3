"""Shapes and places from masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from newlesions.errors import InputError
from newlesions.images.io import write_volume
from newlesions.images.volume import Volume
from newlesions.learn.synthesis.library import Library, make_library, read_library


def test_each_component_is_a_shape_of_its_own_size(library: Library) -> None:
    assert sorted(int(shape.sum()) for shape in library.shapes) == [4 * 12 * 4, 10 * 10 * 3]


def test_axes_are_turned_to_ras(library: Library) -> None:
    mask = np.zeros((40, 40, 40), dtype=bool)
    mask[10:14, 10:16, 10:16] = True
    mask[14, 10:12, 10:16] = True  # a step towards larger i: towards the left where i runs left
    right = make_library([Volume(mask, np.eye(4))]).shapes[0]
    left = make_library([Volume(mask, np.diag([-1.0, 1, 1, 1]))]).shapes[0]
    np.testing.assert_array_equal(left, right[::-1])


def test_specks_are_no_shapes_but_count_as_places() -> None:
    mask = np.zeros((40, 40, 40), dtype=bool)
    mask[5:10, 5:10, 5:10] = True
    mask[30, 30, 30] = True
    found = make_library([Volume(mask, np.eye(4))])
    assert [int(shape.sum()) for shape in found.shapes] == [125]
    assert found.frequency.data[30, 30, 30] > 0 and found.frequency.data.max() == pytest.approx(1)


def test_a_drawn_shape_is_near_in_volume(library: Library) -> None:
    rng = np.random.default_rng(0)
    drawn = {int(library.draw(rng, 90).sum()) for _ in range(20)}
    assert drawn == {192}  # 300 is more than three times 90
    assert {int(library.draw(rng, 5000).sum()) for _ in range(5)} == {300}


def test_a_folder_without_masks_and_masks_on_other_grids_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="lesion masks in MNI space"):
        read_library(tmp_path)
    for name, length in (("a", 20), ("b", 21)):
        write_volume(tmp_path / f"sub-{name}_mask.nii.gz", Volume(np.ones((length, 9, 9), dtype=np.uint8), np.eye(4)))
    with pytest.raises(InputError, match="sub-b_mask"):
        read_library(tmp_path)


def test_masks_without_a_lesion_are_refused(tmp_path: Path) -> None:
    write_volume(tmp_path / "sub-a_mask.nii.gz", Volume(np.zeros((9, 9, 9), dtype=np.uint8), np.eye(4)))
    with pytest.raises(InputError, match="no lesion in the masks"):
        read_library(tmp_path)


def test_the_real_shapes_are_read(shared_data: Path) -> None:
    found = read_library(shared_data / "lesion_shapes")
    sizes = [int(shape.sum()) for shape in found.shapes]
    assert len(sizes) > 500 and min(sizes) >= 40
    # Lesions of multiple sclerosis gather at the lateral ventricles, within 45 mm of the middle.
    place = np.unravel_index(found.frequency.data.argmax(), found.frequency.data.shape)
    assert abs((found.frequency.affine @ [*place, 1])[0]) < 45
