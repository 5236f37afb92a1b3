from __future__ import annotations

from io import StringIO
from pathlib import Path

from newlesions.commands.progress import Progress

OUTPUT = """\
Building DAG of jobs...
Job stats:
job       count
------  -------
total        64

[Fri Nov 20 08:35:53 2026]
Job 8: sub-01_ses-M00 ingest
Reason: Missing output files: work/sub-01/ses-M00/ingest.json
[Fri Nov 20 08:36:42 2026]
Finished jobid: 8 (Rule: ingest)
9 of 64 steps (14%) done
Job 36: sub-01_ses-M12 brain
Error in rule brain:
    message: None
    log: work/logs/brain/sub-01_ses-M12.log (check log file(s) for error details)
"""


def read(out: Path) -> tuple[Progress, list[str]]:
    stream = StringIO()
    progress = Progress(out, stream)
    for line in OUTPUT.splitlines(keepends=True):
        progress.read(line)
    return progress, stream.getvalue().splitlines()


def test_started_steps_and_failures_are_shown(tmp_path: Path) -> None:
    log = tmp_path / "work" / "logs" / "brain" / "sub-01_ses-M12.log"
    log.parent.mkdir(parents=True)
    log.write_text("CALL: {}\nERROR: no brain\n")
    progress, lines = read(tmp_path)
    assert lines == [
        "[ 0/64]   0 %  ingest      sub-01_ses-M00",
        "[ 9/64]  14 %  brain       sub-01_ses-M12",
        "FAILED  brain       sub-01_ses-M12: no brain",
    ]
    assert progress.started


def test_a_failure_without_a_reason_points_to_its_log(tmp_path: Path) -> None:
    assert read(tmp_path)[1][-1].endswith("see work/logs/brain/sub-01_ses-M12.log")


def test_of_a_job_of_several_steps_the_one_that_failed_is_shown(tmp_path: Path) -> None:
    line = "    log: work/logs/ingest/a.log, work/logs/bias/a.log (check log file(s) for error details)"
    for step, end in (("ingest", "ingest took 1.0 s"), ("bias", "ERROR: no preset")):
        log = tmp_path / "work" / "logs" / step / "a.log"
        log.parent.mkdir(parents=True)
        log.write_text(f"CALL: {{}}\n{end}\n")
    stream = StringIO()
    Progress(tmp_path, stream).read(line)
    log.write_text("CALL: {}\n")
    Progress(tmp_path, stream).read(line)
    (tmp_path / "work/logs/bias/a.log").unlink()
    (tmp_path / "work/logs/ingest/a.log").write_text("CALL: {}\nERROR: cut\n")
    Progress(tmp_path, stream).read(line)
    assert stream.getvalue().splitlines() == [
        "FAILED  bias        a: no preset",
        "FAILED  bias        a: see work/logs/bias/a.log",
        "FAILED  ingest      a: cut",
    ]


def test_what_a_cluster_has_as_one_job_is_shown_by_its_steps_and_fails_once(tmp_path: Path) -> None:
    log = tmp_path / "work" / "logs" / "bias" / "a.log"
    log.parent.mkdir(parents=True)
    log.write_text("CALL: {}\n")
    slurm = tmp_path / "work" / "logs" / "slurm" / "27.log"
    stream = StringIO()
    progress = Progress(tmp_path, stream)
    lines = ["Group job session (jobs in lexicogr. order):", "    Job 51: a bias", "    Job 52: a brain"]
    lines += [
        f"Job 69a9-6b has been submitted with SLURM jobid 27 (log: {slurm}).",
        "    message: Error in group session",
    ]
    lines += [f"    log: {slurm} (check log file", "    jobs:", "            jobid: 51"]
    lines += [f"            log: work/logs/{step}/a.log (check log file" for step in ("bias", "brain")]
    lines += ["    Error in rule bias:", "        log: work/logs/bias/a.log (check log file"]
    for line in [*lines, "Trying to restart job 69a9-6b."]:
        progress.read(line)
    assert progress.started
    assert stream.getvalue().splitlines() == [
        "[0/0]   0 %  bias        a",
        "[0/0]   0 %  brain       a",
        "FAILED  bias        a: see work/logs/bias/a.log and work/logs/slurm/27.log",
        "AGAIN   bias        a: its job is tried again, with more memory and time",
    ]


def test_the_last_lines_are_kept_for_runs_that_do_not_start(tmp_path: Path) -> None:
    progress = Progress(tmp_path, StringIO())
    for number in range(30):
        progress.read(f"line {number}\n\n")
    assert not progress.started
    assert progress.last[-1] == "line 29"
    assert len(progress.last) == 12
