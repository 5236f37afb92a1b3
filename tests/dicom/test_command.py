"""`newlesions dicom` from end to end: synthetic series in, BIDS out."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from dicom.series import PRIVATE, T1, simulated_scan, write_enhanced, write_series
from newlesions.cli import main
from newlesions.cohort.index import index
from newlesions.dicom.match import same_voxels
from newlesions.images.io import read_volume
from newlesions.images.volume import Volume

pytest.importorskip("pydicom", reason="the extra `dicom` is not installed: no pydicom")

# Axial with gaps, sagittal, coronal turned over, and isotropic: (codes, spacing).
PROTOCOLS = [
    ("LPS", (6.0, 6.0, 7.0)),
    ("ASR", (6.0, 6.0, 7.0)),
    ("PIL", (6.0, 6.0, 7.0)),
    ("LSA", (6.0, 6.0, 8.0)),
    ("RAS", (6.0, 6.0, 6.0)),
]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return tmp_path / "dicom"


def run(source: Path, *more: str) -> int:
    return main(["dicom", str(source), "-o", str(source.parent / "bids"), *more])


def image(source: Path, session: str = "M00", subject: str = "001") -> Path:
    folder = source.parent / "bids" / f"sub-{subject}" / f"ses-{session}" / "anat"
    return folder / f"sub-{subject}_ses-{session}_FLAIR.nii.gz"


def assert_same(path: Path, volume: Volume) -> None:
    """The image holds the voxels of ``volume`` where they were, in whichever order."""
    made = read_volume(path, dtype=np.int16)
    order = same_voxels(made.grid, volume.grid, 0.01)
    assert order is not None
    np.testing.assert_array_equal(order.apply(made.data), volume.data)


@pytest.mark.usefixtures("converter")
@pytest.mark.parametrize(("codes", "spacing"), PROTOCOLS)
def test_every_voxel_keeps_its_value_and_place(source: Path, codes: str, spacing: tuple[float, ...]) -> None:
    volume = simulated_scan(codes, spacing)
    write_series(source / "a", volume)
    write_series(source / "a", volume, number=6, description="t1_mprage", **T1)
    assert run(source) == 0
    assert_same(image(source), volume)


@pytest.mark.usefixtures("converter")
def test_nothing_of_the_patient_is_in_the_bids_folder(source: Path) -> None:
    write_series(source / "a", simulated_scan())
    assert run(source) == 0
    files = [path for path in (source.parent / "bids").rglob("*") if path.is_file()]
    assert len(files) == 5
    for path in files:
        content = path.read_bytes()
        content = gzip.decompress(content) if path.suffix == ".gz" else content
        told = [
            word for word in (*PRIVATE, "20210304", "2021-03-04", "101500", "dark-fluid") if word.encode() in content
        ]
        assert told == [] and not any(word in str(path) for word in PRIVATE)
    key = source.parent / "bids_key.tsv"
    assert "HOSP-1\t20210304\t5\tt2_tirm_tra_dark-fluid\ttake\t001\tM00\t21\t" in key.read_text()
    assert key.stat().st_mode & 0o077 == 0


@pytest.mark.usefixtures("converter")
def test_the_folder_can_be_run_and_tells_the_time_between_visits(source: Path) -> None:
    write_series(source / "a", simulated_scan(), date="20210304")
    write_series(source / "b", simulated_scan(seed=1), date="20220303")
    assert run(source) == 0
    (pair,) = index(source.parent / "bids").pairs
    assert (pair.pair, pair.baseline_session, pair.days) == ("sub-001_ses-M12", "M00", "364")
    assert pair.baseline_date == "1900-01-01"
    sidecar = json.loads(image(source).with_name("sub-001_ses-M00_FLAIR.json").read_text())
    assert (sidecar["EchoTime"], sidecar["Manufacturer"]) == (0.12, "Siemens")


@pytest.mark.usefixtures("converter")
def test_duplicates_count_once(source: Path) -> None:
    volume = simulated_scan()
    files = write_series(source / "a", volume, again=range(0, 21, 4))
    for path in files[:5]:  # and a copy of the same instances
        (source / "b").mkdir(exist_ok=True)
        (source / "b" / path.name).write_bytes(path.read_bytes())
    (source / "a" / "DICOMDIR").write_bytes(files[0].read_bytes())
    (source / "a" / "notes.txt").write_text("no image")
    assert run(source) == 0
    assert_same(image(source), volume)


@pytest.mark.usefixtures("converter")
def test_enhanced_images_are_converted(source: Path) -> None:
    volume = simulated_scan("ASR")
    write_enhanced(source / "one.dcm", volume, order=reversed(range(volume.data.shape[2])))
    assert run(source) == 0
    assert_same(image(source), volume)


@pytest.mark.usefixtures("converter")
def test_a_whole_series_is_taken_in_place_of_the_interrupted_one(source: Path) -> None:
    volume = simulated_scan()
    write_series(source / "a", volume, number=4, slices=range(13))
    write_series(source / "a", volume, number=5)
    assert run(source) == 0
    assert_same(image(source), volume)
    assert "interrupted: another series of this name has more slices" in (source.parent / "bids_key.tsv").read_text()


@pytest.mark.usefixtures("converter")
def test_what_cannot_be_used_is_told_and_the_others_go_on(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    volume = simulated_scan()
    write_series(source / "1", volume, patient="A1")
    write_series(source / "2", volume, patient="A2", slices=[k for k in range(21) if k not in (8, 9)])
    write_series(source / "3", volume, patient="A3", ImagesInAcquisition=30)
    write_series(source / "4", volume, patient="A4", description="t1_mprage", **T1)
    write_series(source / "5", volume, patient="A5", number=5, description="flair_a")
    write_series(source / "5", volume, patient="A5", number=6, description="flair_b")
    write_series(source / "6", volume, patient="A6")
    write_series(source / "6", volume, patient="A6", number=6, PatientBirthDate="19600101")
    write_series(source / "7", volume, patient="")
    assert run(source) == 1
    told = capsys.readouterr().err.splitlines()
    study, series = "study of 2021-03-04", "series 5 't2_tirm_tra_dark-fluid'"
    assert told == [
        f"newlesions: {source / '7'}: found 1 series without a patient ID; expected one",
        f"newlesions: sub-002, {study}: {series}: found a gap of up to 21.00 mm between slices "
        "7.00 mm apart, 2 missing; expected a whole volume",
        f"newlesions: sub-003, {study}: {series}: found 21 of 30 images; expected a whole volume",
        f"newlesions: sub-004, {study}: found no FLAIR among 5 't1_mprage'; expected one",
        f"newlesions: sub-005, {study}: found 2 FLAIR series, 5 'flair_a', 6 'flair_b'; "
        "expected one (name it in --table)",
        "newlesions: sub-006: found 2 values of birth date in its series; expected those of one person",
    ]
    assert [path.name for path in (source.parent / "bids").glob("sub-*")] == ["sub-001"]


@pytest.mark.usefixtures("converter")
def test_a_table_has_the_last_word_and_a_second_run_keeps_the_labels(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    volume, other = simulated_scan(), simulated_scan(seed=1)
    for number, one in ((5, volume), (6, other)):
        write_series(source / "a", one, number=number, description=f"flair_{number}")
    write_series(source / "b", volume, patient="B", description="head special", **T1)
    assert run(source) == 1
    assert not list((source.parent / "bids").rglob("*.nii.gz"))
    table = source.parent / "table.tsv"
    table.write_text(
        "patient\tstudy_date\tseries\tuse\tsubject\tsession\n"
        "HOSP-1\t\tflair_6\ttake\t\t\n"
        "HOSP-1\t2021-03-04\t\t\t\tses-screening\n"
        "B\t\t*SPECIAL\ttake\t\t\n"
    )
    assert run(source, "--table", str(table)) == 0
    assert_same(image(source, "M00", "001"), volume)
    assert_same(image(source, "screening", "002"), other)
    write_series(source / "c", volume, patient="A0")
    before = image(source, "screening", "002").stat().st_mtime_ns
    assert run(source, "--table", str(table)) == 0
    assert image(source, "M00", "003").is_file()
    assert image(source, "screening", "002").stat().st_mtime_ns == before


@pytest.mark.usefixtures("converter")
def test_a_scan_that_is_no_longer_taken_is_removed(source: Path) -> None:
    write_series(source / "a", simulated_scan())
    write_series(source / "b", simulated_scan(seed=1), date="20220303")
    assert run(source) == 0
    table = source.parent / "table.tsv"
    table.write_text("study_date\tuse\n20220303\tleave\n")
    assert run(source, "--table", str(table)) == 0
    assert image(source).is_file() and not image(source, "M12").is_file()
    sessions = image(source).parents[2] / "sub-001_sessions.tsv"
    assert sessions.read_text() == "session_id\tacq_time\nses-M00\t1900-01-01T00:00:00\n"


@pytest.mark.usefixtures("converter")
def test_equal_series_give_equal_files(tmp_path: Path) -> None:
    made = []
    for name in ("one", "two"):
        write_series(tmp_path / name / "dicom", simulated_scan())
        assert run(tmp_path / name / "dicom") == 0
        folder = tmp_path / name / "bids"
        made.append({p.relative_to(folder): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()})
    assert made[0] == made[1]


def test_dry_run_writes_nothing(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_series(source / "a", simulated_scan())
    assert run(source, "--dry-run") == 0
    said = capsys.readouterr().out
    assert said == "sub-001_ses-M00: series 5 't2_tirm_tra_dark-fluid', study of 20210304\n"
    assert sorted(path.name for path in source.parent.iterdir()) == ["dicom"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--table", "nonesuch.tsv"], "nonesuch.tsv: found no readable table"),
        (["--key", "{bids}/key.tsv"], "found a place inside"),
        (["-o", "{dicom}"], "found files of other origin; expected a new folder"),
    ],
)
def test_wrong_input_is_one_line_and_writes_nothing(
    source: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("newlesions.dicom.needs.missing_for", lambda *names: "")
    write_series(source / "a", simulated_scan(), slices=range(2))
    places = {"bids": source.parent / "bids", "dicom": source}
    assert run(source, *(word.format(**places) for word in words)) == 2
    told = capsys.readouterr().err
    assert message in told and told.count("\n") == 1
    assert not (source.parent / "bids").exists()


def test_a_folder_without_dicom_is_told(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source.mkdir()
    (source / "a.txt").write_text("no image")
    assert run(source, "--dry-run") == 2
    assert "found no MR images in DICOM files" in capsys.readouterr().err
