from __future__ import annotations

from pathlib import Path

from newlesions.commands.run_log import Announced, Failure, Failures, read_failures

BEGINNING = """\
Provided cores: 4
Rules claiming more threads will be scaled down.
Provided resources: mem_mb=Resource("mem_mb", 16000), gpu=Resource("gpu", 1)
Job stats:
job       count
------  -------
brain         6
all           1
total         7

Select jobs to execute...
"""
FAILED = """\
Error in rule {rule}:
    message: None
    jobid: {job}
    log: {logs} (check log file(s) for error details)
"""


def test_the_plan_is_read() -> None:
    plan = Announced()
    for line in BEGINNING.splitlines():
        plan.read(line)
    assert (plan.jobs, plan.total, plan.at_once, plan.memory_mb) == ({"brain": 6, "all": 1}, 7, 4, 16000)


def test_the_plan_of_a_cluster_tells_nodes() -> None:
    plan = Announced()
    plan.read("Provided remote nodes: 100")
    plan.read("total 12")
    assert (plan.at_once, plan.total) == (100, None), "12 of what was not said"


def failed(job: int, *steps: str) -> str:
    return FAILED.format(rule=steps[-1], job=job, logs=", ".join(f"work/logs/{step}/a.log" for step in steps))


def test_failures_and_second_tries(tmp_path: Path) -> None:
    said = tmp_path / "run.log"
    brain, ingest, bias = (tmp_path / "work" / "logs" / step / "a.log" for step in ("brain", "ingest", "bias"))
    said.write_text(BEGINNING + failed(3, "brain") + failed(4, "ingest", "bias"))
    assert read_failures([said, tmp_path / "absent.log"], tmp_path) == ({brain, ingest, bias}, set())
    with said.open("a") as file:
        file.write("Trying to restart job 3.\nTrying to restart job 99.\n")
    assert read_failures([said], tmp_path) == ({ingest, bias}, {brain})
    with said.open("a") as file:
        file.write(failed(3, "brain") + "Trying to restart job 4.\n")
    assert read_failures([said], tmp_path) == ({brain}, {ingest, bias})


GROUP = """\
Job 69a96279-156c has been submitted with SLURM jobid 27 (log: /out/work/logs/slurm/group_session/27.log).
[Mon Nov 30 04:23:40 2026]
    message: Error in group session
    log: /out/work/logs/slurm/group_session/27.log (check log file(s) for error details)
    jobs:
        rule bias:
            jobid: 51
            output: work/a/flair.nii.gz
            log: work/logs/ingest/a.log, work/logs/bias/a.log (check log file(s) for error details)
        rule brain:
            jobid: 52
            log: work/logs/brain/a.log (check log file(s) for error details)

    [Mon Nov 30 04:23:40 2026]
    Error in rule bias:
        message: None
        jobid: 51
        log: work/logs/ingest/a.log, work/logs/bias/a.log (check log file(s) for error details)
    [Mon Nov 30 04:23:40 2026]
    Error in rule brain:
        message: None
        jobid: 52
        log: work/logs/brain/a.log (check log file(s) for error details)
"""


def test_jobs_that_a_cluster_has_as_one_fail_as_one() -> None:
    failures = Failures()
    told = [found for line in GROUP.splitlines() if (found := failures.read(line))]
    logs = [Path("work/logs") / step / "a.log" for step in ("ingest", "bias", "brain")]
    failure = Failure(logs, Path("/out/work/logs/slurm/group_session/27.log"))
    assert told == [(failure, False)]
    assert failures.read("Trying to restart job 51.") is None
    assert failures.read("Trying to restart job 69a96279-156c.") == (failure, True)


def test_a_group_that_is_tried_again_has_not_failed(tmp_path: Path) -> None:
    said = tmp_path / "run.log"
    logs = {tmp_path / "work" / "logs" / step / "a.log" for step in ("ingest", "bias", "brain")}
    said.write_text(GROUP)
    assert read_failures([said], tmp_path) == (logs, set())
    with said.open("a") as file:
        file.write("Trying to restart job 69a96279-156c.\n")
    assert read_failures([said], tmp_path) == (set(), logs)
    with said.open("a") as file:
        file.write(GROUP.replace("27", "32"))
    assert read_failures([said], tmp_path) == (logs, set())


def test_slurm_s_own_log_of_a_single_job_is_told_apart() -> None:
    failures = Failures()
    failures.read("Job 3 has been submitted with SLURM jobid 8 (log: /out/8.log).")
    failures.read("Error in rule table:")
    failures.read("    jobid: 3")
    line = "    log: work/logs/table/cohort.log, /out/8.log (check log file(s) for error details)"
    failure = Failure([Path("work/logs/table/cohort.log")], Path("/out/8.log"))
    assert failures.read(line) == (failure, False)
    assert failures.read("Trying to restart job 3.") == (failure, True)
