from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from newlesions.detect.lesion_table import COLUMNS
from newlesions.images.files import read_json, write_json
from newlesions.images.io import read_volume
from newlesions.images.resample import resample
from newlesions.images.transforms import read_itk
from newlesions.images.volume import apply_affine
from newlesions.report.tables import read_rows
from newlesions.steps.lesions import lesions
from newlesions.steps.sidecars import LESION_COLUMNS
from newlesions.steps.working import published
from steps.small import AFFINE, LESION, SPACING, Work, brain, settings, texts

MNI = np.diag([1.1, 1.0, 0.9, 1.0])


def run(work: Work, *, fsl: bool = False, space: str = "halfway") -> dict[str, Path]:
    out = work.folder.parent / "out"
    files = {"lesions": out / "lesions.tsv", "lesions_sidecar": out / "lesions.json"}
    files |= {name: out / f"{name}.nii.gz" for name in ("brain_mask", "preproc")}
    files |= {f"{name}_sidecar": out / f"{name}.json" for name in ("brain_mask", "preproc")}
    files |= {
        "xfm": out / "sub-01_from-M12_to-halfway_mode-image_xfm.mat",
        "mni_xfm": out / "sub-01_from-halfway_to-MNI_mode-image_xfm.mat",
        "summary": out / "summary.json",
    }
    measured = work.pair / "candidates.json"
    write_json(measured, {"sd_difference": 4.25678})
    harmonised = work.pair / "harmonise.json"
    write_json(harmonised, {"differential_bias_sd": 0.02, "histograms": {"after": {"overlap": 0.98}}})
    lesions(
        *work.changed(), *work.harmonised(), work.halfway(mni_from_halfway=MNI.tolist()),
        work.working(space, mni_from_halfway=MNI.tolist()),
        work.sessions[1] / "flair.nii.gz", work.sessions[1] / "brain.nii.gz",
        *work.visit("brain.json"), *work.visit("ingest.json"), measured, harmonised,
        **files, settings=settings("finalise", fsl=fsl),
    )  # fmt: skip
    return files


def test_every_file_is_written_and_no_other(work: Work) -> None:
    files = run(work)
    assert set((work.folder.parent / "out").iterdir()) == set(files.values())


def test_the_table_names_each_lesion(work: Work) -> None:
    files = run(work)
    rows = read_rows(files["lesions"])
    assert [row["kind"] for row in rows] == ["new", "enlarging"]
    assert [int(row["voxels"]) for row in rows] == [27, 2]
    assert float(rows[0]["volume_mm3"]) == 27 * SPACING**3
    assert float(rows[0]["intensity_after"]) > float(rows[0]["intensity_before"]) + 20
    assert read_json(files["lesions_sidecar"]) == LESION_COLUMNS
    assert tuple(LESION_COLUMNS) == COLUMNS == tuple(rows[0])


def test_the_summary_is_the_pairs_row(work: Work) -> None:
    summary = read_json(run(work)["summary"])
    assert (summary["new_count"], summary["enlarging_count"], summary["gone_count"]) == (1, 1, 0)
    assert summary["new_volume_mm3"] == 27 * SPACING**3
    assert summary["brain_followup_ml"] == 1150.4
    assert summary["noise"] == 4.257
    assert summary["registration_correlation"] == 0.97
    assert (summary["moved_y_mm"], summary["moved_z_mm"], summary["rotated_deg"]) == (-1.5, 14.2, 3.1)
    assert (summary["snr_baseline"], summary["snr_followup"]) == (30.5, 31.5)
    assert (summary["slice_followup_mm"], summary["histogram_overlap"]) == (SPACING, 0.98)
    assert summary["noise_percent"] == pytest.approx(100 * 4.25678 / 50, rel=0.05)
    assert summary["warnings"] == "baseline: ses-M00 is small; follow-up: ses-M12 is small"


def test_the_follow_ups_brain_and_transforms_are_written(work: Work) -> None:
    files = run(work)
    np.testing.assert_array_equal(read_volume(files["brain_mask"], np.uint8).data, brain())
    assert read_json(files["brain_mask_sidecar"])["Method"] == "atlas"
    np.testing.assert_allclose(read_itk(files["xfm"]), np.eye(4), atol=1e-12)
    # As the other files: the matrix that maps points of the space it leads to, MNI, to those it comes from.
    np.testing.assert_allclose(read_itk(files["mni_xfm"]), np.linalg.inv(MNI), atol=1e-12)


def test_places_are_right_when_the_visits_are_compared_in_mni(work: Work) -> None:
    files = run(work, space="mni")
    new = read_rows(files["lesions"])[0]
    centre = apply_affine(AFFINE, np.array([(side.start + side.stop - 1) / 2 for side in LESION]))
    np.testing.assert_allclose([float(new[f"mni_{axis}_mm"]) for axis in "xyz"], centre, atol=SPACING / 2)
    own = apply_affine(np.linalg.inv(MNI), centre)
    np.testing.assert_allclose([float(new[f"{axis}_mm"]) for axis in "xyz"], own, atol=SPACING / 2)
    assert float(new["volume_mm3"]) == pytest.approx(27 * SPACING**3 / np.linalg.det(MNI), rel=0.35)
    shown = read_volume(files["preproc"])
    np.testing.assert_allclose(shown.affine, AFFINE, atol=1e-9)
    worked = read_volume(work.pair / "harmonised_followup.nii.gz")
    once = resample(worked, worked.grid, MNI).data
    counts, step = published(worked.with_data(np.clip(once, 0, worked.data.max())))
    np.testing.assert_array_equal(shown.data, (counts.data * step).astype(np.float32))
    assert once.min() < 0, "a spline overshoots"
    np.testing.assert_allclose(read_itk(files["xfm"]), np.eye(4), atol=1e-12)
    np.testing.assert_allclose(read_itk(files["mni_xfm"]), np.linalg.inv(MNI), atol=1e-12)


def test_flirt_matrices_come_on_request(work: Work) -> None:
    xfm = run(work, fsl=True)["xfm"]
    flirt = np.loadtxt(xfm.with_name("sub-01_from-M12_to-halfway_mode-image_desc-flirt_xfm.mat"))
    np.testing.assert_allclose(flirt, np.eye(4), atol=1e-9)


def test_nothing_tells_of_the_machine(work: Work) -> None:
    run(work)
    for name, text in texts(work.folder.parent / "out").items():
        assert "/somewhere" not in text, name
        assert str(work.folder.parent) not in text, name
