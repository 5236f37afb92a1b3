from __future__ import annotations

import gzip
import hashlib
import json
import runpy
from itertools import pairwise
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from newlesions.images.io import read_volume
from newlesions.simulate.demo import plan_demo, write_demo
from newlesions.simulate.layouts import write_bids, write_msseg2
from newlesions.simulate.plan import plan_cohort

SCRIPT = Path(__file__).parents[2] / "scripts" / "simulate_cohort.py"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    write_demo(folder, tiny=True)
    return folder


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_demo_has_its_four_subjects(demo: Path) -> None:
    assert {path.name for path in demo.glob("sub-*")} == {"sub-active", "sub-stable", "sub-threevisits", "sub-broken"}
    scans = sorted(demo.glob("sub-*/ses-*/anat/*_FLAIR.nii.gz"))
    assert len(scans) == 9
    codes = set()
    for path in scans:
        assert path.with_name(path.name.replace(".nii.gz", ".json")).exists()
        if path.name.startswith("sub-broken_ses-M12"):
            with pytest.raises(EOFError), gzip.open(path) as stream:
                stream.read()
            continue
        image = nib.load(path)
        codes.add("".join(nib.aff2axcodes(image.affine)))
        assert image.get_data_dtype() == np.int16
        assert np.asanyarray(image.dataobj).max() > 50
        np.testing.assert_allclose(image.get_sform(), image.get_qform(), atol=1e-3)
    assert len(codes) >= 3


def test_demo_tables_are_bids(demo: Path) -> None:
    description = json.loads((demo / "dataset_description.json").read_text())
    assert description["DatasetType"] == "raw"
    rows = (demo / "participants.tsv").read_text().splitlines()
    assert rows[0].startswith("participant_id\t")
    assert len(rows) == 5
    sessions = [
        row.split("\t") for row in (demo / "sub-threevisits/sub-threevisits_sessions.tsv").read_text().split("\n")
    ]
    assert [row[0] for row in sessions[:4]] == ["session_id", "ses-M00", "ses-M12", "ses-M24"]
    dates = [np.datetime64(row[1]) for row in sessions[1:4]]
    assert all(330 < (b - a) / np.timedelta64(1, "D") < 400 for a, b in pairwise(dates))


def test_references_lie_on_the_followup_and_agree(demo: Path) -> None:
    reference = demo / "derivatives" / "reference"
    found = sorted(reference.glob("sub-*/ses-*/anat/*desc-new*_mask.nii.gz"))
    assert len(found) == 6  # five consecutive pairs, and the third visit against the first
    for path in found:
        mask = read_volume(path, np.uint8)
        labels = read_volume(str(path).replace("-new", "-change").replace("_mask", "_dseg"), np.uint8)
        np.testing.assert_array_equal(mask.data == 1, labels.data == 1)
        assert labels.data.max() <= 4
        stem = path.name.split("_space")[0]
        brain = read_volume(path.with_name(f"{stem}_space-orig_desc-brain_mask.nii.gz"), np.uint8)
        assert brain.grid.matches(mask.grid)
        assert (brain.data[labels.data > 0] == 1).sum() >= 0.95 * (labels.data > 0).sum()
        assert bool(mask.data.any()) == ("active" in stem or "threevisits" in stem)
        if not stem.startswith("sub-broken"):
            scan = read_volume(demo / stem.split("_")[0] / stem.split("_")[1] / "anat" / f"{stem}_FLAIR.nii.gz")
            assert scan.grid.matches(mask.grid)


def test_every_visit_has_a_mask_of_all_its_lesions(demo: Path) -> None:
    masks = sorted((demo / "derivatives" / "reference").glob("sub-*/ses-*/anat/*desc-all_mask.nii.gz"))
    assert len(masks) == 9
    for path in masks:
        name = path.name.replace("label-lesion_desc-all", "desc-brain")
        assert read_volume(path.with_name(name)).grid.matches(read_volume(path, np.uint8).grid)


