from __future__ import annotations

import gzip
import json
import os
import shutil
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from cohort.heads import SHAPE, SPACING, affine, head, patch, save
from newlesions.cohort.checks import ScanReport, check_pair, check_scan
from newlesions.errors import ConfigError, InputError


def refused(path: Path, expected: str, **limits: Any) -> None:
    """The check refuses `path` with one line that names it and holds `expected`."""
    with pytest.raises(InputError) as caught:
        check_scan(path, limits)
    message = str(caught.value)
    assert message.startswith(f"{path}: found ")
    assert "; expected " in message
    assert expected in message
    assert "\n" not in message


def test_a_good_scan_passes_unchanged(tmp_path: Path) -> None:
    volume, report = check_scan(save(tmp_path / "a.nii.gz"))
    assert volume.data.dtype == np.float32
    np.testing.assert_array_equal(volume.data, head())
    np.testing.assert_allclose(volume.affine, affine())
    assert report.warnings == []
    assert (report.shape, report.spacing_mm, report.orientation) == (SHAPE, SPACING, "RAS")
    assert (report.format, report.dtype) == ("NIfTI-1", "int16, little-endian")
    assert ScanReport.from_dict(json.loads(json.dumps(report.as_dict()))) == report


# What works


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.img", "a.hdr"])
def test_nifti_under_every_name(tmp_path: Path, name: str) -> None:
    save(tmp_path / name, kind=nib.Nifti1Pair if name[-3:] in ("img", "hdr") else nib.Nifti1Image)
    np.testing.assert_array_equal(check_scan(tmp_path / name)[0].data, head())


