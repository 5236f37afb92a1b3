"""`newlesions status` beside a run, and `--only-failed` after one, with quick steps."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

from newlesions.report.tables import read_rows
from workflow.contract import published
from workflow.quick import Quick


def status(quick: Quick, *more: str) -> tuple[int, str]:
    process = quick.newlesions("status", str(quick.out), *more)
    said, _ = process.communicate(timeout=60)
    return process.returncode, said


def status_json(quick: Quick) -> tuple[int, dict[str, Any]]:
    code, said = status(quick, "--json")
    return code, json.loads(said)


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file and folder with its size and the time of its last change."""
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in (folder, *folder.rglob("*"))}


def wait_for(process: subprocess.Popen[str], step: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("[") and f" {step} " in line:
            return
    raise AssertionError(f"the run ended before {step}")


def two_subjects(quick: Quick) -> Path:
    """A second subject whose follow-up is broken."""
    quick.scan("02", "M00")
    return quick.scan("02", "M12", "broken")


def test_a_folder_without_results_is_refused(quick: Quick) -> None:
    code, said = status(quick)
    assert code == 2
    assert "found no results of `newlesions run` there" in said


def test_the_status_beside_a_run_and_after_it_was_interrupted(quick: Quick) -> None:
    with quick.start(seconds=3) as process:
        wait_for(process, "bias")
        code, seen = status_json(quick)
        assert (code, seen["at_work"], seen["counts"]["running"]) == (0, True, 1)
        assert seen["pairs"][0]["step"] in ("ingest", "bias")
        assert seen["seconds_left"] > 0
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    before = tree(quick.out)
    code, seen = status_json(quick)
    assert (code, seen["at_work"], seen["seconds_left"]) == (1, False, None)
    assert seen["counts"] == {"done": 0, "running": 0, "failed": 0, "waiting": 1}
    assert tree(quick.out) == before


def test_failures_are_told_and_rerun_alone(quick: Quick) -> None:
    scan = two_subjects(quick)
    code, said = quick.run()
    assert code == 1
    estimate, basis = [line for line in said.splitlines() if line.startswith(("estimate", "basis"))]
    assert "CPU hours" in estimate and "no scan's header could be read" in basis
    assert said.index("estimate") < said.index("[ 0/")
    before = tree(quick.out)
    code, said = status(quick)
    assert code == 1
    assert f"sub-02_ses-M12  ingest: {scan.name}: found a broken scan; expected a whole one" in said
    assert tree(quick.out) == before, "it only reads"
    quick.scan("02", "M12")
    quick.scan("03", "M00")
    quick.scan("03", "M12")
    code, said = quick.run("--only-failed", "--dry-run")
    assert (code, "table" in said, "estimate" in said) == (0, False, True), said
    code, said = quick.run("--only-failed")
    assert quick.steps(said).count("report") == 1, "the pair that came in is not its matter"
    rows = {row["subject"]: row for row in read_rows(quick.out / "newlesions.tsv")}
    assert [rows[name]["status"] for name in ("01", "02", "03")] == ["done", "done", "failed"]
    assert rows["03"]["reason"].startswith("not reached")
    assert code == 1
    code, said = quick.run()
    assert code == 0, said
    assert {"01", "02"}.isdisjoint(
        {
            line.split("sub-")[1][:2]
            for line in said.splitlines()
            if "/" in line and "sub-" in line and line.startswith("[")
        }
    )
    assert status(quick)[0] == 0


def test_without_failures_there_is_nothing_to_rerun(quick: Quick) -> None:
    code, said = quick.run("--only-failed")
    assert code == 2
    assert "expected the results folder of a run" in said
    assert quick.run()[0] == 0
    code, said = quick.run("--only-failed")
    assert (code, quick.steps(said)) == (0, [])
    assert "no pair failed before" in said


def test_failed_pairs_are_not_rerun_with_other_settings_than_the_others(quick: Quick) -> None:
    two_subjects(quick)
    quick.run()
    results = published(quick.out)
    code, said = quick.run("--only-failed", "--set", "candidates.k=4.5")
    assert code == 2
    assert "found other settings of candidates than now" in said
    assert published(quick.out) == results
