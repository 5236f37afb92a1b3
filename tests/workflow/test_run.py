"""`newlesions run` from index to table, with quick steps."""

from __future__ import annotations

import json
import subprocess
import sys

from newlesions import house
from newlesions.report.tables import read_rows
from workflow.contract import COHORT, pair_files, published
from workflow.quick import Quick

PAIR = "sub-01/ses-M12/anat/sub-01_ses-M12"
CONTRACT = COHORT | pair_files("01")


def test_every_file_of_the_contract_is_there_and_a_second_run_has_nothing_to_do(quick: Quick) -> None:
    code, said = quick.run()
    assert code == 0, said
    assert published(quick.out) == CONTRACT
    assert quick.steps(said).count("report") == 1
    assert "sub-01_ses-M12        3 (0 mm3)" in said
    code, said = quick.run()
    assert code == 0
    assert quick.steps(said) == []
    assert "the pairs are those of the last run" in said


def test_one_bad_scan_costs_one_pair_until_it_is_mended(quick: Quick) -> None:
    quick.scan("02", "M00")
    scan = quick.scan("02", "M12", "broken")
    code, said = quick.run()
    assert code == 1, said
    rows = {row["pair"]: row for row in read_rows(quick.out / "newlesions.tsv")}
    assert rows["sub-01_ses-M12"]["status"] == "done"
    assert rows["sub-02_ses-M12"]["reason"] == f"ingest: {scan.name}: found a broken scan; expected a whole one"
    assert "FAILED  ingest      sub-02_ses-M12" in said
    assert "1 of 2 pairs failed:" in said
    quick.scan("02", "M12")
    code, said = quick.run()
    assert code == 0, said
    assert "since the last run: sub-02_ses-M12 has another followup_sha256" in said
    assert {row["status"] for row in read_rows(quick.out / "newlesions.tsv")} == {"done"}


def test_a_missing_scan_fails_its_own_pair(quick: Quick) -> None:
    quick.scan("02", "M00")
    path = quick.scan("02", "M12")
    path.unlink()
    path.symlink_to("not-fetched")
    code, said = quick.run()
    assert code == 1, said
    assert [row["status"] for row in read_rows(quick.out / "newlesions.tsv")] == ["done", "failed"]


def test_a_changed_setting_reruns_what_it_concerns(quick: Quick) -> None:
    quick.run()
    code, said = quick.run("--set", "candidates.k=4.5")
    assert code == 0, said
    assert sorted(quick.steps(said)) == ["candidates", "finalise", "report", "table"]
    record = json.loads((quick.out / "provenance.json").read_text())
    assert record["settings"]["candidates"]["k"] == 4.5


def test_what_somebody_deleted_is_made_again(quick: Quick) -> None:
    quick.run()
    for name in (f"{PAIR}_space-orig_desc-brain_mask.nii.gz", "sub-01/sub-01_ses-M12.html", "CITATION.md"):
        (quick.out / name).unlink()
        code, said = quick.run()
        assert code == 0, said
        assert published(quick.out) == CONTRACT


def test_a_pair_that_leaves_the_cohort_leaves_the_table(quick: Quick) -> None:
    for session in ("M00", "M12"):
        quick.scan("02", session, "broken")
    assert quick.run()[0] == 1
    code, said = quick.run("--participant-label", "01")
    assert code == 0, said
    assert "sub-02_ses-M12 is gone" in said
    assert [row["pair"] for row in read_rows(quick.out / "newlesions.tsv")] == ["sub-01_ses-M12"]


def test_without_work_images_the_results_are_the_same(quick: Quick) -> None:
    code, said = quick.run("--no-keep-work")
    assert code == 0, said
    assert published(quick.out) == CONTRACT
    left = {path.name for path in (quick.out / "work").rglob("*.nii.gz")}
    assert left == {"field.nii.gz"}, "coarse and small, for the page; no image"


def test_a_dry_run_plans_and_writes_nothing(quick: Quick) -> None:
    code, said = quick.run("--dry-run")
    assert code == 0, said
    assert "halfway" in said
    assert not quick.out.exists()


def test_what_stands_after_two_dashes_goes_to_snakemake(quick: Quick) -> None:
    code, said = quick.run("--", "--until", "bias")
    assert (quick.out / "work" / "sub-01" / "ses-M12" / "bias.nii.gz").is_file(), said
    assert set(quick.steps(said)) == {"bias"}
    assert code in (0, 1)


def test_snakemake_itself_writes_the_table_after_failures(quick: Quick) -> None:
    quick.scan("01", "M12", "broken")
    environment = {"env": quick.environment, "cwd": quick.folder, "capture_output": True, "text": True}
    index = [sys.executable, "-m", "newlesions", "index", str(quick.bids), "-o", "pairs.tsv"]
    subprocess.run(index, check=True, **environment)  # type: ignore[call-overload]
    words = [sys.executable, "-m", "snakemake", "--snakefile", str(house.root() / "Snakefile"), "--cores", "2"]
    finished = subprocess.run([*words, "--config", "pairs=pairs.tsv", "out=out"], check=False, **environment)  # type: ignore[call-overload]
    assert finished.returncode == 1
    (row,) = read_rows(quick.out / "newlesions.tsv")
    assert row["reason"].startswith("ingest: sub-01_ses-M12_FLAIR.nii.gz: found a broken scan")
    assert (quick.out / "index.html").is_file()


def test_a_pipe_that_closes_early_does_no_harm(quick: Quick) -> None:
    process = quick.start()
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=60) >= 0
    assert quick.run()[0] == 0
    assert published(quick.out) == CONTRACT
