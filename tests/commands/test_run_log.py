from __future__ import annotations

from pathlib import Path

from newlesions.commands.run_log import Announced, read_failures

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
