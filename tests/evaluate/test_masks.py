from __future__ import annotations

import gzip

import nibabel as nib
import numpy as np
import pytest

from newlesions.errors import InputError
from newlesions.evaluate.masks import check_same_grid, label_image, read_map, read_mask

AFFINE = np.diag([0.9, 0.9, 3.0, 1.0])


@pytest.fixture
def saved(tmp_path):
    """Saves values as NIfTI and returns the path."""

    def save(values, affine=AFFINE, name="mask.nii.gz", slope=None):
        image = nib.Nifti1Image(values, affine)
        if slope:
            image.header.set_slope_inter(slope, 0)
        nib.save(image, tmp_path / name)
        return tmp_path / name

    return save


def blob(kind=np.uint8, value=1):
    values = np.zeros((5, 6, 7), kind)
    values[1:3, 2:4, 3:5] = value
    return values


@pytest.mark.parametrize(("kind", "value"), [(np.uint8, 255), (np.int16, 1), (np.float32, 1), (np.float64, 3)])
def test_whole_numbers_of_any_type_are_labels(saved, kind, value):
    mask = read_mask(saved(blob(kind, value)))
    np.testing.assert_array_equal(mask.labels, blob())
    assert mask.distinct == 2
    assert mask.spacing.tolist() == np.float32([0.9, 0.9, 3]).astype(float).tolist()


def test_a_mask_scaled_by_its_header(saved):
    np.testing.assert_array_equal(read_mask(saved(blob(np.uint8, 255), slope=1 / 255)).labels, blob())


def test_labels_are_ranks():
    values = blob(int, 40)
    values[0, 0, 0] = 7
    image = label_image(values)
    assert image.distinct == 3
    assert image.labels[0, 0, 0] == 1
    assert image.labels.max() == 2
    assert image.binary().labels.sum() == 9


@pytest.mark.parametrize("value", [0, 1, 5])
def test_a_constant_image_is_empty(value):
    image = label_image(np.full((3, 3, 3), value))
    assert image.empty
    assert not image.labels.any()


def test_a_trailing_axis_is_dropped(saved):
    assert read_mask(saved(blob()[..., None])).labels.shape == (5, 6, 7)


def test_a_map_needs_a_threshold_and_takes_what_reaches_it(saved):
    values = blob(np.float32, 0.5)
    values[0, 0, 0] = 0.4
    path = saved(values)
    with pytest.raises(InputError, match=r"mask.nii.gz: found a map of fractions \(0 to 0.5\); expected .*--threshold"):
        read_mask(path)
    np.testing.assert_array_equal(read_mask(path, 0.5).labels, blob())


def test_a_threshold_leaves_a_reference_of_labels_alone(saved):
    path = saved(blob(np.uint8, 2))
    assert read_mask(path, 3.0).empty
    assert not read_mask(path, 3.0, threshold_labels=False).empty


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (blob(np.int16, -1), "the negative label -1"),
        (blob(np.float32, np.nan), "8 voxels without a finite value"),
        (np.zeros((3, 3, 3, 2), np.uint8), "an image of shape 3x3x3x2"),
        (blob(np.complex64), "voxels of the type complex64"),
        (np.zeros((3, 3, 3), [("R", "u1"), ("G", "u1"), ("B", "u1")]), r"voxels of the type .*'B', 'u1'.."),
    ],
)
def test_what_is_no_mask(saved, values, found):
    with pytest.raises(InputError, match=rf"mask.nii.gz: found {found}; expected"):
        read_mask(saved(values))


def test_missing_and_damaged_files(tmp_path, saved):
    with pytest.raises(InputError, match="found no such file"):
        read_mask(tmp_path / "none.nii.gz")
    path = saved(np.random.default_rng(0).integers(0, 2, (20, 20, 20), np.uint8))
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError, match="truncated"):
        read_mask(path)
    short = tmp_path / "short.nii.gz"
    short.write_bytes(gzip.compress(gzip.decompress(saved(blob()).read_bytes())[:400]))
    with pytest.raises(InputError, match="truncated"):
        read_map(short)


def test_a_map_keeps_its_fractions(saved):
    values, grid = read_map(saved(blob(np.float32, 0.25)))
    assert values.max() == 0.25
    assert grid.shape == (5, 6, 7)
    with pytest.raises(InputError, match="finite"):
        read_map(saved(blob(np.float32, np.inf)))


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (np.diag([1.0, 0.9, 3.0, 1.0]), "0.4 mm off"),
        (AFFINE + np.array([[0, 0, 0, 0.3], [0] * 4, [0] * 4, [0] * 4]), "0.3 mm off"),
        (AFFINE @ np.diag([-1, 1, 1, 1]), "7.2 mm off"),
    ],
)
def test_the_whole_affine_is_compared(change, found):
    here, there = label_image(blob(), AFFINE).grid, label_image(blob(), change).grid
    with pytest.raises(InputError, match=found):
        check_same_grid("mask.nii.gz", there, here)


def test_rounded_headers_are_one_grid():
    check_same_grid("m", label_image(blob(), AFFINE + 1e-5).grid, label_image(blob(), AFFINE).grid)


def test_shapes_are_named():
    with pytest.raises(InputError, match="found 2x2x2 voxels; expected the grid of the reference, 5x6x7 voxels"):
        check_same_grid("m", label_image(np.ones((2, 2, 2))).grid, label_image(blob()).grid)
