"""The real steps on a tiny simulated cohort, from BIDS to the derivative."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cc3d
import nibabel as nib
import numpy as np
import pytest

from newlesions.cohort.outcome import COLUMNS
from newlesions.detect.classes import KINDS
from newlesions.detect.lesion_table import COLUMNS as LESION_COLUMNS
from newlesions.detect.regions import NAMES
from newlesions.evaluate.pair import Inputs, evaluate_pair
from newlesions.evaluate.scores import write_scores
from newlesions.images.io import read_volume
from newlesions.images.transforms import read_itk
from newlesions.images.volume import Volume
from newlesions.preprocess.template import brain_grid_in_mni
from newlesions.report.tables import read_rows
from workflow.conftest import Run, newlesions, references_of
from workflow.contract import COHORT, SCORES, digests, pair_files, published

STEM = "sub-active/ses-M12/anat/sub-active_ses-M12"
SINCE = f"{STEM}_space-orig_label-lesion_desc"


def image(run: Run, name: str) -> Volume:
    return read_volume(run.out / f"{SINCE}-{name}.nii.gz")


def table(out: Path) -> list[dict[str, str]]:
    """The rows of the lesion table of the pair that changes."""
    return read_rows(out / f"{STEM}_desc-lesions_table.tsv")


def test_the_broken_pair_alone_fails_and_is_named(real_run: Run) -> None:
    assert real_run.code == 1, real_run.said
    rows = {row["pair"]: row for row in read_rows(real_run.out / "newlesions.tsv")}
    assert {pair: row["status"] for pair, row in rows.items()} == {
        "sub-active_ses-M12": "done",
        "sub-broken_ses-M12": "failed",
    }
    reason = rows["sub-broken_ses-M12"]["reason"]
    assert reason.startswith("ingest: sub-broken_ses-M00_FLAIR.nii.gz: found a truncated gzip file")
    assert f"sub-broken_ses-M12  {reason}" in real_run.said
    assert "1 of 2 pairs failed:" in real_run.said


def test_every_file_of_the_contract_is_written_and_no_other(real_run: Run) -> None:
    assert published(real_run.out) == COHORT | SCORES | pair_files("active")


def test_the_cohorts_table_tells_the_pair(real_run: Run) -> None:
    row = next(row for row in read_rows(real_run.out / "newlesions.tsv") if row["status"] == "done")
    assert tuple(row) == COLUMNS
    lesions = table(real_run.out)
    for kind in KINDS.values():
        volumes = [float(lesion["volume_mm3"]) for lesion in lesions if lesion["kind"] == kind]
        assert int(row[f"{kind}_count"]) == len(volumes)
        assert float(row[f"{kind}_volume_mm3"]) == pytest.approx(sum(volumes), abs=0.02)
    assert int(row["days"]) > 300
    assert 1000 < float(row["brain_followup_ml"]) < 2000
    assert float(row["registration_correlation"]) > 0.9
    assert float(row["inverse_consistency_mm"]) < 1


def test_images_lie_on_the_follow_ups_own_grid(real_run: Run) -> None:
    flair = read_volume(real_run.bids / f"{STEM}_FLAIR.nii.gz")
    names = ("newSinceM00_mask", "newSinceM00_probseg", "changeSinceM00_dseg")
    volumes = [image(real_run, name) for name in names]
    volumes.append(read_volume(real_run.out / f"{STEM}_space-orig_desc-brain_mask.nii.gz"))
    for volume in volumes:
        assert volume.grid.matches(flair.grid)
    types = [nib.load(real_run.out / f"{SINCE}-{name}.nii.gz").get_data_dtype() for name in names]
    assert types == [np.uint8, np.float32, np.uint8]


def test_mask_classes_probability_and_table_agree(real_run: Run) -> None:
    mask = image(real_run, "newSinceM00_mask").data
    change = image(real_run, "changeSinceM00_dseg").data
    probability = image(real_run, "newSinceM00_probseg").data
    np.testing.assert_array_equal(mask, change == 1)
    assert set(np.unique(change)) <= {0, *KINDS}
    assert probability.min() >= 0 and probability.max() <= 1
    assert not probability[change == 2].any()
    # Thick voxels mix a lesion with its surroundings; still the mask is where the probability lies.
    assert probability[mask > 0].mean() > 0.25 > 5 * probability[change == 0].mean()
    rows = table(real_run.out)
    assert tuple(rows[0]) == LESION_COLUMNS
    assert [int(row["id"]) for row in rows] == list(range(1, len(rows) + 1))
    for code, kind in KINDS.items():
        assert sum(int(row["voxels"]) for row in rows if row["kind"] == kind) == np.count_nonzero(change == code)


def test_every_simulated_change_is_found_as_what_it_is(real_run: Run) -> None:
    change = image(real_run, "changeSinceM00_dseg").data.astype(int)
    reference = read_volume(
        real_run.bids / "derivatives" / "reference" / f"{SINCE}-change_dseg.nii.gz", dtype=np.uint8
    ).data
    for code in KINDS:
        lesions = cc3d.connected_components((reference == code).astype(np.uint8), connectivity=26)
        for label in range(1, int(lesions.max()) + 1):
            found = np.bincount(change[lesions == label], minlength=5)
            assert found[1:].argmax() + 1 == code, f"a lesion of kind {code} of which {found} was found"


def test_scores_are_those_of_the_files_themselves(real_run: Run, tmp_path: Path) -> None:
    """`newlesions evaluate`'s own functions, on the published masks and the references."""
    reference = real_run.bids / "derivatives" / "reference" / f"{SINCE}-new_mask.nii.gz"
    inputs = Inputs(
        "sub-active_ses-M12",
        reference,
        real_run.out / f"{SINCE}-newSinceM00_mask.nii.gz",
        real_run.out / f"{SINCE}-newSinceM00_probseg.nii.gz",
    )
    write_scores(tmp_path / "scores.tsv", [evaluate_pair(inputs)], details=True)
    for name in ("scores.tsv", "scores/additions.tsv", "scores/curves.tsv"):
        assert (real_run.out / name).read_text() == (tmp_path / name).read_text()
    (gone,) = read_rows(real_run.out / "scores" / "gone.tsv")
    assert float(gone["SensL"]) == 1
    lesions = read_rows(real_run.out / "scores" / "lesions.tsv")
    assert {row["side"] for row in lesions} == {"reference", "predicted"}
    assert {row["region"] for row in lesions} <= set(NAMES)
    (row,) = read_rows(real_run.out / "scores.tsv")
    assert float(row["SensL"]) == 1
    assert f"{float(row['Dice']):.3f}  {float(row['F1_score']):.3f}" in real_run.said


