"""`newlesions dicom-seg`: the changes of a pair as a segmentation of the series that its follow-up came from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dicom.series import simulated_scan, uid_of, write_enhanced, write_series
from newlesions.cli import main
from newlesions.cohort.pairs import Pair
from newlesions.cohort.pairs_table import write_pairs
from newlesions.images.files import write_json
from newlesions.images.io import read_volume, write_volume
from newlesions.images.volume import Volume

pydicom = pytest.importorskip("pydicom", reason="the extra `dicom` is not installed: no pydicom")
highdicom = pytest.importorskip("highdicom", reason="the extra `dicom` is not installed: no highdicom")

LABELS = "sub-01/ses-2/anat/sub-01_ses-2_space-orig_label-lesion_desc-changeSince1_dseg.nii.gz"


def results(out: Path, scan: Volume, change: np.ndarray) -> Path:
    """A results folder of one pair with these changes on the grid of its follow-up ``scan``."""
    path = out.parent / "scan.nii.gz"
    write_volume(path, scan)
    pair = Pair.of("01", ("1", "2"), ("/nowhere/baseline.nii.gz", str(path)))
    write_pairs(out / "pairs.tsv", [pair.with_values(baseline_sha256="0" * 64, followup_sha256="1" * 64)])
    write_volume(out / LABELS, Volume(change, scan.affine))
    write_json(out / "provenance.json", {"recipe": {"id": "subtraction"}})
    return out


def some_change(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """All kinds of change side by side in a part of the volume."""
    change = np.zeros(shape, dtype=np.uint8)
    change[8:15, 7:12, 6:13] = np.random.default_rng(seed).integers(0, 5, (7, 5, 7))
    return change


def written(out: Path) -> Path:
    return out.parent / "out_dicom-seg" / "sub-01_ses-2_desc-changeSince1_seg.dcm"


def voxels(segmentation: object, scan: Volume) -> np.ndarray:
    """The labels of a segmentation on the grid of ``scan``: each frame by its own position, in RAS mm."""
    ras = np.diag([-1.0, -1.0, 1.0])
    change = np.zeros(scan.data.shape, dtype=np.uint8)
    shared = segmentation.SharedFunctionalGroupsSequence[0]
    axes = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, dtype=float).reshape(2, 3)
    between_rows, between_columns = map(float, shared.PixelMeasuresSequence[0].PixelSpacing)
    for frame, own in zip(segmentation.pixel_array, segmentation.PerFrameFunctionalGroupsSequence, strict=True):
        corner = np.array(own.PlanePositionSequence[0].ImagePositionPatient, dtype=float)
        rows, columns = np.nonzero(frame)
        where = corner + np.outer(columns * between_columns, axes[0]) + np.outer(rows * between_rows, axes[1])
        index = (where @ ras - scan.affine[:3, 3]) @ np.linalg.inv(scan.affine[:3, :3]).T
        nearest = np.rint(index).astype(int)
        assert np.abs(index - nearest).max(initial=0) < 0.02
        change[tuple(nearest.T)] = own.SegmentIdentificationSequence[0].ReferencedSegmentNumber
    return change


@pytest.mark.parametrize("codes", ["LPS", "ASR", "PIL", "LSA", "RAS"])
def test_the_round_trip_keeps_every_voxel(tmp_path: Path, codes: str) -> None:
    scan = simulated_scan(codes)
    write_series(tmp_path / "dicom", scan, slices=reversed(range(scan.data.shape[2])))
    # The scan as a converter may have stored it: other axes, turned round.
    turned = scan.affine @ np.array([[0, 0, -1, scan.data.shape[0] - 1], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]])
    stored = Volume(np.transpose(scan.data, (1, 2, 0))[:, :, ::-1], turned)
    change = some_change(stored.data.shape)
    out = results(tmp_path / "out", stored, change)
    assert main(["dicom-seg", str(out), "--dicom", str(tmp_path / "dicom")]) == 0
    np.testing.assert_array_equal(voxels(pydicom.dcmread(written(out)), stored), change)


def test_enhanced_images_are_referred_to_frame_by_frame(tmp_path: Path) -> None:
    scan = simulated_scan("ASR")
    write_enhanced(tmp_path / "dicom" / "one.dcm", scan, order=reversed(range(scan.data.shape[2])))
    change = some_change(scan.data.shape)
    out = results(tmp_path / "out", scan, change)
    assert main(["dicom-seg", str(out), "--dicom", str(tmp_path / "dicom")]) == 0
    np.testing.assert_array_equal(voxels(pydicom.dcmread(written(out)), scan), change)


@pytest.mark.usefixtures("converter")
def test_from_dicom_through_bids_and_back(tmp_path: Path) -> None:
    scan = simulated_scan("ASR")
    write_series(tmp_path / "dicom", scan)
    assert main(["dicom", str(tmp_path / "dicom"), "-o", str(tmp_path / "bids")]) == 0
    converted = read_volume(next((tmp_path / "bids").rglob("*_FLAIR.nii.gz")), dtype=np.int16)
    change = some_change(converted.data.shape)
    out = results(tmp_path / "out", converted, change)
    assert main(["dicom-seg", str(out), "--dicom", str(tmp_path / "dicom")]) == 0
    np.testing.assert_array_equal(voxels(pydicom.dcmread(written(out)), converted), change)


def test_segments_are_coded_and_refer_to_the_series(tmp_path: Path) -> None:
    scan = simulated_scan()
    files = write_series(tmp_path / "dicom", scan)
    out = results(tmp_path / "out", scan, some_change(scan.data.shape))
    assert main(["dicom-seg", str(out), "--dicom", str(tmp_path / "dicom")]) == 0
    made = highdicom.seg.segread(written(out))
    source = pydicom.dcmread(files[0])
    assert made.get_segment_numbers() == [1, 2, 3, 4]
    labels = [made.get_segment_description(n).segment_label for n in range(1, 5)]
    assert labels == ["New lesions", "Enlarging lesions", "Gone lesions", "Shrinking lesions"]
    first = made.get_segment_description(1)
    assert (first.segmented_property_type.value, first.segmented_property_type.scheme_designator) == (
        "301766008",
        "SCT",
    )
    assert first.algorithm_identification.parameters == {"baseline_session": "1", "recipe": "subtraction"}
    assert (made.ContentQualification, made.FrameOfReferenceUID) == ("RESEARCH", source.FrameOfReferenceUID)
    assert (made.StudyInstanceUID, made.PatientID) == (source.StudyInstanceUID, "HOSP-1")
    assert "PatientComments" not in made
    places = {(d := pydicom.dcmread(path)).SOPInstanceUID: d.ImagePositionPatient for path in files}
    for own in made.PerFrameFunctionalGroupsSequence:
        (image,) = own.DerivationImageSequence[0].SourceImageSequence
        assert places[image.ReferencedSOPInstanceUID] == own.PlanePositionSequence[0].ImagePositionPatient


def test_an_empty_mask_is_written_too(tmp_path: Path) -> None:
    scan = simulated_scan()
    write_series(tmp_path / "dicom", scan)
    out = results(tmp_path / "out", scan, np.zeros(scan.data.shape, dtype=np.uint8))
    assert main(["dicom-seg", str(out), "--dicom", str(tmp_path / "dicom")]) == 0
    made = pydicom.dcmread(written(out))
    assert not made.pixel_array.any() and len(made.SegmentSequence) == 4


def test_equal_inputs_give_equal_bytes(tmp_path: Path) -> None:
    scan = simulated_scan()
    write_series(tmp_path / "dicom", scan)
    out = results(tmp_path / "out", scan, some_change(scan.data.shape))
    contents = []
    for name in ("a", "b"):
        words = ["dicom-seg", str(out), "--dicom", str(tmp_path / "dicom"), "-o", str(tmp_path / name)]
        assert main(words) == 0
        contents.append((tmp_path / name / written(out).name).read_bytes())
    assert contents[0] == contents[1]


def test_names_in_another_alphabet_survive(tmp_path: Path) -> None:
    scan = simulated_scan()
    write_series(tmp_path / "dicom", scan, SpecificCharacterSet="ISO_IR 100", PatientName="MÜLLER^ZOË")
    out = results(tmp_path / "out", scan, some_change(scan.data.shape))
    assert main(["dicom-seg", str(out), "--dicom", str(tmp_path / "dicom")]) == 0
    assert str(pydicom.dcmread(written(out)).PatientName) == "MÜLLER^ZOË"


def refused(out: Path, dicom: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """The one line of a pair that is not written."""
    assert main(["dicom-seg", str(out), "--dicom", str(dicom)]) == 1
    assert not written(out).exists()
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    return told


def test_another_geometry_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scan = simulated_scan()
    moved = scan.affine.copy()
    moved[0, 3] += 0.3
    write_series(tmp_path / "dicom", Volume(scan.data, moved))
    out = results(tmp_path / "out", scan, some_change(scan.data.shape))
    told = refused(out, tmp_path / "dicom", capsys)
    assert "sub-01_ses-2: found none of 1 series on the grid of its follow-up (the nearest lies 0.30 mm off)" in told


def test_a_difference_below_the_tolerance_is_accepted(tmp_path: Path) -> None:
    scan = simulated_scan()
    moved = scan.affine.copy()
    moved[0, 3] += 0.05
    write_series(tmp_path / "dicom", Volume(scan.data, moved))
    out = results(tmp_path / "out", scan, some_change(scan.data.shape))
    assert main(["dicom-seg", str(out), "--dicom", str(tmp_path / "dicom")]) == 0


def test_another_patient_on_the_same_grid_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scan = simulated_scan()
    write_series(tmp_path / "dicom", Volume(scan.data[::-1], scan.affine), patient="SOMEBODY")
    out = results(tmp_path / "out", scan, some_change(scan.data.shape))
    assert "found 0 series with its follow-up's voxels among those on its grid" in refused(
        out, tmp_path / "dicom", capsys
    )


def test_the_right_one_of_two_on_the_same_grid_is_found(tmp_path: Path) -> None:
    scan = simulated_scan()
    write_series(tmp_path / "dicom", Volume(scan.data[::-1], scan.affine), patient="SOMEBODY")
    write_series(tmp_path / "dicom" / "b", scan, patient="HOSP-2")
    out = results(tmp_path / "out", scan, some_change(scan.data.shape))
    assert main(["dicom-seg", str(out), "--dicom", str(tmp_path / "dicom")]) == 0
    assert pydicom.dcmread(written(out)).PatientID == "HOSP-2"


def test_a_series_that_is_there_twice_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scan = simulated_scan()
    write_series(tmp_path / "dicom" / "a", scan)
    write_series(tmp_path / "dicom" / "b", scan, SeriesInstanceUID=uid_of("copy"), patient="ANONYMOUS")
    out = results(tmp_path / "out", scan, some_change(scan.data.shape))
    assert "found 2 series with its follow-up's voxels" in refused(out, tmp_path / "dicom", capsys)


def test_segmentations_do_not_go_into_the_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scan = simulated_scan()
    write_series(tmp_path / "dicom", scan)
    out = results(tmp_path / "out", scan, some_change(scan.data.shape))
    words = ["dicom-seg", str(out), "--dicom", str(tmp_path / "dicom"), "-o", str(out / "seg")]
    assert main(words) == 2
    assert "expected one outside: the files tell names" in capsys.readouterr().err
