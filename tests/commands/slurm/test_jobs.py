from __future__ import annotations

import re
import subprocess
import threading
from pathlib import Path

import pytest

from commands.slurm.fake import FakeSlurm
from newlesions.commands.slurm import jobs
from newlesions.errors import ConfigError

MINE = "newlesions-out-0123456789"


def test_the_prefix_names_the_folder_and_tells_folders_apart(tmp_path: Path) -> None:
    one, other = jobs.prefix_of(tmp_path / "a" / "trial 3"), jobs.prefix_of(tmp_path / "b" / "trial 3")
    assert one.startswith("newlesions-trial-3-")
    assert one != other
    assert jobs.prefix_of(tmp_path / "a" / "b" / ".." / "trial 3") == one


@pytest.mark.parametrize("name", ["x" * 200, "Übersicht ... 2", "---", "_"])
def test_the_prefix_is_one_that_the_plugin_takes(tmp_path: Path, name: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,50}", jobs.prefix_of(tmp_path / name))


def test_only_jobs_of_the_folder_are_found(slurm: FakeSlurm) -> None:
    slurm.queue([("1", "RUNNING", f"{MINE}_a-b"), ("2", "PENDING", f"{MINE}9_a-b"), ("3", "RUNNING", "a|b")])
    assert [(job.number, job.state) for job in jobs.jobs_of(MINE)] == [("1", "RUNNING")]


def test_what_was_left_is_cancelled_and_nothing_else(slurm: FakeSlurm) -> None:
    slurm.queue([("1", "RUNNING", f"{MINE}_a"), ("2", "PENDING", f"{MINE}_a"), ("3", "RUNNING", "other")])
    found = jobs.clear(MINE)
    assert jobs.describe(found) == "2 jobs (1 PENDING, 1 RUNNING)"
    assert slurm.numbers() == ["3"]
    assert slurm.cancelled() == ["1", "2"]


def test_running_jobs_can_be_waited_for(slurm: FakeSlurm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_LEISURE", 0.05)
    slurm.queue([("1", "RUNNING", f"{MINE}_a"), ("2", "PENDING", f"{MINE}_a")])
    ends = threading.Timer(0.5, slurm.queue, [[]])
    ends.start()
    jobs.clear(MINE, "wait")
    ends.join()
    assert slurm.cancelled() == ["2"]


def test_jobs_of_somebody_else_are_told_and_left(slurm: FakeSlurm) -> None:
    slurm.queue([("7", "RUNNING", f"{MINE}_a")], user="ada")
    with pytest.raises(ConfigError, match="found job 7 of ada for this results folder"):
        jobs.clear(MINE)
    assert slurm.numbers() == ["7"]


def test_jobs_that_do_not_end_are_told(slurm: FakeSlurm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_PATIENCE", 0.1)
    slurm.command("scancel", "#!/bin/sh\n")
    slurm.queue([(str(number), "COMPLETING", f"{MINE}_a") for number in range(12)])
    with pytest.raises(ConfigError, match=r"found jobs 0, 1, .*9, \.\.\. still in the queue"):
        jobs.clear(MINE)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("#!/bin/sh\necho 'slurm_load_jobs error: Unable to contact' >&2; exit 1\n", "Unable to contact"),
        ("#!/bin/sh\nexit 3\n", "exit code 3"),
        ("#!/bin/sh\nexec sleep 5\n", "found no answer within"),
    ],
)
def test_a_slurm_that_does_not_answer_is_told(
    slurm: FakeSlurm, monkeypatch: pytest.MonkeyPatch, text: str, told: str
) -> None:
    monkeypatch.setattr(jobs, "_SLOWEST", 0.3)
    slurm.command("squeue", text)
    with pytest.raises(ConfigError, match=told):
        jobs.jobs_of(MINE)


def test_a_machine_without_slurm_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonesuch")
    with pytest.raises(ConfigError, match="squeue: found no such command"):
        jobs.jobs_of(MINE)


def test_a_submission_that_outlived_its_run_is_waited_for(slurm: FakeSlurm, tmp_path: Path) -> None:
    submit = tmp_path / "sbatch"
    submit.symlink_to("/bin/sh")
    queue = slurm.folder / "queue"
    script = f'sleep 1; echo "5|$(id -un)|PENDING|{MINE}_a" >{queue}'
    with subprocess.Popen([str(submit), "-c", script, f"{MINE}_a"]):
        assert [job.number for job in jobs.clear(MINE)] == ["5"]
    assert slurm.numbers() == []