def test_pages_show_the_scores(real_run: Run) -> None:
    index = (real_run.out / "index.html").read_text(encoding="utf-8")
    assert "Agreement with the references" in index and index.count("data:image/svg+xml;base64,") == 2
    page = (real_run.out / "sub-active" / "sub-active_ses-M12.html").read_text(encoding="utf-8")
    assert "Agreement with the reference" in page and 'class="k-reference"' in page


def test_transforms_lead_from_the_visits_to_one_space(real_run: Run) -> None:
    """The two halves together are the simulated movement between the visits."""
    name = "sub-active_ses-M12_desc-rigid_transforms.json"
    truth = json.loads((real_run.bids / f"derivatives/reference/sub-active/ses-M12/anat/{name}").read_text())
    to_baseline, to_followup = (
        read_itk(real_run.out / f"{STEM}_from-{session}_to-halfway_mode-image_xfm.mat") for session in ("M00", "M12")
    )
    found = to_followup @ np.linalg.inv(to_baseline)
    points = np.array([[0, 0, 0], [50, 0, 0], [0, 60, 0], [0, 0, 50], [-50, -60, -50]], dtype=float)
    expected = np.array(truth["followup_from_baseline"])
    difference = (found - expected)[:3, :3] @ points.T + (found - expected)[:3, 3:]
    assert np.sqrt((difference**2).sum(axis=0)).max() < 1.5


def test_nothing_published_tells_where_the_data_lie(real_run: Run) -> None:
    texts = [
        path for path in map(Path, sorted(published(real_run.out))) if path.suffix in (".json", ".tsv", ".html", ".md")
    ]
    assert len(texts) > 12
    for path in texts:
        if path.name != "pairs.tsv":  # the frozen table names the scans by their paths
            content = (real_run.out / path).read_text(encoding="utf-8")
            for folder in (real_run.bids.parent, real_run.out.parent):
                assert str(folder) not in content, path


def test_sidecars_and_descriptions_cover_every_label(real_run: Run) -> None:
    described = {row["desc_id"] for row in read_rows(real_run.out / "descriptions.tsv")}
    for name in pair_files("active"):
        if "_desc-" in name:
            assert name.split("_desc-")[1].split("_")[0] in described, name
        if name.endswith(".nii.gz"):
            sidecar = json.loads((real_run.out / name.replace(".nii.gz", ".json")).read_text())
            assert sidecar["SpatialReference"]


def test_pages_are_whole(real_run: Run) -> None:
    index = (real_run.out / "index.html").read_text(encoding="utf-8")
    assert 'href="sub-active/sub-active_ses-M12.html"' in index
    assert "sub-broken" in index and "truncated" in index
    page = (real_run.out / "sub-active" / "sub-active_ses-M12.html").read_text(encoding="utf-8")
    assert page.count("data:image/") > 3
    assert "http://" not in page.replace("http://www.w3.org", "")


