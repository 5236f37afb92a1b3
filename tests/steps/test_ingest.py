from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from cohort.heads import affine, head, save
from newlesions.cohort.checks import ScanReport
from newlesions.errors import ConfigError, InputError
from newlesions.images.files import sha256
from newlesions.images.io import read_volume
from newlesions.steps.ingest import ingest


def outputs(folder: Path) -> tuple[Path, Path]:
    return folder / "out" / "flair.nii.gz", folder / "out" / "ingest.json"


@pytest.mark.parametrize(("name", "kind"), [("a.nii.gz", nib.Nifti1Image), ("a.mgz", nib.MGHImage)])
def test_a_good_scan_is_taken_in(tmp_path: Path, name: str, kind: type) -> None:
    scan = save(tmp_path / name, kind=kind)
    flair, report = outputs(tmp_path)
    ingest(scan, sha256(scan), flair, report)
    volume = read_volume(flair)
    np.testing.assert_array_equal(volume.data, head())
    np.testing.assert_allclose(volume.affine, affine())
    image = nib.load(flair)
    assert image.get_data_dtype() == np.float32
    assert (int(image.header["sform_code"]), int(image.header["qform_code"])) == (1, 1)
    assert ScanReport.from_dict(json.loads(report.read_text())).path == str(scan)


def test_the_same_scan_gives_the_same_bytes(tmp_path: Path) -> None:
    scan = save(tmp_path / "a.nii")
    for folder in ("x", "y"):
        ingest(scan, "", *outputs(tmp_path / folder))
    for first, second in zip(outputs(tmp_path / "x"), outputs(tmp_path / "y"), strict=True):
        assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("digest", ["", "0" * 64])
def test_the_reason_of_a_missing_scan_is_named(tmp_path: Path, digest: str) -> None:
    with pytest.raises(InputError, match="no such file"):
        ingest(tmp_path / "absent.nii", digest, *outputs(tmp_path))


def test_a_changed_scan_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    scan = save(tmp_path / "a.nii")
    digest = sha256(scan)
    save(scan, head(seed=1))
    with pytest.raises(InputError, match=r"changed since pairs\.tsv was frozen"):
        ingest(scan, digest, *outputs(tmp_path))
    assert not (tmp_path / "out").exists()


def test_limits_are_passed_on(tmp_path: Path) -> None:
    scan = save(tmp_path / "a.nii")
    with pytest.raises(InputError, match="field of view"):
        ingest(scan, "", *outputs(tmp_path), {"min_fov_mm": 300})
    with pytest.raises(ConfigError, match="found 'min_fov'"):
        ingest(scan, "", *outputs(tmp_path), {"min_fov": 300})
