"""Runs on a cluster where things go wrong, with quick steps: the results are those of a quiet run."""

from __future__ import annotations

import signal
from itertools import pairwise
from pathlib import Path

import pytest

from slurm.watched import Note, Watched, ends_well, slurm, until

pytestmark = pytest.mark.slurm

PREPARE = ("halfway", "resample", "harmonise", "candidates")
"""The steps of one job of the cluster."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the model of all cohorts lies."""
    return tmp_path_factory.mktemp("shared")


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> dict[str, str]:
    """The results of the same run on this machine."""
    cohort = Watched(tmp_path_factory.mktemp("quiet"), model=shared)
    cohort.here()
    return cohort.outcome()


def test_a_cancelled_job_and_a_node_that_goes_down(tmp_path: Path, shared: Path, quiet: dict[str, str]) -> None:
    cohort = Watched(tmp_path, seconds=2, model=shared)
    with cohort.submit(partition="spare") as process:
        until(lambda: "bias" in cohort.nodes(), process)
        (job, *_) = [job for job in cohort.jobs() if job.state == "RUNNING"]
        slurm("scancel", job.number)
        until(lambda: "halfway" in cohort.nodes(), process)
        (node,) = cohort.nodes()["halfway"]
        slurm("scontrol", "update", f"nodename={node}", "state=down", "reason=test")
        try:
            until(lambda: [job.state for job in cohort.jobs()] == ["PENDING"], process)
            slurm("scontrol", "update", f"jobid={cohort.jobs()[0].number}", "starttime=now")  # SLURM waits two minutes
            until(lambda: cohort.nodes()["halfway"] == {"cpu2", "cpu3"}, process)
        finally:
            slurm("scontrol", "update", f"nodename={node}", "state=resume")
        said = ends_well(process)
    assert [line.split()[0] for line in said.splitlines() if line.startswith(("FAILED", "AGAIN"))] == [
        "FAILED",
        "AGAIN",
    ]
    assert cohort.outcome() == quiet
    starts = [note.step for note in cohort.notes() if note.event == "start"]
    assert starts.count("ingest") == 3  # two sessions, of which one was cancelled
    assert starts.count("table") == 1
    nodes = cohort.nodes()
    assert nodes.pop("network") == {"gpu1"}
    assert {node for some in nodes.values() for node in some} <= {"cpu2", "cpu3"}
    assert cohort.jobs() == []


def test_a_job_out_of_memory_is_tried_again_with_more(tmp_path: Path) -> None:
    cohort = Watched(tmp_path)
    cohort.here()
    before = cohort.outcome()
    (cohort.out / "CITATION.md").unlink()  # so that the cohort's table is left to do
    cohort.environment["QUICK_HUNGRY"] = "table"
    with cohort.submit() as process:
        said = ends_well(process)
    assert set(cohort.steps(said)) == {"table"}
    notes = [note for note in cohort.notes() if note.step == "table" and note.node]
    assert [note.event for note in notes] == ["start", "start", "end"]
    assert cohort.outcome() == before


def kill(cohort: Watched) -> None:
    """Kill a run in its pair's preparation: it leaves a job."""
    with cohort.submit() as process:
        until(lambda: "halfway" in cohort.nodes(), process)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
    assert len(cohort.jobs()) == 1
    with cohort.newlesions("status", str(cohort.out)) as process:
        assert "may have left jobs in SLURM's queue" in process.communicate(timeout=600)[0]


def test_jobs_that_a_killed_run_leaves_are_cancelled_before_others_are_submitted(
    tmp_path: Path, shared: Path, quiet: dict[str, str]
) -> None:
    cohort = Watched(tmp_path, seconds=2, model=shared)
    kill(cohort)
    with cohort.submit() as process:
        said = ends_well(process)
    assert "an earlier run left 1 job (1 RUNNING) in SLURM's queue; cancelling them" in said
    assert cohort.outcome() == quiet
    assert cohort.jobs() == []
    assert ran_together(cohort.notes(), PREPARE) == []
    steps = set(cohort.steps(said))
    assert "report" in steps
    assert not {"bias", "brain"} & steps


def test_jobs_that_a_killed_run_leaves_can_be_waited_for(tmp_path: Path, shared: Path, quiet: dict[str, str]) -> None:
    cohort = Watched(tmp_path, seconds=2, model=shared)
    kill(cohort)
    with cohort.submit(left_behind="wait") as process:
        said = ends_well(process)
    assert "waiting for those that run" in said
    assert cohort.outcome() == quiet
    steps = set(cohort.steps(said))
    assert "report" in steps
    assert not {"bias", *PREPARE} & steps  # what they did is kept


def test_an_interrupted_run_leaves_nothing_in_the_queue(tmp_path: Path) -> None:
    cohort = Watched(tmp_path, seconds=5)
    with cohort.submit() as process:
        until(lambda: "ingest" in cohort.nodes(), process)
        process.send_signal(signal.SIGTERM)  # not SIGINT, which a shell's background jobs ignore
        said, _ = process.communicate(timeout=600)
    assert process.returncode == 130, said
    assert cohort.jobs() == []
    assert not (cohort.out / "work" / ".slurm").exists()


def ran_together(notes: list[Note], steps: tuple[str, ...]) -> list[Note]:
    """Notes of a step that ended after a later one of the same kind had started."""
    wrong = []
    for step in steps:
        own = sorted((note for note in notes if note.step == step), key=lambda note: note.time)
        wrong += [one for before, one in pairwise(own) if before.event == one.event == "end"]
    return wrong
