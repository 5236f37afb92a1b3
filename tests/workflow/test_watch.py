"""`newlesions status` beside a run, and `--only-failed` after one, with quick steps."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from time import sleep
from typing import Any

import pytest

from newlesions.cli import main
from newlesions.report.tables import read_rows
from workflow.contract import published
from workflow.quick import Quick

Capture = pytest.CaptureFixture[str]


def status(quick: Quick, capsys: Capture) -> tuple[int, dict[str, Any]]:
    code = main(["status", str(quick.out), "--json"])
    return code, json.loads(capsys.readouterr().out)


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file and folder with its size and the time of its last change."""
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in (folder, *folder.rglob("*"))}


def statuses(quick: Quick) -> dict[str, str]:
    return {row["subject"]: row["status"] for row in read_rows(quick.out / "newlesions.tsv")}


def test_a_folder_without_results_is_refused(quick: Quick, capsys: Capture) -> None:
    assert main(["status", str(quick.out)]) == 2
    assert "found no results of `newlesions run` there" in capsys.readouterr().err


def test_the_status_beside_a_run_and_after_it_was_interrupted(quick: Quick, capsys: Capture) -> None:
    with quick.start(seconds=300) as process:
        assert process.stdout is not None
        next(line for line in process.stdout if line.startswith("[") and " bias " in line)
        for _ in range(600):  # the step's process begins a moment after the run says so
            code, seen = status(quick, capsys)
            if seen["counts"]["running"]:
                break
            sleep(0.1)
        assert (code, seen["at_work"], seen["counts"]["running"]) == (0, True, 1)
        assert seen["pairs"] == [{"pair": "sub-01_ses-M12", "state": "running", "step": "ingest", "reason": ""}]
        assert seen["seconds_left"] > 0
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    before = tree(quick.out)
    code, seen = status(quick, capsys)
    assert (code, seen["at_work"], seen["seconds_left"]) == (1, False, None)
    assert seen["counts"] == {"done": 0, "running": 0, "failed": 0, "waiting": 1}
    assert tree(quick.out) == before, "it only reads"


def test_failures_are_told_and_rerun_alone(quick: Quick, capsys: Capture) -> None:
    quick.scan("02", "M00")
    scan = quick.scan("02", "M12", "broken")
    code, said = quick.run("--only-failed")
    assert code == 2
    assert "expected the results folder of a run" in said

    code, said = quick.run()
    assert code == 1
    estimate, basis = (line for line in said.splitlines() if line.startswith(("estimate", "basis")))
    assert "CPU hours" in estimate and "no scan's header could be read" in basis
    assert said.index("estimate") < said.index("[ 0/")

    before = tree(quick.out)
    assert main(["status", str(quick.out), "--watch"]) == 1, "there is no run to watch"
    said = capsys.readouterr().out
    assert f"sub-02_ses-M12  ingest: {scan.name}: found a broken scan; expected a whole one" in said
    assert tree(quick.out) == before, "it only reads"

    quick.scan("02", "M12")
    results = published(quick.out)
    code, said = quick.run("--only-failed", "--set", "candidates.k=4.5")
    assert code == 2
    assert "found other settings of candidates than now" in said
    assert published(quick.out) == results

    quick.scan("03", "M00")
    quick.scan("03", "M12")
    code, said = quick.run("--only-failed", "--dry-run")
    assert (code, "estimate" in said) == (0, True), said
    assert "table" not in said
    code, said = quick.run("--only-failed")
    assert [line.split()[-1] for line in said.splitlines() if " report " in line] == ["sub-02_ses-M12"]
    assert code == 1, "a pair came in that is not its matter"
    assert statuses(quick) == {"01": "done", "02": "done", "03": "failed"}
    assert status(quick, capsys)[1]["counts"] == {"done": 2, "running": 0, "failed": 0, "waiting": 1}
    code, said = quick.run("--only-failed")
    assert (code, quick.steps(said)) == (0, [])
    assert "no pair failed before" in said

    code, said = quick.run()
    assert code == 0, said
    assert {line.split()[-1].split("_")[0] for line in said.splitlines() if line.startswith("[")} == {
        "cohort",
        "sub-03",
    }
    assert status(quick, capsys)[0] == 0


def test_shards_are_watched_and_rerun_alone_too(quick: Quick, capsys: Capture) -> None:
    in_shards = ("--set", "shard=1")
    for session in ("M00", "M12"):  # the subjects 01 and 03 lie in two shards
        quick.scan("03", session)
    scan = quick.scan("03", "M12", "broken")
    code, said = quick.run("--dry-run", *in_shards)
    assert (code, said.count("estimate  ")) == (0, 1) and "estimate  19 jobs" in said, said
    code, said = quick.run(*in_shards)
    assert (code, said.count("estimate  ")) == (1, 1) and "estimate  19 jobs" in said, said
    assert said.index("estimate  ") < said.index("shard 1 of 2")
    (failed,) = (seen for seen in status(quick, capsys)[1]["pairs"] if seen["state"] != "done")
    assert (failed["pair"], failed["state"]) == ("sub-03_ses-M12", "failed")

    code, said = quick.run("--only-failed", *in_shards)
    assert (code, statuses(quick)) == (1, {"01": "done", "03": "failed"}), "it is not mended yet"
    assert f"{scan.name}: found a broken scan" in said
    quick.scan("03", "M12")
    code, said = quick.run("--only-failed", "--dry-run", *in_shards)
    assert code == 0 and "estimate  7 jobs" in said and "table" not in said, said
    code, said = quick.run("--only-failed", *in_shards)
    assert (code, statuses(quick)) == (0, {"01": "done", "03": "done"}), said
    assert {line.split()[-1].split("_")[0] for line in said.splitlines() if line.startswith("[")} == {"sub-03"}
    assert status(quick, capsys)[0] == 0
    code, said = quick.run(*in_shards)
    assert code == 0 and "0 of 2 shards have something to do" in said
