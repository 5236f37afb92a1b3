from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from cohort.heads import flair, touch
from newlesions.cohort.bids import date_sources, find_scans, is_bids, one_per_session, sidecar
from newlesions.errors import ConfigError


def test_scans_are_found_in_natural_order(tmp_path: Path) -> None:
    for session in ("10", "2"):
        for subject in ("10", "9"):
            flair(tmp_path, subject, session)
    found = find_scans(tmp_path)
    assert [(scan.subject, scan.session) for scan in found.scans] == [
        ("9", "2"),
        ("9", "10"),
        ("10", "2"),
        ("10", "10"),
    ]
    assert not found.notes
    assert not found.without


def test_other_folders_and_files_are_left_alone(tmp_path: Path) -> None:
    kept = flair(tmp_path, "01", "1")
    for folder in ("derivatives/x", "sourcedata", "code"):
        flair(tmp_path / folder, "02", "1")
    touch(kept.with_name("sub-01_ses-1_T1w.nii.gz"))
    touch(kept.with_name("._sub-01_ses-1_acq-x_FLAIR.nii.gz"))
    touch(kept.with_name("sub-01_ses-1_FLAIR.mgz"))
    touch(tmp_path / "sub-03" / "ses-1" / "anat" / "sub-03_ses-1_T1w.nii.gz")
    found = find_scans(tmp_path)
    assert [scan.path for scan in found.scans] == [kept]
    assert found.without == ["03"]


def test_links_that_lead_nowhere_are_scans(tmp_path: Path) -> None:
    path = flair(tmp_path, "01", "1")
    path.unlink()
    path.symlink_to(tmp_path / "annex" / "gone")
    assert [scan.path for scan in find_scans(tmp_path).scans] == [path]


def test_misfiled_and_phase_images_are_named(tmp_path: Path) -> None:
    good = flair(tmp_path, "01", "1")
    for name in ("sub-02_ses-1_FLAIR.nii.gz", "sub-01_ses-2_FLAIR.nii", "sub-01_ses-1_part-phase_FLAIR.nii.gz"):
        touch(good.with_name(name))
    found = find_scans(tmp_path)
    assert [scan.path for scan in found.scans] == [good]
    assert sorted(note.split()[0] for note in found.notes) == [
        "sub-01_ses-1_part-phase_FLAIR.nii.gz",
        "sub-01_ses-2_FLAIR.nii",
        "sub-02_ses-1_FLAIR.nii.gz",
    ]
    assert "start with sub-01_ses-1_" in " ".join(found.notes)


def test_a_scan_without_session_level(tmp_path: Path) -> None:
    touch(tmp_path / "sub-01" / "anat" / "sub-01_FLAIR.nii.gz")
    touch(tmp_path / "sub-02" / "anat" / "sub-02_FLAIR.nii.gz")
    flair(tmp_path, "02", "1")
    found = find_scans(tmp_path)
    assert [(scan.subject, scan.session) for scan in found.scans] == [("01", ""), ("02", "1")]
    assert found.notes == ["sub-02/anat is left out: the subject also has ses-* folders"]


def test_one_scan_is_chosen_per_session_and_the_others_are_named(tmp_path: Path) -> None:
    for extra in ("_run-10", "_run-2", "_acq-3D", ""):
        flair(tmp_path, "01", "1", extra)
    flair(tmp_path, "01", "2", "_run-10")
    flair(tmp_path, "01", "2", "_run-2")
    chosen, notes = one_per_session(find_scans(tmp_path).scans)
    assert [scan.path.name for scan in chosen] == ["sub-01_ses-1_FLAIR.nii.gz", "sub-01_ses-2_run-2_FLAIR.nii.gz"]
    assert (
        notes[1]
        == "sub-01_ses-2_run-2_FLAIR.nii.gz is used; the same session also has sub-01_ses-2_run-10_FLAIR.nii.gz"
    )


def test_sidecars_are_inherited(tmp_path: Path) -> None:
    flair(tmp_path, "01", "1", "_acq-3D", {"own": 1, "all": "scan"})
    touch(tmp_path / "FLAIR.json", '{"all": "root", "root": 1, "shared": "root"}')
    touch(tmp_path / "acq-3D_FLAIR.json", '{"shared": "root acq"}')
    touch(tmp_path / "acq-2D_FLAIR.json", '{"other": 1}')
    touch(tmp_path / "sub-01" / "sub-01_FLAIR.json", '{"all": "subject"}')
    touch(tmp_path / "sub-01" / "ses-1" / "anat" / "sub-01_FLAIR.json", "[broken")
    (scan,) = find_scans(tmp_path).scans
    assert sidecar(tmp_path, scan) == {"all": "scan", "root": 1, "shared": "root acq", "own": 1}


def test_dates_come_from_tables_and_sidecars(tmp_path: Path) -> None:
    flair(tmp_path, "01", "1", sidecar={"AcquisitionDateTime": "2020-01-02T03:04:05"})
    flair(tmp_path, "01", "2")
    touch(tmp_path / "sub-01" / "sub-01_sessions.tsv", "session_id\tacq_time\nses-1\t2021-01-01\nses-2\tn/a\n")
    touch(
        tmp_path / "sub-01" / "ses-2" / "sub-01_ses-2_scans.tsv",
        "filename\tacq_time\nanat/sub-01_ses-2_FLAIR.nii.gz\t2022-01-01T00:00:00\n",
    )
    sources = dict(date_sources(tmp_path, find_scans(tmp_path).scans))
    assert sources == {
        "sub-01_sessions.tsv": {"1": datetime(2021, 1, 1)},
        "scans.tsv": {"2": datetime(2022, 1, 1)},
        "JSON sidecars": {"1": datetime(2020, 1, 2, 3, 4, 5)},
    }


def test_a_folder_that_is_not_bids_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such folder"):
        find_scans(tmp_path / "absent")
    assert not is_bids(tmp_path)
    with pytest.raises(ConfigError, match=r"no sub-\* folder"):
        find_scans(tmp_path)
    touch(tmp_path / "sub-01" / "anat" / "sub-01_T1w.nii.gz")
    assert is_bids(tmp_path)
    with pytest.raises(ConfigError, match="no FLAIR scan for 1 subjects"):
        find_scans(tmp_path)


def test_subjects_whose_labels_become_one_are_refused(tmp_path: Path) -> None:
    flair(tmp_path, "a-1", "1")
    flair(tmp_path, "a1", "1")
    with pytest.raises(ConfigError, match="'a1'"):
        find_scans(tmp_path)


def test_characters_that_bids_forbids_are_dropped(tmp_path: Path) -> None:
    flair(tmp_path, "MS-001", "2021-03")
    (scan,) = find_scans(tmp_path).scans
    assert (scan.subject, scan.session) == ("MS001", "202103")
