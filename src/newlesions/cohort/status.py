"""How far a run has come: what became of each pair so far, told from the files that its steps leave.

Everything is read from the logs of the steps, whose last lines say how they ended, and from their times. Nothing is
written, and no run is asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from newlesions.cohort.outcome import reason_of
from newlesions.cohort.pairs import Pair
from newlesions.cohort.results import LAST_STEPS, SESSION_STEPS, log_files, page_file, summary_file
from newlesions.cohort.step_logs import LogEnd, StepLogs

DONE, RUNNING, FAILED, WAITING = "done", "running", "failed", "waiting"
STATES = (DONE, RUNNING, FAILED, WAITING)


@dataclass(frozen=True)
class Work:
    """What is known of the run itself.

    Parameters
    ----------
    at_work
        Whether one is at work in the results folder.
    since
        When the last one began, in seconds since the epoch: logs that are older are of earlier runs.
    failed
        The logs of the jobs that it reported as failed: of the step that failed, of those before it in the job, and of
        those after it, which were not begun.
    again
        Those that it tries again.
    """

    at_work: bool = False
    since: float = 0.0
    failed: Collection[Path] = ()
    again: Collection[Path] = ()


@dataclass(frozen=True)
class PairState:
    """What became of a pair so far.

    Parameters
    ----------
    pair
        Its id.
    state
        One of `STATES`.
    step
        The step that runs, that failed, or that comes next; "" where the pair is done.
    reason
        Why it failed, in one line; "" otherwise.
    left
        The steps and logs that it still needs, those of its sessions among them.
    """

    pair: str
    state: str
    step: str = ""
    reason: str = ""
    left: tuple[tuple[str, Path], ...] = field(default=(), repr=False)


def pair_states(
    out: Path,
    pairs: Sequence[Pair],
    steps: Sequence[str],
    buckets: Mapping[str, str],
    work: Work,
    logs: StepLogs,
) -> list[PairState]:
    """The state of each pair, in the order of ``pairs``.

    Parameters
    ----------
    out
        The results folder.
    steps, buckets
        The steps of the run, and the bucket of each pair, as in `outcome.outcomes`.
    work
        The run.
    logs
        Reads them. The same one, given again, reads only what has changed.
    """
    return [_state(out, pair, log_files(out, pair, steps, buckets.get(pair.pair, "")), work, logs) for pair in pairs]


def counts(states: Sequence[PairState]) -> dict[str, int]:
    """How many pairs are in each of `STATES`."""
    found = Counter(state.state for state in states)
    return {name: found[name] for name in STATES}


def _state(out: Path, pair: Pair, needed: Sequence[tuple[str, Path]], work: Work, logs: StepLogs) -> PairState:
    ends = {log: end for step, log in needed if (end := logs.end(step, log))}
    for step, log in needed:
        if _has_failed(ends.get(log), log, work):
            return PairState(pair.pair, FAILED, step, reason_of(ends.get(log) or LogEnd(step, 0.0, ""), log, out, pair))
    left = _left(needed, ends, work.at_work)
    for log, end in ends.items():
        if _runs(end, log, work):
            return PairState(pair.pair, RUNNING, end.step, left=left)
    results = summary_file(out, pair).is_file() and page_file(out, pair).is_file()
    begun = [(step, log) for step, log in left if log in ends]
    # Results whose logs somebody removed are results; a run that is at work knows better what it is to do.
    if results and not (left if work.at_work else begun):
        return PairState(pair.pair, DONE)
    left = left or (needed[-1],)  # a result was removed
    return PairState(pair.pair, WAITING, left[0][0], left=left)


def _has_failed(end: LogEnd | None, log: Path, work: Work) -> bool:
    """Whether the step failed for good, as far as it is known now."""
    if end is None:
        return log in work.failed  # its job was killed before it could begin
    if end.ended or log in work.again:
        return False
    if work.at_work and end.written < work.since:
        return False  # in an earlier run: this one tries it again
    return bool(end.reason) or log in work.failed


def _runs(end: LogEnd, log: Path, work: Work) -> bool:
    """Whether the step is at work: it has begun in this run, and nothing says that it has ended."""
    return work.at_work and end.written >= work.since and not (end.ended or end.reason or log in work.failed)


def _left(
    needed: Sequence[tuple[str, Path]], ends: Mapping[Path, LogEnd], at_work: bool
) -> tuple[tuple[str, Path], ...]:
    """What has not ended well; in a run also what is older than a step before it, as after a change of settings."""
    left: list[tuple[str, Path]] = []
    before: dict[Path, float] = {}
    for step, log in needed:
        end = ends.get(log)
        if not (end and end.ended) or (at_work and end.written < _newest(step, log, before)):
            left.append((step, log))
        if end and step not in LAST_STEPS:
            before[log] = end.written
    return tuple(left)


def _newest(step: str, log: Path, before: Mapping[Path, float]) -> float:
    """When the last of the steps that ``step`` waits for was done: of a session's step, those of the session."""
    waits_for = (time for other, time in before.items() if step not in SESSION_STEPS or other.stem == log.stem)
    return max(waits_for, default=0.0)
