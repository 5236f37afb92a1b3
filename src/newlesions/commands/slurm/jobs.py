"""The jobs of one results folder in SLURM's queue, found by their names.

A run that is killed leaves its jobs behind, and its successor would submit them again, to write the same files at the
same time. Their names tell whose they are: they begin with a prefix that is made of the results folder's path.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

from newlesions.errors import ConfigError

_FORMAT = "%i|%u|%T|%j"
_PATIENCE = 300.0  # seconds that cancelled jobs have to end: SLURM gives each 30 s, and then looks after the node
_SLOWEST = 60.0  # seconds that one of SLURM's commands may take
_INTERVAL = 0.5  # seconds between two looks at the queue while cancelled jobs end
_LEISURE = 10.0  # the same while running jobs are waited for


@dataclass(frozen=True)
class Job:
    """A job in the queue: its number in SLURM, whose it is, and its state (PENDING, RUNNING, ...)."""

    number: str
    user: str
    state: str


def prefix_of(out: Path) -> str:
    """How the names of the jobs of a results folder begin: what a person knows it by, and a digest of its path.

    >>> prefix_of(Path("/data/trial 3"))
    'newlesions-trial-3-7fd8a0ae7b'
    """
    path = out.resolve()
    name = re.sub(r"[^A-Za-z0-9]+", "-", path.name).strip("-")[:20]
    return "-".join(part for part in ("newlesions", name, hashlib.sha256(str(path).encode()).hexdigest()[:10]) if part)


def jobs_of(prefix: str) -> list[Job]:
    """The jobs in the queue, waiting, running or ending, whose names begin with ``prefix``.

    Raises
    ------
    ConfigError
        If SLURM does not answer.
    """
    said = _slurm(["squeue", "--noheader", "--array", f"--format={_FORMAT}"])
    rows = (line.split("|", 3) for line in said.splitlines() if line.count("|") >= 3)
    return [Job(number, user, state) for number, user, state, name in rows if _begins(name, prefix)]


def clear(prefix: str, how: str = "cancel") -> list[Job]:
    """Have no job of ``prefix`` left in the queue. Returns those that were.

    Parameters
    ----------
    how
        `cancel` all of them, or `wait` until those that run have ended; waiting ones are cancelled in both cases.

    Raises
    ------
    ConfigError
        If SLURM does not answer, if jobs are somebody else's, or if they do not end.
    """
    _wait_for_submissions(prefix)
    found = jobs_of(prefix)
    if not found:
        return []
    _cancel([job for job in found if how == "cancel" or job.state == "PENDING"])
    deadline = monotonic() + _PATIENCE
    while left := jobs_of(prefix):
        if how == "wait":
            sleep(_LEISURE)
            continue
        if monotonic() > deadline:
            raise ConfigError(
                f"SLURM: found {_list(left)} still in the queue {_PATIENCE:.0f} s after they were cancelled; expected "
                "them to end (is their node down?)"
            )
        sleep(_INTERVAL)
    return found


def describe(jobs: Sequence[Job]) -> str:
    """How many jobs are in which state: `3 jobs (1 PENDING, 2 RUNNING)`."""
    states = sorted({job.state for job in jobs})
    counts = ", ".join(f"{sum(job.state == state for job in jobs)} {state}" for state in states)
    return f"{len(jobs)} job{'s' * (len(jobs) != 1)} ({counts})"


def _begins(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(f"{prefix}_")


def _cancel(jobs: Sequence[Job]) -> None:
    """Cancel ``jobs``, many per command."""
    import getpass

    others = [job for job in jobs if job.user != getpass.getuser()]
    if others:
        users = ", ".join(sorted({job.user for job in others}))
        raise ConfigError(f"SLURM: found {_list(others)} of {users} for this results folder; expected only yours")
    for start in range(0, len(jobs), 500):
        _slurm(["scancel", "--quiet", *(job.number for job in jobs[start : start + 500])])


def _list(jobs: Sequence[Job]) -> str:
    return f"job{'s' * (len(jobs) != 1)} {', '.join(job.number for job in jobs[:10])}{', ...' * (len(jobs) > 10)}"


def _wait_for_submissions(prefix: str) -> None:
    """Wait for an `sbatch` that outlived the run which started it: its job is about to come into the queue."""
    import psutil

    deadline = monotonic() + _SLOWEST
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
            if words and Path(words[0]).name == "sbatch" and any(_begins(word, prefix) for word in words):
                process.wait(max(0.0, deadline - monotonic()))
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        except psutil.TimeoutExpired as error:
            raise ConfigError(f"sbatch: found process {process.pid} still submitting; expected it to end") from error


def _slurm(words: list[str]) -> str:
    """What a command of SLURM says on standard output."""
    try:
        finished = subprocess.run(words, capture_output=True, text=True, check=True, timeout=_SLOWEST)
    except FileNotFoundError as error:
        raise ConfigError(f"{words[0]}: found no such command; expected a machine of the SLURM cluster") from error
    except subprocess.TimeoutExpired as error:
        raise ConfigError(f"{words[0]}: found no answer within {_SLOWEST:.0f} s; expected SLURM to answer") from error
    except subprocess.CalledProcessError as error:
        said = " ".join(error.stderr.split()) or f"exit code {error.returncode}"
        raise ConfigError(f"{words[0]}: found {said!r}; expected SLURM to answer") from error
    return finished.stdout
