from __future__ import annotations

import gzip
import io
import time
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from newlesions.images.io import nifti_bytes, read_volume, write_volume
from newlesions.images.volume import Affine, Volume


@pytest.fixture
def affine() -> Affine:
    """Oblique, left-handed, float32-exact."""
    turn = nib.eulerangles.euler2mat(0.1, -0.2, 0.3)
    matrix = np.eye(4)
    matrix[:3, :3] = turn @ np.diag([-0.9, 0.9, 3.0])
    matrix[:3, 3] = [80.5, -100.25, -60]
    return matrix.astype(np.float32).astype(np.float64)


def volume(affine: Affine, dtype: type = np.float32) -> Volume:
    return Volume((np.random.default_rng(0).uniform(0, 100, (7, 6, 5))).astype(dtype), affine)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("dtype", [np.float32, np.int16, np.uint8])
def test_round_trip(tmp_path: Path, affine: Affine, name: str, dtype: type) -> None:
    original = volume(affine, dtype)
    write_volume(tmp_path / name, original)
    again = read_volume(tmp_path / name, dtype)
    assert again.data.dtype == dtype
    np.testing.assert_array_equal(again.data, original.data)
    np.testing.assert_array_equal(again.affine, affine)


def test_masks_become_bytes_of_0_and_1(tmp_path: Path, affine: Affine) -> None:
    mask = Volume(volume(affine).data > 50, affine)
    write_volume(tmp_path / "mask.nii.gz", mask)
    image = nib.load(tmp_path / "mask.nii.gz")
    assert image.get_data_dtype() == np.uint8
    np.testing.assert_array_equal(np.asarray(image.dataobj), mask.data)


def test_both_forms_carry_the_affine_in_scanner_millimetres(tmp_path: Path, affine: Affine) -> None:
    write_volume(tmp_path / "a.nii.gz", volume(affine))
    image = nib.load(tmp_path / "a.nii.gz")
    sform, scode = image.get_sform(coded=True)
    qform, qcode = image.get_qform(coded=True)
    assert (int(scode), int(qcode)) == (1, 1)
    np.testing.assert_array_equal(sform, affine)
    np.testing.assert_allclose(qform, affine, atol=1e-4)
    assert image.header.get_xyzt_units()[0] == "mm"


def test_equal_volumes_give_equal_bytes_later_and_elsewhere(
    tmp_path: Path, affine: Affine, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_volume(tmp_path / "a.nii.gz", volume(affine))
    monkeypatch.setattr(time, "time", lambda: 2e9)
    write_volume(tmp_path / "elsewhere" / "another-name.nii.gz", volume(affine))
    first, second = (tmp_path / "a.nii.gz").read_bytes(), (tmp_path / "elsewhere/another-name.nii.gz").read_bytes()
    assert first == second


def test_the_gzip_header_has_neither_time_nor_name(affine: Affine) -> None:
    content = nifti_bytes(volume(affine).data, affine, compressed=True)
    assert content[:4] == b"\x1f\x8b\x08\x00"  # no flags: no file name, no comment
    assert content[4:8] == bytes(4)  # no time
    header = nib.Nifti1Header.from_fileobj(io.BytesIO(gzip.decompress(content)))
    assert bytes(header["descrip"]).strip(b"\0") == b""
    assert bytes(header["aux_file"]).strip(b"\0") == b""


def test_slope_and_intercept_are_applied(tmp_path: Path, affine: Affine) -> None:
    image = nib.Nifti1Image(np.arange(24, dtype=np.int16).reshape(2, 3, 4), affine)
    image.header.set_slope_inter(0.5, 10)
    content = bytearray(image.to_bytes())
    content[112:120] = np.array([0.5, 10], dtype="<f4").tobytes()  # scl_slope, scl_inter; nibabel resets them
    (tmp_path / "a.nii").write_bytes(content)
    expected = np.arange(24, dtype=np.float32).reshape(2, 3, 4) * 0.5 + 10
    np.testing.assert_array_equal(read_volume(tmp_path / "a.nii").data, expected)


def test_mgh_is_read(tmp_path: Path, affine: Affine) -> None:
    nib.save(nib.MGHImage(volume(affine).data, affine), tmp_path / "a.mgz")
    again = read_volume(tmp_path / "a.mgz")
    np.testing.assert_array_equal(again.data, volume(affine).data)
    np.testing.assert_allclose(again.affine, affine, atol=1e-4)