@pytest.mark.parametrize(
    ("name", "kind"), [("a.mgz", nib.MGHImage), ("a.mgh", nib.MGHImage), ("a.nii", nib.Nifti2Image)]
)
def test_other_formats(tmp_path: Path, name: str, kind: type) -> None:
    volume, report = check_scan(save(tmp_path / name, kind=kind))
    np.testing.assert_array_equal(volume.data, head())
    np.testing.assert_allclose(volume.affine, affine())
    assert report.format == {"MGHImage": "MGH", "Nifti2Image": "NIfTI-2"}[kind.__name__]


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "float32", "float64"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_stored_types(tmp_path: Path, dtype: str, order: str) -> None:
    header = nib.Nifti1Header(endianness=order)
    data = np.minimum(head() // 3, 250).astype(dtype)
    image = nib.Nifti1Image(data, affine(), header=header)
    image.set_data_dtype(np.dtype(dtype).newbyteorder(order))
    nib.save(image, tmp_path / "a.nii")
    volume, report = check_scan(tmp_path / "a.nii")
    np.testing.assert_array_equal(volume.data, data)
    assert volume.data.dtype.isnative
    assert report.dtype.startswith(dtype)
    assert report.dtype.endswith({"<": "little-endian", ">": "big-endian"}[order]) or dtype == "uint8"


@pytest.mark.parametrize("codes", ["LPS", "PIR", "SAL", "RAS"])
def test_axes_in_any_order_are_kept(tmp_path: Path, codes: str) -> None:
    turn = nib.orientations.ornt_transform(nib.orientations.axcodes2ornt("RAS"), nib.orientations.axcodes2ornt(codes))
    image = nib.Nifti1Image(head(), affine()).as_reoriented(turn)
    nib.save(image, tmp_path / "a.nii")
    nib.save(nib.Nifti1Image(head(), affine()), tmp_path / "ras.nii")
    volume, report = check_scan(tmp_path / "a.nii")
    assert report.orientation == codes
    np.testing.assert_array_equal(volume.data, image.get_fdata())
    assert report.canonical_sha256 == check_scan(tmp_path / "ras.nii")[1].canonical_sha256


def test_oblique_thick_slices(tmp_path: Path) -> None:
    angle = np.radians(25)
    turn = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    matrix = np.eye(4)
    matrix[:3, :3] = turn @ np.diag([2, 2, 6])
    volume, report = check_scan(save(tmp_path / "a.nii", head((90, 100, 25)), matrix))
    assert report.spacing_mm == (2.0, 2.0, 6.0)
    assert report.warnings == []
    np.testing.assert_allclose(volume.affine, matrix, atol=1e-5)


def test_slope_and_intercept_are_applied(tmp_path: Path) -> None:
    image = nib.Nifti1Image(head().astype(float) / 7 - 3, affine())
    image.set_data_dtype(np.int16)
    nib.save(image, tmp_path / "a.nii")
    data = check_scan(tmp_path / "a.nii")[0].data
    np.testing.assert_allclose(data, image.get_fdata(), atol=0.01)


def test_one_volume_in_four_axes_is_squeezed(tmp_path: Path) -> None:
    volume, report = check_scan(save(tmp_path / "a.nii", head()[..., None]))
    assert volume.data.shape == SHAPE
    assert report.warnings == ["the image has 4 axes with one volume; it is read as 3D"]


# The file


def test_missing_and_empty_files(tmp_path: Path) -> None:
    refused(tmp_path / "absent.nii", "no such file; expected a NIfTI image")
    refused(tmp_path, "a folder")
    (tmp_path / "empty.nii.gz").touch()
    refused(tmp_path / "empty.nii.gz", "an empty file (0 bytes)")
    (tmp_path / "link.nii").symlink_to(tmp_path / "gone")
    refused(tmp_path / "link.nii", "a link that leads nowhere")
    (tmp_path / "lfs.nii.gz").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    refused(tmp_path / "lfs.nii.gz", "a git-lfs pointer")
    os.mkfifo(tmp_path / "pipe.nii")
    refused(tmp_path / "pipe.nii", "no regular file")


def test_what_is_no_image(tmp_path: Path) -> None:
    for name, content in (("a.nii", b"hello" * 100), ("b.nii.gz", gzip.compress(b"hello" * 100)), ("c.txt", b"hello")):
        (tmp_path / name).write_bytes(content)
        refused(tmp_path / name, "no image, or one with a damaged header")


def test_names_that_contradict_the_content(tmp_path: Path) -> None:
    shutil.copy(save(tmp_path / "a.nii.gz"), tmp_path / "b.nii")
    refused(tmp_path / "b.nii", "gzip data under a name without .gz")
    shutil.copy(save(tmp_path / "c.nii"), tmp_path / "d.nii.gz")
    refused(tmp_path / "d.nii.gz", "no gzip data")


@pytest.mark.parametrize("keep", [0.02, 0.5, 0.999])
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.mgz"])
def test_truncated_files(tmp_path: Path, name: str, keep: float) -> None:
    path = save(tmp_path / name, kind=nib.MGHImage if name.endswith("mgz") else nib.Nifti1Image)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    refused(path, "a truncated")


def test_a_flipped_bit_in_a_gzip_file(tmp_path: Path) -> None:
    path = save(tmp_path / "a.nii.gz")
    content = bytearray(path.read_bytes())
    content[-6] ^= 1  # the stored checksum
    path.write_bytes(content)
    refused(path, "a damaged gzip file (CRC check failed")


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("name", "kind", "length"), [("a.nii", nib.Nifti1Image, 344), ("a.mgh", nib.MGHImage, 90)])
def test_headers_with_random_bytes_never_end_otherwise(tmp_path: Path, name: str, kind: type, length: int) -> None:
    path = save(tmp_path / name, kind=kind)
    good = path.read_bytes()
    random = np.random.default_rng(0)
    outcomes = set()
    for _ in range(100):
        content = bytearray(good)
        for place in random.integers(4, length, random.integers(1, 8)):
            content[place] = random.integers(256)
        path.write_bytes(content)
        try:
            check_scan(path)
            outcomes.add("passed")
        except InputError as error:
            assert "\n" not in str(error)
            outcomes.add("refused")
    assert outcomes == {"passed", "refused"}


def test_formats_without_orientation(tmp_path: Path) -> None:
    nib.save(nib.AnalyzeImage(head(), affine()), tmp_path / "a.img")
    refused(tmp_path / "a.img", "an image of the format")


# The header


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((40, 48), "a 2D image (40 x 48"),
        ((40, 48, 1), "a 2D image (40 x 48 x 1"),
        ((40, 48, 5), "40 x 48 x 5 voxels; expected at least 10 slices"),
        ((*SHAPE, 3), "a 4D image with 3 volumes"),
        ((*SHAPE, 1, 2), "a 5D image with 2 volumes"),
    ],
)
def test_shapes(tmp_path: Path, shape: tuple[int, ...], expected: str) -> None:
    data = np.random.default_rng(0).integers(0, 99, shape).astype(np.int16)
    refused(save(tmp_path / "a.nii", data), expected)


