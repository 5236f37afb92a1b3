"""Runs that are killed or interrupted, with quick steps: the same command again ends with the same files."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from workflow.quick import Quick


def wait_for(process: subprocess.Popen[str], step: str) -> str:
    """Return when the run says that it starts ``step``, with the line that says so."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("[") and f" {step} " in line:
            return line
    pytest.fail(f"the run ended before {step}")


def child_of(pid: int) -> int:
    """The Snakemake that a run started."""
    (child, *_) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)


def undisturbed(quick: Quick, folder: Path) -> dict[str, str]:
    """The results of a run of the same scans that nobody disturbs."""
    other = Quick(folder)
    for session in ("M00", "M12"):
        other.scan("01", session)
    assert other.run()[0] == 0
    results = other.results()
    results.pop("pairs.tsv")  # holds the scans' absolute paths
    return results


@pytest.mark.parametrize("step", ["bias", "halfway", "report"])
@pytest.mark.parametrize("whom", [lambda pid: pid, child_of], ids=["newlesions", "snakemake"])
@pytest.mark.slow
def test_a_killed_run_goes_on(quick: Quick, tmp_path: Path, step: str, whom: Callable[[int], int]) -> None:
    with quick.start(seconds=0.5) as process:
        wait_for(process, step)
        victim = whom(process.pid)
        subprocess.run(["kill", "-KILL", str(victim)], check=True)
        process.communicate(timeout=30)
    code, said = quick.run()
    assert code == 0, said
    results = quick.results()
    results.pop("pairs.tsv")
    assert results == undisturbed(quick, tmp_path / "other")


def test_an_interrupted_run_says_so_and_goes_on(quick: Quick) -> None:
    with quick.start(seconds=0.5) as process:
        wait_for(process, "halfway")
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "goes on from here" in said
    unfinished = quick.out / "sub-01" / "ses-M12" / "anat" / ".writing-0.nii.gz"  # what a kill leaves
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    unfinished.touch()
    code, said = quick.run()
    assert code == 0, said
    assert not unfinished.exists()
    assert not {"bias", "brain"} & set(quick.steps(said))


def test_two_runs_do_not_share_a_results_folder(quick: Quick) -> None:
    with quick.start(seconds=3) as process:
        wait_for(process, "bias")
        code, said = quick.run()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert code == 2
    assert "found another run at work on this results folder" in said
