"""Snakemake as a child of the command line: its words, its progress, its end."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from newlesions import house, settings
from newlesions.cohort.results import lock_file
from newlesions.commands.estimate import Limits
from newlesions.commands.progress import Progress
from newlesions.commands.run_log import Announced
from newlesions.errors import ConfigError
from newlesions.processes import die_with_parent, hold_lock

_MEMORY_SHARE = 0.9  # of the machine's memory for jobs; the rest for the system and for Snakemake itself

_ALL_JOBS = 1_000_000

_PATIENCE = 30.0  # seconds that Snakemake has to cancel what it submitted


@dataclass(frozen=True)
class Ended:
    """How a workflow ended: its exit code, whether any step was started, and the last lines that it said."""

    code: int
    started: bool
    last: list[str]


def snakemake_command(
    args: argparse.Namespace, profile: Path, config: Path, directory: Path, snakefile: str = "Snakefile"
) -> list[str]:
    """The command that runs the workflow ``snakefile`` of the house in ``directory``."""
    words = [sys.executable, "-m", "snakemake", "--snakefile", str(house.root() / snakefile)]
    words += ["--directory", str(directory), "--configfile", str(config), "--workflow-profile", str(profile)]
    if args.cores:
        words += ["--cores", args.cores]
    if args.profile == "default":
        words += ["--resources", f"mem_mb={_memory_mb()}"]
        if getattr(args, "keep_work", None) is False:
            # Later steps go before earlier ones, which a sample of the ready jobs seldom holds: few pairs are then at
            # work at a time, and few images wait to be deleted.
            words += ["--scheduler-subsample", str(_ALL_JOBS)]
    # `hold_lock` keeps other runs out and, unlike Snakemake's own lock, goes when a run is killed.
    return [*words, "--nolock", *args.snakemake]


def lock_folder(out: Path) -> int:
    """Hold ``out`` against other runs by a lock in its folder of work; the descriptor to pass on and to close.

    Raises
    ------
    ConfigError
        If another run is at work there, or the folder cannot be written.
    """
    try:
        return hold_lock(lock_file(out))
    except OSError as error:
        raise ConfigError(f"{out}: found {error.strerror}; expected a folder that can be written") from error


def follow(
    words: Sequence[str], directory: Path, log: Path, lock: int, planned: Callable[[Announced], None] | None = None
) -> Ended:
    """Run Snakemake to its end with its progress on standard output, and everything it says in ``log``.

    ``planned`` is called with what is planned, before the first step.

    Raises
    ------
    KeyboardInterrupt
        If the user stopped it; it and its steps have then ended.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    # A session of its own: Ctrl-C reaches this process alone, which passes it on once.
    with subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        pass_fds=(lock,),
        start_new_session=True,
        preexec_fn=die_with_parent,
    ) as snakemake:
        progress = Progress(directory, planned=planned)
        try:
            _read(snakemake, progress, log)
        except KeyboardInterrupt:
            _interrupt(snakemake)
            raise
    if snakemake.returncode < 0:
        _kill_group(snakemake.pid)
    return Ended(snakemake.returncode, progress.started, list(progress.last))


def limits_of(args: argparse.Namespace, profile: Path) -> Limits:
    """What the jobs of a run share, as far as the arguments and the profile say, without asking Snakemake."""
    content = settings.read_yaml(profile / "config.yaml")
    if "executor" in content:
        return Limits(content.get("jobs"))
    cores = str(args.cores or content.get("cores"))
    memory = [int(entry.partition("=")[2]) for entry in content.get("resources", []) if entry.startswith("mem_mb=")]
    return Limits(
        int(cores) if cores.isdecimal() else None,
        _memory_mb() if args.profile == "default" else next(iter(memory), None),
    )


def _memory_mb() -> int:
    return int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * _MEMORY_SHARE / 2**20)


def _read(snakemake: subprocess.Popen[str], progress: Progress, log: Path) -> None:
    """Show the workflow's progress until it ends; everything it says goes to ``log``."""
    previous = signal.signal(signal.SIGTERM, _raise_interrupt)
    try:
        with open(log, "w", encoding="utf-8") as file:
            for line in snakemake.stdout or ():
                file.write(line)
                file.flush()
                progress.read(line)
    finally:
        signal.signal(signal.SIGTERM, previous)


def _raise_interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _interrupt(snakemake: subprocess.Popen[str]) -> None:
    """Stop the workflow and its steps, and wait until they have ended.

    Snakemake cancels what it submitted to a cluster, but waits for steps on this machine: these are ended here.
    """
    import psutil

    try:
        steps = psutil.Process(snakemake.pid).children(recursive=True)
        os.kill(snakemake.pid, signal.SIGINT)
        for step in steps:
            step.terminate()
        snakemake.communicate(timeout=_PATIENCE)
    except (psutil.NoSuchProcess, ProcessLookupError, subprocess.TimeoutExpired, KeyboardInterrupt):
        _kill_group(snakemake.pid)


def _kill_group(pid: int) -> None:
    """End what a killed Snakemake left running."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
