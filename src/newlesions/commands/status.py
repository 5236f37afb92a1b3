"""``newlesions status``: how far a run has come, from its files alone."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import sleep, time
from typing import Any

from newlesions.cli import DONE, SOME_FAILED
from newlesions.cohort.costs import Costs
from newlesions.cohort.pairs import Pair
from newlesions.cohort.pairs_table import read_pairs
from newlesions.cohort.results import config_file, flow_of, lock_file, log_files, run_logs
from newlesions.cohort.status import DONE as PAIR_DONE
from newlesions.cohort.status import FAILED, RUNNING, STATES, PairState, Work, counts, pair_states
from newlesions.cohort.step_logs import StepLogs
from newlesions.cohort.time_left import TimeLeft, time_left
from newlesions.commands.estimate import duration
from newlesions.commands.results_table import aligned
from newlesions.commands.run_log import read_failures
from newlesions.commands.slurm.run import may_have_left_jobs
from newlesions.commands.table import run_settings
from newlesions.errors import ConfigError
from newlesions.processes import is_locked
from newlesions.steps.chains import job_of

_MOST = 30  # pairs that are listed, of those that run and of those that failed; --json has all
_NO_RUN = "no run is at work"
_HOME = "\x1b[H\x1b[J"  # a terminal's cursor to its first line, and what is below it gone


@dataclass(frozen=True)
class Snapshot:
    """What is known at one moment."""

    out: Path
    work: Work
    states: Sequence[PairState]
    left: TimeLeft | None

    @property
    def code(self) -> int:
        """The exit code."""
        found = counts(self.states)
        stopped = not self.work.at_work and found[PAIR_DONE] < len(self.states)
        return SOME_FAILED if found[FAILED] or stopped else DONE


def command(args: argparse.Namespace) -> int:
    """Print the status, once or again and again. Returns the exit code."""
    out, logs = Path(args.out_dir), StepLogs()
    while True:
        seen = look(out, logs)
        text = json.dumps(as_json(seen), indent=2) if args.json else as_text(seen)
        home = _HOME if args.watch and sys.stdout.isatty() and not args.json else ""
        print(f"{home}{text}", flush=True)
        if args.watch is None or not seen.work.at_work:
            return seen.code
        try:
            sleep(args.watch)
        except KeyboardInterrupt:  # the run goes on; only the watching ends
            return seen.code


def look(out: Path, logs: StepLogs) -> Snapshot:
    """How far the run in ``out`` has come.

    Raises
    ------
    ConfigError
        If it is no results folder of a run.
    """
    at_work = is_locked(lock_file(out))
    config = config_file(out)
    if not config.is_file():
        if at_work:  # the scans are being read
            return Snapshot(out, Work(at_work=True), [], None)
        raise ConfigError(f"{out}: found no results of `newlesions run` there; expected its OUT_DIR")
    settings, pairs = run_settings(out), read_pairs(out / "pairs.tsv")
    since = config.stat().st_mtime
    said = [path for path in run_logs(out) if path.stat().st_mtime >= since]
    work = Work(at_work, since, *read_failures(said, out))
    steps, buckets = flow_of(settings, pairs)
    states = pair_states(out, pairs, steps, buckets, work, logs)
    if not at_work:
        return Snapshot(out, work, states, None)
    needed = {log: step for pair in pairs for step, log in log_files(out, pair, steps, buckets.get(pair.pair, ""))}
    ends = [(log, end) for log, step in needed.items() if (end := logs.end(step, log))]
    costs = Costs(settings, aligned=_share_aligned(pairs))

    def known(step: str) -> float | None:
        # What a job of several steps costs is not known of each: it is told of the one that has the job's name.
        return costs.seconds(step) if step == job_of(step) else 0.0

    return Snapshot(out, work, states, time_left(states, ends, work, time(), known))


def as_text(seen: Snapshot) -> str:
    """The status as a person reads it."""
    found = counts(seen.states)
    doing = f"a run is at work, since {duration(time() - seen.work.since)}" if seen.work.at_work else _NO_RUN
    if not seen.work.at_work and may_have_left_jobs(seen.out):
        doing += "; one was killed and may have left jobs in SLURM's queue, which the next one ends first"
    if not seen.states:
        return f"{seen.out}: a run is at work and reads its scans"
    rows = [[name, f"{found[name]}", f"{100 * found[name] // len(seen.states)} %"] for name in STATES]
    parts = [f"{seen.out}: {len(seen.states)} pairs; {doing}", aligned(rows)]
    if seen.left:
        parts.append(_time_line(seen.left, found[PAIR_DONE] + found[FAILED] == len(seen.states)))
    running = [[f"  {state.pair}", state.step] for state in seen.states if state.state == RUNNING]
    failed = [[f"  {state.pair}", state.reason] for state in seen.states if state.state == FAILED]
    return "\n".join([*parts, *_listed("running", running), *_listed("failed", failed)])


def as_json(seen: Snapshot) -> dict[str, Any]:
    """The status as scripts read it."""
    return {
        "out": str(seen.out),
        "at_work": seen.work.at_work,
        "counts": counts(seen.states),
        "seconds_left": round(seen.left.seconds) if seen.left else None,
        "not_counted": list(seen.left.unknown) if seen.left else [],
        "pairs": [
            {"pair": state.pair, "state": state.state, "step": state.step, "reason": state.reason}
            for state in seen.states
        ],
    }


def _time_line(left: TimeLeft, pairs_ended: bool) -> str:
    if pairs_ended:
        return "the cohort's table and page are being written"
    unknown = f"; not counted, since not known: {', '.join(left.unknown)}" if left.unknown else ""
    return f"time left about {duration(left.seconds)}, with {left.at_once:.1f} steps at once{unknown}"


def _listed(what: str, rows: list[list[str]]) -> list[str]:
    if not rows:
        return []
    more = [f"  and {len(rows) - _MOST} more (--json has all)"] if len(rows) > _MOST else []
    return [f"\n{what}:", aligned(rows[:_MOST]), *more]


def _share_aligned(pairs: Sequence[Pair]) -> float:
    return sum(pair.is_aligned for pair in pairs) / len(pairs)