def test_colour_and_complex_voxels(tmp_path: Path) -> None:
    rgb = np.zeros(SHAPE, dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    refused(save(tmp_path / "rgb.nii", rgb), "RGB voxels; expected one real number")
    refused(save(tmp_path / "complex.nii", head().astype(np.complex64)), "complex voxels")


def with_sform(path: Path, matrix: np.ndarray, data: np.ndarray | None = None) -> Path:
    """The matrix in the sform alone, exactly as it is."""
    return patch(save(path, data, qform=0), 280, matrix[:3].astype("<f4").tobytes())


def test_affines(tmp_path: Path) -> None:
    for place, value, expected in (
        ((0, 0), np.nan, "infinite or undefined"),
        ((1, 3), np.inf, "infinite or undefined"),
        ((0, 0), 0.0, "a singular affine"),
        ((0, 0), 0.05, "voxels of 0.05 x 4 x 5 mm; expected between 0.2 and 8 mm"),
        ((2, 2), 9.0, "voxels of 4 x 4 x 9 mm"),
        ((0, 0), 1.0, "a field of view of 40 x 192 x 160 mm; expected between 80 and 500 mm"),
        ((0, 1), 1.0, "axes sheared by 14.0 degrees; expected at most 5 degrees"),
    ):
        matrix = affine()
        matrix[place] = value
        refused(with_sform(tmp_path / "a.nii", matrix), expected)
    parallel = affine()
    parallel[:3, 1] = parallel[:3, 0]
    refused(with_sform(tmp_path / "a.nii", parallel), "a singular affine")
    slight = affine()
    slight[0, 1] = 0.1
    assert check_scan(with_sform(tmp_path / "a.nii", slight))[1].warnings == ["the axes are sheared by 1.4 degrees"]


def test_limits_are_settings(tmp_path: Path) -> None:
    path = save(tmp_path / "a.nii")
    for name, value, expected in (
        ("min_voxel_mm", 4.5, "between 4.5 and 8 mm"),
        ("max_voxel_mm", 4.5, "between 0.2 and 4.5 mm"),
        ("min_fov_mm", 170, "between 170 and 500 mm"),
        ("max_fov_mm", 170, "between 80 and 170 mm"),
        ("min_slices", 33, "at least 33 slices"),
        ("max_voxels", 1000, "at most 1,000 voxels"),
    ):
        refused(path, expected, **{name: value})
    for limits in ({"min_voxel": 1}, {"min_slices": "ten"}, {"require_orientation": 1}, {"min_slices": True}):
        with pytest.raises(ConfigError, match="input limits: found"):
            check_scan(path, limits)


@pytest.mark.parametrize(("slope", "intercept"), [(np.inf, 0), (2, np.inf), (2, np.nan)])
def test_infinite_scaling(tmp_path: Path, slope: float, intercept: float) -> None:
    path = save(tmp_path / "a.nii")
    refused(patch(path, 112, np.array([slope, intercept], "<f4").tobytes()), "intercept")


# Left and right


def with_forms(path: Path, sform: np.ndarray, qform: np.ndarray) -> Path:
    image = nib.Nifti1Image(head(), sform)
    image.set_sform(sform, 1)
    image.set_qform(qform, 1)
    nib.save(image, path)
    return path


@pytest.mark.parametrize("signs", [(-1, 1, 1), (-1, -1, 1), (1, -1, 1)])
def test_forms_that_disagree_on_left_and_right(tmp_path: Path, signs: tuple[int, int, int]) -> None:
    other = np.diag([*signs, 1]) @ affine()
    refused(with_forms(tmp_path / "a.nii", affine(), other), "disagree on left and right")


def test_forms_that_disagree_otherwise(tmp_path: Path) -> None:
    shifted = affine()
    shifted[1, 3] += 40
    volume, report = check_scan(with_forms(tmp_path / "a.nii", affine(), shifted))
    assert report.warnings == ["sform and qform differ by up to 10.0 voxels; the sform is used"]
    np.testing.assert_allclose(volume.affine, affine())
    shifted[1, 3] -= 39
    assert check_scan(with_forms(tmp_path / "b.nii", affine(), shifted))[1].warnings == []


def test_one_form_alone_is_enough(tmp_path: Path) -> None:
    for sform, qform in ((0, 1), (1, 0)):
        volume, report = check_scan(save(tmp_path / "a.nii", sform=sform, qform=qform))
        np.testing.assert_allclose(volume.affine, affine(), atol=1e-4)
        assert report.warnings == []


def test_no_orientation(tmp_path: Path) -> None:
    path = patch(save(tmp_path / "a.nii"), 252, b"\0\0\0\0")  # qform_code, sform_code
    refused(path, "sform and qform codes of 0; expected an orientation")
    assert "left and right are unknown" in check_scan(path, {"require_orientation": False})[1].warnings[0]
    # Without the flag the file's voxel size is not valid either: nibabel takes 1 mm, as FreeSurfer does.
    large = np.random.default_rng(0).integers(0, 99, (96, 96, 96)).astype(np.int16)
    path = patch(save(tmp_path / "a.mgh", large, np.eye(4), kind=nib.MGHImage), 28, b"\0\0")
    refused(path, "goodRASFlag 0")


def test_voxel_sizes_that_contradict_the_sform(tmp_path: Path) -> None:
    path = patch(save(tmp_path / "a.nii", qform=0), 80, np.array([1.0], "<f4").tobytes())  # pixdim[1]
    assert "pixdim says 1 x 4 x 5 mm; the affine is used" in check_scan(path)[1].warnings[0]


# The voxels


def test_undefined_voxels(tmp_path: Path) -> None:
    for value in (np.nan, np.inf, -np.inf):
        data = head().astype(np.float32)
        data[20, 20, 16] = value
        refused(save(tmp_path / "a.nii", data), "1 voxels that are NaN or infinite inside the image")
    background = head().astype(np.float32)
    background[background < 100] = np.nan
    inside = np.isfinite(background)
    volume, report = check_scan(save(tmp_path / "b.nii", background))
    assert np.isfinite(volume.data).all()
    np.testing.assert_array_equal(volume.data[inside], background[inside])
    assert "all around the head, are NaN or infinite; they are set to 0" in report.warnings[0]
    refused(save(tmp_path / "c.nii", np.full(SHAPE, np.nan, np.float32)), "100.0% of the voxels NaN")


def test_too_large_for_float32(tmp_path: Path) -> None:
    data = head().astype(np.float64)
    data[20, 20, 16] = 1e300
    refused(save(tmp_path / "a.nii", data), "NaN or infinite inside")


def test_images_without_content(tmp_path: Path) -> None:
    refused(save(tmp_path / "a.nii", np.full(SHAPE, 7, np.int16)), "the value 7 in every voxel")
    almost = np.zeros(SHAPE, np.int16)
    almost[20, 20, :20] = range(1, 21)
    refused(save(tmp_path / "b.nii", almost), "the value 0 in 99.97% of the voxels")
    refused(save(tmp_path / "c.nii", (head() > 100).astype(np.uint8)), "only 2 different values (a mask?)")


def test_clipped_images_are_named(tmp_path: Path) -> None:
    report = check_scan(save(tmp_path / "a.nii", np.minimum(head(), 500)))[1]
    assert "share the highest value (500): clipped" in report.warnings[0]


def test_header_text_is_not_copied(tmp_path: Path) -> None:
    image = nib.Nifti1Image(head(), affine())
    image.header["descrip"] = b"SECRET NAME"
    image.header["db_name"] = b"SECRET"
    nib.save(image, tmp_path / "a.nii")
    assert "SECRET" not in json.dumps(check_scan(tmp_path / "a.nii")[1].as_dict())


# Pairs


def test_a_pair_of_one_scan_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "a.nii.gz")
    one = check_scan(path)[1]
    other = check_scan(save(tmp_path / "other.nii.gz", head(seed=1)))[1]
    check_pair(one, other)
    (tmp_path / "link.nii.gz").symlink_to(path)
    shifted = affine()
    shifted[:3, 3] += 5
    turned = nib.Nifti1Image(head(), affine()).as_reoriented(np.array([[1, -1], [0, -1], [2, 1]]))
    nib.save(turned, tmp_path / "turned.nii")
    for copy, found in (
        (one, "the same file as baseline and follow-up"),
        (check_scan(tmp_path / "link.nii.gz")[1], "the same file as baseline and follow-up"),
        (
            check_scan(save(tmp_path / "f.nii", head().astype(np.float64), shifted))[1],
            "the same voxels as in the baseline",
        ),
        (check_scan(tmp_path / "turned.nii")[1], "the same voxels as in the baseline"),
    ):
        with pytest.raises(InputError, match=found) as caught:
            check_pair(one, copy)
        assert copy.path in str(caught.value)


def test_real_scans_pass(shared_data: Path) -> None:
    paths = sorted((shared_data / "open_ms").glob("sub-*/ses-*/anat/*_FLAIR.nii.gz"))
    assert len(paths) == 7
    for path in paths:
        volume, report = check_scan(path)
        assert report.warnings == []
        assert report.orientation == "LPS"
        assert np.isfinite(volume.data).all()