def test_three_visits_references_add_up(demo: Path) -> None:
    anat = demo / "derivatives/reference/sub-threevisits/ses-M24/anat"
    stem = "sub-threevisits_ses-M24_space-orig_label-lesion_desc"
    latest = read_volume(anat / f"{stem}-new_mask.nii.gz", np.uint8).data
    overall = read_volume(anat / f"{stem}-newSinceM00_mask.nii.gz", np.uint8).data
    assert overall.sum() > latest.sum() > 0
    assert (overall[latest > 0] == 1).all()


def test_transforms_file_is_rigid_and_consistent(demo: Path) -> None:
    path = demo / "derivatives/reference/sub-active/ses-M12/anat/sub-active_ses-M12_desc-rigid_transforms.json"
    content = json.loads(path.read_text())
    assert (content["baseline"], content["followup"]) == ("M00", "M12")
    forward, backward = np.array(content["followup_from_baseline"]), np.array(content["baseline_from_followup"])
    np.testing.assert_allclose(forward @ backward, np.eye(4), atol=1e-6)
    np.testing.assert_allclose(forward[:3, :3] @ forward[:3, :3].T, np.eye(3), atol=1e-6)


def test_bids_is_the_same_bytes_for_any_number_of_workers(tmp_path: Path) -> None:
    plans = plan_cohort(2, seed=4, tiny=True)
    told: list[str] = []
    write_bids(tmp_path / "one", plans, progress=told.append)
    write_bids(tmp_path / "two", plans, workers=2)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    assert told == ["sub-001", "sub-002"]


def test_msseg2_folders_share_one_grid(tmp_path: Path) -> None:
    write_msseg2(tmp_path, plan_cohort(2, seed=2, tiny=True), spacing=4.0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["001", "002"]
    for folder in tmp_path.iterdir():
        first, second, truth = (
            read_volume(folder / f"{name}.nii.gz")
            for name in ("flair_time01_on_middle_space", "flair_time02_on_middle_space", "ground_truth")
        )
        assert first.grid.matches(second.grid)
        assert first.grid.matches(truth.grid)
        np.testing.assert_allclose(first.spacing, 4)
        head = first.data > 0.3 * np.percentile(first.data, 95)
        assert np.corrcoef(first.data[head], second.data[head])[0, 1] > 0.5
        assert set(np.unique(truth.data)) <= {0, 1}


def test_msseg2_folders_hold_raters_who_nearly_agree(tmp_path: Path) -> None:
    write_msseg2(tmp_path, plan_cohort(1, seed=4, tiny=True), spacing=4.0)
    truth = read_volume(tmp_path / "001" / "ground_truth.nii.gz").data > 0
    masks = [read_volume(tmp_path / "001" / f"ground_truth_expert{n}.nii.gz").data > 0 for n in (1, 2, 3, 4)]
    dice = [2 * np.count_nonzero(truth & mask) / (truth.sum() + mask.sum()) for mask in masks]
    assert 0.4 < np.mean(dice) < 1
    assert len(set(dice)) > 1, "the raters differ"
    assert not list((tmp_path / "001").glob("ground_truth_expert5*"))


def test_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    main = runpy.run_path(str(SCRIPT))["main"]
    main([str(tmp_path), "--subjects", "1", "--tiny", "--no-change", "--voxel", "4", "4", "6"])
    assert capsys.readouterr().out == "wrote sub-001\n"
    scan = next(tmp_path.glob("sub-001/ses-*/anat/*_FLAIR.nii.gz"))
    assert sorted(read_volume(scan).spacing.round(3)) == [4, 4, 6]
    for mask in tmp_path.glob("derivatives/reference/sub-001/ses-*/anat/*_dseg.nii.gz"):
        assert not read_volume(mask).data.any()
    with pytest.raises(SystemExit):
        main([str(tmp_path), "--visits", "1"])


def test_demo_plan_is_small_enough_to_run_quickly() -> None:
    plans = plan_demo()
    assert sum(len(plan.visits) for plan in plans) == 9
    for plan in plans:
        for visit in plan.visits:
            assert np.prod(visit.protocol.spacing) > 1.7
