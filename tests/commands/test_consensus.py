"""`newlesions consensus` on results folders made by hand."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from consensus.made import SHAPE, seen, truth
from newlesions.benchmark import folders
from newlesions.cli import main
from newlesions.cohort.pairs import Pair
from newlesions.cohort.pairs_table import read_pairs, write_pairs
from newlesions.cohort.results import anat_file, labels_file, lesions_file
from newlesions.detect.classes import GONE, NEW
from newlesions.evaluate.masks import read_mask
from newlesions.evaluate.measures import score
from newlesions.images.files import write_json, write_text
from newlesions.images.io import read_volume, write_volume
from newlesions.images.transforms import write_itk
from newlesions.images.volume import Volume
from newlesions.report.tables import read_rows

AFFINE = np.diag([1.0, 1.0, 2.0, 1.0])
SYSTEMS = {"alpha": 0.1, "beta": 0.12, "gamma": 0.14}
SUBJECTS = ("01", "02", "03", "04")


def results(folder: Path, pair: Pair, number: int, error: float, seed: int) -> None:
    """What a run publishes of a pair, as far as a consensus needs it."""
    mask = truth(number, lesion=number < 3)
    chance = seen(mask, error, seed)
    change = np.where(chance >= 0.5, NEW, 0).astype(np.uint8)
    change[:2, :2, :2] = GONE
    since = f"newSince{pair.baseline_session}"
    write_volume(
        anat_file(folder, pair, f"space-orig_label-lesion_desc-{since}_probseg.nii.gz"), Volume(chance, AFFINE)
    )
    write_volume(labels_file(folder, pair), Volume(change, AFFINE))
    rng = np.random.default_rng(number)
    image = (100 + rng.normal(0, 3, SHAPE)).astype(np.float32)
    after = Volume(image + 60 * mask.astype(np.float32), AFFINE)
    write_volume(anat_file(folder, pair, "space-halfway_desc-preproc_FLAIR.nii.gz"), after)
    name = f"sub-{pair.subject}_ses-M00_space-halfwayM12_desc-preproc_FLAIR.nii.gz"
    write_volume(anat_file(folder, pair, "x").with_name(name), Volume(image, AFFINE))
    write_volume(anat_file(folder, pair, "space-orig_desc-brain_mask.nii.gz"), Volume(np.ones(SHAPE, np.uint8), AFFINE))
    for end in ("from-M12_to-halfway", "from-halfway_to-MNI152NLin2009aSym"):
        write_itk(anat_file(folder, pair, f"{end}_mode-image_xfm.mat"), np.eye(4))


@pytest.fixture
def cohort(tmp_path: Path) -> Path:
    """Three systems' folders and the pairs' table; the last pair's reference is empty."""
    pairs = []
    for number, subject in enumerate(SUBJECTS):
        scans = []
        for session in ("M00", "M12"):
            scans.append(tmp_path / f"sub-{subject}_{session}.nii.gz")
            write_text(scans[-1], "scan")
        reference = tmp_path / f"{subject}_reference.nii.gz"
        write_volume(reference, Volume(truth(number, lesion=number < 3).astype(np.uint8), AFFINE))
        pair = Pair.of(subject, ("M00", "M12"), (str(scans[0]), str(scans[1]))).with_values(reference=str(reference))
        pairs.append(pair)
        for seed, (name, error) in enumerate(SYSTEMS.items()):
            results(tmp_path / name, pair, number, error, 10 * number + seed)
    write_pairs(tmp_path / "pairs.tsv", pairs)
    return tmp_path


def run(cohort: Path, *more: str, systems: tuple[str, ...] = tuple(SYSTEMS), out: str = "out") -> int:
    folders = [name if "=" in name else str(cohort / name) for name in systems]
    words = ["consensus", "--results", *folders, "--pairs", str(cohort / "pairs.tsv"), "--out", str(cohort / out)]
    return main([*words, *more])


