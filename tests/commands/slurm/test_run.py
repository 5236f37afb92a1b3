from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from commands.slurm.fake import FakeSlurm
from newlesions import house
from newlesions.commands.slurm import jobs, run
from newlesions.errors import ConfigError

SLURM, HERE = house.profile("slurm"), house.profile("default")


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("NEWLESIONS_SITE", raising=False)
    (tmp_path / "out" / "work").mkdir(parents=True)
    return tmp_path / "out"


def mark(out: Path) -> Path:
    return out / "work" / ".slurm"


def test_a_profile_that_submits_nothing_is_taken_as_it_is(out: Path) -> None:
    assert run.settled(HERE, None, out, out / "work" / "profile") == HERE
    with pytest.raises(ConfigError, match="--site: found it with the profile default"):
        run.settled(HERE, "lab.yaml", out, out / "work" / "profile")


def test_the_profile_of_a_cluster_is_made_with_the_site_in_it(out: Path) -> None:
    (out / "lab.yaml").write_text("jobs: 3\npartitions: {fast: {max_gpu: 1}}\n")
    folder = run.settled(SLURM, str(out / "lab.yaml"), out, out / "work" / "profile")
    made = yaml.safe_load((folder / "config.yaml").read_text())
    assert (made["jobs"], made["slurm-jobname-prefix"]) == (3, jobs.prefix_of(out))
    partitions = yaml.safe_load((folder / made["slurm-partition-config"]).read_text())
    assert partitions == {"partitions": {"fast": {"max_gpu": 1}}}


def test_nothing_of_an_earlier_run_is_in_the_queue_when_a_run_begins(
    slurm: FakeSlurm, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    slurm.queue([("1", "RUNNING", f"{jobs.prefix_of(out)}_a"), ("2", "RUNNING", "other")])
    with run.queue(SLURM, None, out):
        assert slurm.numbers() == ["2"]
        assert run.may_have_left_jobs(out)
    assert "an earlier run left 1 job (1 RUNNING) in SLURM's queue; cancelling them" in capsys.readouterr().out
    assert not run.may_have_left_jobs(out)


def test_nothing_of_a_run_that_was_stopped_is_in_the_queue_when_it_has_ended(slurm: FakeSlurm, out: Path) -> None:
    with pytest.raises(KeyboardInterrupt), run.queue(SLURM, None, out):
        slurm.queue([("1", "PENDING", f"{jobs.prefix_of(out)}_a")])
        raise KeyboardInterrupt
    assert slurm.numbers() == []


def test_a_slurm_that_is_silent_stops_a_run_before_it_begins(slurm: FakeSlurm, out: Path) -> None:
    slurm.command("squeue", "#!/bin/sh\nexit 1\n")
    with pytest.raises(ConfigError, match="expected SLURM to answer"), run.queue(SLURM, None, out):
        pytest.fail("it began")


def test_a_slurm_that_falls_silent_does_not_undo_a_run(
    slurm: FakeSlurm, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with run.queue(SLURM, None, out):
        slurm.command("squeue", "#!/bin/sh\nexit 1\n")
    assert "the next run looks again" in capsys.readouterr().err
    assert mark(out).is_file()


def test_a_run_here_looks_after_one_on_the_cluster(slurm: FakeSlurm, out: Path) -> None:
    slurm.queue([("1", "RUNNING", f"{jobs.prefix_of(out)}_a")])
    with run.queue(HERE, None, out):
        assert slurm.numbers() == ["1"]  # none was on the cluster: SLURM is not asked
    mark(out).touch()
    with run.queue(HERE, None, out):
        assert slurm.numbers() == []
        assert not mark(out).exists()


def test_a_run_on_a_machine_without_slurm_says_that_it_cannot_look(
    out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mark(out).touch()
    monkeypatch.setenv("PATH", "/nonesuch")
    with run.queue(HERE, None, out):
        assert "cannot ask" in capsys.readouterr().out
    assert mark(out).is_file()
