"""``newlesions run``: index, plan, run, tell."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from newlesions import house, settings
from newlesions.cli import DONE, INTERRUPTED, SOME_FAILED, WRONG_INPUT
from newlesions.cohort import index as cohort
from newlesions.cohort.pairs import Pair
from newlesions.cohort.pairs_table import read_pairs
from newlesions.cohort.results import cohort_files, work_folder
from newlesions.commands.index import find
from newlesions.commands.progress import Progress
from newlesions.commands.results_table import print_results
from newlesions.commands.table import write_table
from newlesions.errors import ConfigError
from newlesions.images.files import remove_unfinished, write_json
from newlesions.preprocess.brain_backends import require
from newlesions.processes import die_with_parent, hold_lock

_MEMORY_SHARE = 0.9  # of the machine's memory for jobs; the rest for the system and for Snakemake itself

_PATIENCE = 30.0  # seconds that Snakemake has to cancel what it submitted


def command(args: argparse.Namespace) -> int:
    """Run the workflow on the cohort that ``args`` select. Returns the exit code."""
    out = Path(args.out_dir).absolute()
    config = configuration(args)
    require(settings.settle(config)["brain"]["backend"])  # now, not in each scan's job
    profile = house.profile(args.profile)
    _refuse_input_folder(Path(args.bids_dir), out)
    if args.dry_run:
        return _dry_run(args, out, config, profile)
    try:
        lock = hold_lock(work_folder(out) / ".run.lock")
    except OSError as error:
        raise ConfigError(f"{out}: found {error.strerror}; expected a folder that can be written") from error
    try:
        remove_unfinished(out)
        _freeze(find(args), out / "pairs.tsv")
        write_json(work_folder(out) / "config.json", config)
        return _run(snakemake_command(args, profile, work_folder(out) / "config.json", out), out, lock)
    finally:
        os.close(lock)


def configuration(args: argparse.Namespace) -> dict[str, Any]:
    """The configuration that the workflow gets: the shipped one, the user's file, and the arguments over both.

    Paths are relative to the results folder, in which Snakemake works: it can then be moved and run again.
    """
    config = settings.read_config(Path(args.configfile) if args.configfile else None)
    given = {"recipe": args.recipe, "keep_work": args.keep_work}
    config |= {name: value for name, value in given.items() if value is not None}
    if Path(config["recipe"]).is_file():
        config["recipe"] = str(Path(config["recipe"]).absolute())
    override = settings.deep_merge(config["override"], settings.assignments(args.set))
    return config | {"override": override, "pairs": "pairs.tsv", "out": "."}


def snakemake_command(args: argparse.Namespace, profile: Path, config: Path, directory: Path) -> list[str]:
    """The command that runs the workflow in ``directory``."""
    words = [sys.executable, "-m", "snakemake", "--snakefile", str(house.root() / "Snakefile")]
    words += ["--directory", str(directory), "--configfile", str(config), "--workflow-profile", str(profile)]
    if args.cores:
        words += ["--cores", args.cores]
    if args.profile == "default":
        words += ["--resources", f"mem_mb={_memory_mb()}"]
    # `hold_lock` keeps other runs out and, unlike Snakemake's own lock, goes when a run is killed.
    return [*words, "--nolock", *args.snakemake]


def _memory_mb() -> int:
    return int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * _MEMORY_SHARE / 2**20)


def _refuse_input_folder(source: Path, out: Path) -> None:
    if source.is_dir() and source.resolve() == out.resolve():
        raise ConfigError(f"{out}: found the input folder; expected another folder for the results")


def _dry_run(args: argparse.Namespace, out: Path, config: dict[str, Any], profile: Path) -> int:
    """Plan with the pairs table in a temporary folder, and in the results folder if there is one."""
    with tempfile.TemporaryDirectory(prefix="newlesions-") as folder:
        cohort.write(find(args), Path(folder) / "pairs.tsv")
        write_json(Path(folder) / "config.json", config | {"pairs": str(Path(folder) / "pairs.tsv")})
        directory = out if out.is_dir() else Path(folder)
        words = snakemake_command(args, profile, Path(folder) / "config.json", directory)
        finished = subprocess.run(
            [*words, "--dry-run", "--quiet", "rules"], capture_output=True, text=True, check=False
        )
    sys.stdout.write(finished.stdout)
    if finished.returncode:
        sys.stderr.write(finished.stderr)
        return WRONG_INPUT
    return DONE


def _freeze(result: cohort.IndexResult, path: Path) -> None:
    """Write the pairs table, and say how it differs from the one of an earlier run. Left alone if nothing changed."""
    before = {pair.pair: pair for pair in read_pairs(path)} if path.is_file() else {}
    after = {pair.pair: pair for pair in result.pairs}
    if before:
        print("\n".join(_changes(before, after)), flush=True)
    if list(before.values()) != result.pairs or not path.with_suffix(".json").is_file():
        cohort.write(result, path)


def _changes(before: dict[str, Pair], after: dict[str, Pair]) -> list[str]:
    lines = [f"since the last run: {name} came in" for name in after if name not in before]
    lines += [
        f"since the last run: {name} is gone; its files are left as they are" for name in before if name not in after
    ]
    for name in after.keys() & before.keys():
        old, new = before[name].row(), after[name].row()
        columns = [column for column in new if new[column] != old[column]]
        if columns:
            lines.append(f"since the last run: {name} has another {', '.join(columns)}")
    return sorted(lines) or ["the pairs are those of the last run"]


def _run(words: Sequence[str], out: Path, lock: int) -> int:
    log = work_folder(out) / "logs" / "run.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    table = cohort_files(out)["table"]
    before = table.stat().st_mtime_ns if table.is_file() else 0
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
        progress = Progress(out)
        try:
            _follow(snakemake, progress, log)
        except KeyboardInterrupt:
            _interrupt(snakemake)
            print("\nnewlesions: interrupted; the same command goes on from here", file=sys.stderr)
            return INTERRUPTED
    if snakemake.returncode < 0:
        _kill_group(snakemake.pid)
    if snakemake.returncode == 0 and not table.is_file():
        print("\ndone as far as Snakemake was asked to go; there is no table yet")
        return DONE
    written = table.is_file() and (snakemake.returncode == 0 or table.stat().st_mtime_ns != before)
    if not written:
        print("\n".join(progress.last), file=sys.stderr)
        if not progress.started:
            raise ConfigError(f"the workflow ended with code {snakemake.returncode} before its first step; see {log}")
        print(f"newlesions: the workflow ended with code {snakemake.returncode}; see {log}", file=sys.stderr)
        write_table(out)
    failed = print_results(out)
    return SOME_FAILED if failed or snakemake.returncode else DONE


def _follow(snakemake: subprocess.Popen[str], progress: Progress, log: Path) -> None:
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