@pytest.mark.slow
def test_one_core_and_the_bids_apps_form_give_the_same_bytes(real_run: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    labels = ("--participant-label", "active", "broken")
    ended = newlesions(real_run.bids, out, "participant", *labels, *references_of(real_run.bids), "--cores", "1")
    assert ended.returncode == 1, ended.stdout
    assert digests(out) == digests(real_run.out)


@pytest.mark.slow
def test_a_pair_without_change_gets_empty_masks_in_a_folder_that_was_moved(real_run: Run, tmp_path: Path) -> None:
    out = tmp_path / "moved"
    shutil.copytree(real_run.out, out, symlinks=True)
    words = ("run", real_run.bids, out, "--participant-label", "active", "--cores", "2", "--set", "candidates.k=100")
    ended = newlesions(*words, *references_of(real_run.bids))
    assert ended.returncode == 0, ended.stdout
    assert "candidates  sub-active_ses-M12" in ended.stdout
    assert "brain       sub-active_ses-M12" not in ended.stdout, "what did not change is not repeated"
    assert published(out) == COHORT | SCORES | pair_files("active")
    (scores,) = read_rows(out / "scores.tsv")
    assert (scores["Dice"], scores["F1_score"], scores["PPV"]) == ("0.000000", "0.000000", "nan")
    for name in ("newSinceM00_mask", "changeSinceM00_dseg"):
        volume = read_volume(out / f"{SINCE}-{name}.nii.gz")
        assert volume.grid.matches(image(real_run, name).grid)
        assert not volume.data.any()
    assert (out / f"{STEM}_desc-lesions_table.tsv").read_text() == "\t".join(LESION_COLUMNS) + "\n"
    (row,) = read_rows(out / "newlesions.tsv")
    assert {row[f"{kind}_{what}"] for kind in KINDS.values() for what in ("count", "volume_mm3")} == {"0"}


@pytest.mark.slow
def test_visits_compared_in_mni_give_the_same_files_in_the_same_spaces(real_run: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(real_run.out, out, symlinks=True)
    words = ("run", real_run.bids, out, "--participant-label", "active", "--cores", "2", "--set", "resample.space=mni")
    ended = newlesions(*words, *references_of(real_run.bids))
    assert ended.returncode == 0, ended.stdout
    assert "harmonise   sub-active_ses-M12" in ended.stdout and "halfway     sub-active" not in ended.stdout
    assert published(out) == COHORT | SCORES | pair_files("active")
    worked = read_volume(out / "work/sub-active/ses-M12/pair/change.nii.gz")
    assert worked.grid.matches(brain_grid_in_mni(1.0))
    for name in sorted(pair_files("active")):
        if name.endswith("_xfm.mat"):
            assert (out / name).read_bytes() == (real_run.out / name).read_bytes()
        elif name.endswith(".nii.gz"):
            assert read_volume(out / name).grid.matches(read_volume(real_run.out / name).grid), name
    # The same heads in the same places, and largely the same lesions.
    image_name = f"{STEM}_space-halfway_desc-preproc_FLAIR.nii.gz"
    before, now = (read_volume(folder / image_name).data for folder in (real_run.out, out))
    assert np.corrcoef(before.ravel(), now.ravel())[0, 1] > 0.95
    for name in ("space-halfway", "space-orig"):
        mask = f"{STEM}_{name}_label-lesion_desc-newSinceM00_mask.nii.gz"
        a, b = (read_volume(folder / mask).data > 0 for folder in (real_run.out, out))
        assert 2 * np.count_nonzero(a & b) > 0.5 * (np.count_nonzero(a) + np.count_nonzero(b)), name


@pytest.mark.slow
def test_a_real_run_that_was_killed_ends_with_the_same_files(real_run: Run, tmp_path: Path) -> None:
    """What a run that was killed while it carried the images over leaves: no later file, and a half-written one."""
    out = tmp_path / "out"
    shutil.copytree(real_run.out, out, symlinks=True)
    pair = out / "work" / "sub-active" / "ses-M12" / "pair"
    for path in (*pair.iterdir(), *(out / "sub-active").rglob("*.nii.gz"), out / "newlesions.tsv"):
        if path.name != "halfway.json":
            path.unlink()
    (pair / ".writing-cut.nii.gz").write_bytes(b"\x1f\x8b")
    words = ("run", real_run.bids, out, "--participant-label", "active", "broken", "--cores", "2")
    ended = newlesions(*words, *references_of(real_run.bids))
    assert ended.returncode == 1, ended.stdout
    assert digests(out) == digests(real_run.out)


@pytest.mark.slow
def test_the_third_visit_is_compared_with_the_second(tiny_bids: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    ended = newlesions("run", tiny_bids, out, "--participant-label", "threevisits", "--cores", "2")
    assert ended.returncode == 0, ended.stdout
    expected = COHORT | pair_files("threevisits") | pair_files("threevisits", "M12", "M24")
    assert published(out) == expected
    assert ended.stdout.count(" brain ") == 3, "each session is prepared once"
