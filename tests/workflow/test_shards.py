"""Cohorts that are run in shards, with quick steps: what they leave is what a run as a whole leaves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from newlesions.report.tables import read_rows
from workflow.contract import COHORT, SCORES, pair_files, published
from workflow.quick import Quick

IN_SHARDS = ("--set", "shard=1")
"""Both subjects of `sharded` have one of their own."""
SUBJECTS = ("01", "03")


@pytest.fixture
def sharded(tmp_path: Path) -> Quick:
    """Two subjects, each with a reference, that lie in two shards."""
    cohort = Quick(tmp_path)
    for subject in SUBJECTS:
        for session in ("M00", "M12"):
            cohort.scan(subject, session)
        cohort.reference(subject, "M12")
    return cohort


def run(cohort: Quick, *more: str) -> tuple[int, str]:
    return cohort.run("--references", str(cohort.references), *more)


def test_shards_leave_what_a_whole_run_leaves(sharded: Quick) -> None:
    code, said = run(sharded, "--dry-run", *IN_SHARDS)
    assert code == 0, said
    planned = dict(line.split() for line in said.splitlines() if len(line.split()) == 2 and line.split()[1].isdigit())
    assert (planned["bias"], planned["report"], planned["scores"], planned["total"]) == ("4", "2", "1", "20")
    code, said = run(sharded, *IN_SHARDS)
    assert code == 0, said
    assert "2 of 2 shards have something to do: 18 jobs" in said and "shard 2 of 2: 1 pairs" in said
    assert published(sharded.out) == COHORT | SCORES | pair_files("01") | pair_files("03")
    assert [row["status"] for row in read_rows(sharded.out / "newlesions.tsv")] == ["done", "done"]
    code, said = run(sharded, *IN_SHARDS)
    assert code == 0, said
    assert "0 of 2 shards have something to do" in said and sharded.steps(said) == []
    code, said = run(sharded, "--dry-run", *IN_SHARDS)
    assert code == 0 and "nothing to be done" in said, said


def test_a_failed_pair_is_told_and_the_other_shard_is_finished(sharded: Quick) -> None:
    scan = sharded.scan("01", "M12", "broken")
    code, said = run(sharded, *IN_SHARDS)
    assert code == 1, said
    rows = {row["pair"]: row for row in read_rows(sharded.out / "newlesions.tsv")}
    assert rows["sub-03_ses-M12"]["status"] == "done"
    assert rows["sub-01_ses-M12"]["reason"] == f"ingest: {scan.name}: found a broken scan; expected a whole one"
    assert [row["pair"] for row in read_rows(sharded.out / "scores.tsv")] == ["sub-03_ses-M12"]
    assert "the workflow ended with code" not in said
    sharded.scan("01", "M12")
    code, said = run(sharded, *IN_SHARDS)
    assert code == 0, said
    assert "1 of 2 shards have something to do" in said
    assert {row["status"] for row in read_rows(sharded.out / "newlesions.tsv")} == {"done"}
    assert {row["pair"] for row in json.loads((sharded.out / "provenance.json").read_text())["pairs"]} == rows.keys()