@pytest.mark.parametrize("how", ["mean", "majority", "staple", "weights"])
def test_fused_masks_are_written_as_a_run_s_with_their_worth(
    how: str, cohort: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(cohort, "--how", how) == 0
    said = capsys.readouterr().out
    assert f"consensus ({how}): in Dice it " in said and said.count("new lesions, ") == 4
    out = cohort / "out"
    stem = out / "sub-01/ses-M12/anat/sub-01_ses-M12"
    mask = read_volume(f"{stem}_space-orig_label-lesion_desc-newSinceM00_mask.nii.gz")
    chance = read_volume(f"{stem}_space-orig_label-lesion_desc-newSinceM00_probseg.nii.gz")
    change = read_volume(f"{stem}_space-orig_label-lesion_desc-changeSinceM00_dseg.nii.gz")
    np.testing.assert_array_equal(chance.data >= 0.5, mask.data > 0)
    np.testing.assert_array_equal(change.data == NEW, mask.data > 0)
    assert (change.data[:2, :2, :2] == GONE).all()
    assert mask.grid.matches(read_volume(cohort / "01_reference.nii.gz").grid)
    overlap = 2 * (mask.data * truth(0)).sum() / (mask.data.sum() + truth(0).sum())
    assert overlap > 0.8
    rows = read_rows(Path(f"{stem}_desc-lesions_table.tsv"))
    largest = max((row for row in rows if row["kind"] == "new"), key=lambda row: float(row["volume_mm3"]))
    assert float(largest["contrast"]) > 0.3 and 0.5 <= float(largest["probability"]) <= 1
    assert [row["kind"] for row in rows][-1] == "gone"
    names = {path.name for path in stem.parent.iterdir()}
    assert len(names) == 9 and {f"{stem.name}_desc-lesions_table.json"} <= names
    table = read_rows(out / "consensus.tsv")
    assert {row["name"] for row in table} == {*SYSTEMS, "mean", "majority", "staple", "weights"}
    assert {row["measure"] for row in table} == {"Dice", "F1_score", "NbTestedLesions"}
    assert [row["pair"] for row in read_rows(out / "scores.tsv")] == [f"sub-{one}_ses-M12" for one in SUBJECTS]
    assert read_rows(out / "scores.tsv") == read_rows(out / "consensus" / f"{how}.tsv")
    record = json.loads((out / "consensus.json").read_text())
    assert record["systems"] == list(SYSTEMS) and set(record["without_subject"]["weights"]) == set(SUBJECTS)
    assert (record["weights"] is None) == (how != "weights")


def test_the_same_again_gives_the_same_bytes(cohort: Path) -> None:
    assert run(cohort, "--how", "staple") == run(cohort, "--how", "staple", out="again") == 0
    first, second = (
        {
            str(path.relative_to(cohort / name)): path.read_bytes()
            for path in (cohort / name).rglob("*")
            if path.is_file()
        }
        for name in ("out", "again")
    )
    assert first == second


def test_without_references_there_are_masks_and_no_claim(cohort: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pairs = [pair.with_values(reference="") for pair in read_pairs(cohort / "pairs.tsv")]
    write_pairs(cohort / "pairs.tsv", pairs)
    assert run(cohort, systems=("alpha", "beta")) == 0
    assert "nothing tells whether the consensus is better" in capsys.readouterr().out
    assert not (cohort / "out" / "consensus.tsv").exists() and lesions_file(cohort / "out", pairs[0]).is_file()
    assert run(cohort, "--how", "weights") == 2
    assert "--how weights: found references of 0 subjects" in capsys.readouterr().err


def broken(cohort: Path, what: str) -> None:
    """Damage the results of `beta`."""
    pair = Pair.of("02", ("M00", "M12"), ("a", "b"))
    path = anat_file(cohort / "beta", pair, "space-orig_label-lesion_desc-newSinceM00_probseg.nii.gz")
    if what == "missing":
        path.unlink()
    elif what == "shape":
        write_volume(path, Volume(np.zeros((4, 4, 4), np.float32), AFFINE))
    elif what == "moved":
        write_volume(path, Volume(read_volume(path).data, AFFINE + np.diag([0, 0, 0.5, 0])))
    elif what == "damaged":
        path.write_bytes(b"\x1f\x8bnothing")
    elif what == "images":
        anat_file(cohort / "alpha", pair, "space-halfway_desc-preproc_FLAIR.nii.gz").unlink()


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("missing", "found no such file; expected the results of sub-02_ses-M12 by beta"),
        ("shape", "found 4x4x4 voxels; expected the grid of alpha, 20x18x14 voxels"),
        ("moved", "mm off; expected the grid of alpha"),
        ("damaged", "sub-02_ses-M12_space-orig_label-lesion_desc-newSinceM00_probseg.nii.gz: found"),
        ("images", "FLAIR.nii.gz: found no such file; expected the results of sub-02_ses-M12 by alpha"),
    ],
)
def test_bad_results_end_with_2_and_one_line(
    what: str, message: str, cohort: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken(cohort, what)
    assert run(cohort) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert not (cohort / "out").exists()


def test_wrong_words_end_with_2(cohort: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for systems, message in (
        (("alpha",), "found 1 results folders; expected at least 2"),
        (("alpha", "nowhere"), "found no folder"),
        (("alpha", "alpha"), "found two systems of the name 'alpha'; expected NAME=FOLDER for each"),
        (("alpha", f"a/b={cohort / 'beta'}"), "found the name 'a/b'; expected letters"),
        (("alpha", f"mean={cohort / 'beta'}"), "found 'mean' as the name of a system"),
    ):
        assert run(cohort, systems=systems) == 2
        error = capsys.readouterr().err
        assert message in error and error.count("\n") == 1
    assert run(cohort, out="alpha") == 2
    assert "one of the results folders" in capsys.readouterr().err
    assert run(cohort, systems=("alpha", f"second={cohort / 'beta'}")) == 0


def benchmark(cohort: Path, unscored: tuple[str, str] = ("", "")) -> Path:
    """The systems' maps as a benchmark of two folds holds them; ``unscored``: a recipe and a pair that failed there."""
    out, rows, entries = cohort / "bench", [], {}
    for number, pair in enumerate(read_pairs(cohort / "pairs.tsv")):
        fold = str(number % 2 + 1)
        rows.append({**pair.row(), "fold": fold})
        for name in SYSTEMS:
            there = anat_file(cohort / name, pair, "space-orig_label-lesion_desc-newSinceM00_probseg.nii.gz")
            write_volume(out / folders.result_file(name, fold, pair.pair, "probseg"), read_volume(there))
            entries[f"{name}/{fold}"] = {"recipe": name, "fold": fold}
    extra = {**rows[0], "pair": "sub-99_ses-M12", "subject": "99", "fold": ""}
    write_json(out / folders.PLAN, {"pairs": [*rows, extra], "entries": entries, "recipes": dict.fromkeys(SYSTEMS)})
    for entry in entries.values():
        scores = {
            row["pair"]: {"failed": "why"} if (entry["recipe"], row["pair"]) == unscored else scored(out, entry, row)
            for row in rows
            if row["fold"] == entry["fold"]
        }
        write_json(out / folders.scores_file(entry["recipe"], entry["fold"]), scores)
    return out


def scored(out: Path, entry: dict[str, str], row: dict[str, str]) -> dict[str, dict[str, float | str]]:
    """A pair's measures as a benchmark has them, but to all digits."""
    chance = out / folders.result_file(entry["recipe"], entry["fold"], row["pair"], "probseg")
    found = score(read_mask(row["reference"]), read_mask(chance, threshold=0.5))
    return {"measures": {name: "nan" if math.isnan(value) else value for name, value in found.items()}}


def test_the_recipes_of_a_benchmark_are_weighed_by_what_they_have_not_seen(
    cohort: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["consensus", "--benchmark", str(benchmark(cohort)), "--out", str(cohort / "worth")]
    assert run(cohort, "--how", "weights") == main([*words, "--how", "weights"]) == 0
    assert "consensus (weights): in Dice it " in capsys.readouterr().out
    for name in ("consensus.tsv", "consensus.json", "consensus/alpha.tsv"):
        assert (cohort / "worth" / name).read_bytes() == (cohort / "out" / name).read_bytes(), name
    quick, full = (read_rows(cohort / folder / "consensus" / "staple.tsv") for folder in ("worth", "out"))
    assert [row["Dice"] for row in quick] == [row["Dice"] for row in full]
    assert not quick[0]["HausdorffDistance"] and full[0]["HausdorffDistance"], "of a consensus what is compared"
    assert not (cohort / "worth" / "sub-01").exists(), "no masks: no model has all pairs before it"
    benchmark(cohort, ("gamma", "sub-02_ses-M12"))
    assert main(words) == 0
    assert [row["pair"] for row in read_rows(cohort / "worth" / "scores.tsv")] == [
        f"sub-{one}_ses-M12" for one in ("01", "03", "04")
    ]
    assert main([*words, "--recipes", "beta,alpha"]) == 0
    assert json.loads((cohort / "worth" / "consensus.json").read_text())["systems"] == ["beta", "alpha"]
    assert len(read_rows(cohort / "worth" / "scores.tsv")) == 4


def test_what_is_no_benchmark_or_has_not_the_recipes_is_one_line(
    cohort: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = benchmark(cohort)
    (out / folders.scores_file("gamma", "2")).unlink()
    for more, message in (
        (["--benchmark", str(cohort / "alpha")], "expected the folder of a finished newlesions benchmark"),
        (["--benchmark", str(out), "--recipes", "gamma"], "found 'gamma'; expected some of alpha, beta"),
        (["--benchmark", str(out), "--recipes", "beta"], "found scores of 1 recipes; expected at least 2"),
        (["--benchmark", str(out), "--pairs", "x"], "--pairs: found x beside --benchmark"),
        (["--results", "a", "b"], "--pairs: found none"),
        (["--results", "a", "b", "--pairs", "x", "--recipes", "c"], "--recipes: found c beside --results"),
    ):
        assert main(["consensus", *more, "--out", str(cohort / "worth")]) == 2
        error = capsys.readouterr().err
        assert message in error and error.count("\n") == 1
