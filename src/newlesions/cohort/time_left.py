"""How long a run will still take, by the pace at which it has come so far."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from newlesions.cohort.status import RUNNING, WAITING, PairState, Work
from newlesions.cohort.step_logs import LogEnd

_SOON = 60.0  # seconds after which a run's pace says more than the number of its running steps


@dataclass(frozen=True)
class TimeLeft:
    """What is left of a run.

    Parameters
    ----------
    seconds
        Until its last step has ended.
    work_seconds
        Over all steps.
    at_once
        How many steps ran side by side so far.
    unknown
        Steps that are left and that nobody has measured, which are not counted.
    """

    seconds: float
    work_seconds: float
    at_once: float
    unknown: tuple[str, ...] = ()


def time_left(
    states: Sequence[PairState],
    ends: Sequence[tuple[Path, LogEnd]],
    work: Work,
    now: float,
    known: Callable[[str], float | None],
) -> TimeLeft:
    """What is left of the run that is at work.

    Parameters
    ----------
    states
        Of the pairs, with the steps that each still needs.
    ends
        The logs and their ends: they tell what the steps took in this folder.
    work
        The run.
    now
        Seconds since the epoch.
    known
        What a step takes elsewhere, in seconds; None where nobody knows.
    """
    took: dict[str, list[float]] = defaultdict(list)
    for _, end in ends:
        if end.seconds is not None:
            took[end.step].append(end.seconds)
    left = {log: step for state in states if state.state in (RUNNING, WAITING) for step, log in state.left}
    each = {step: median(took[step]) if step in took else known(step) for step in set(left.values())}
    since = {log: max(0.0, now - end.written) for log, end in ends if log in left and _is_running(end, work)}

    def need(step: str, log: Path) -> float:
        return max(0.0, (each[step] or 0.0) - since.get(log, 0.0))

    total = sum(need(step, log) for log, step in left.items())
    longest = max((_chain(state.left, need) for state in states), default=0.0)
    at_once = _at_once(ends, work, now, since.values())
    return TimeLeft(
        seconds=max(total / at_once, longest),
        work_seconds=total,
        at_once=at_once,
        unknown=tuple(sorted(step for step, seconds in each.items() if seconds is None)),
    )


def _chain(left: Iterable[tuple[str, Path]], need: Callable[[str, Path], float]) -> float:
    """The steps of one pair after one another; of the same step of both its sessions, the longer."""
    longest: dict[str, float] = {}
    for step, log in left:
        longest[step] = max(longest.get(step, 0.0), need(step, log))
    return sum(longest.values())


def _at_once(ends: Sequence[tuple[Path, LogEnd]], work: Work, now: float, running: Iterable[float]) -> float:
    """How many steps ran side by side since the run began; how many do now, where it began just now."""
    since = list(running)
    elapsed = now - work.since
    done = sum(end.seconds or 0.0 for _, end in ends if end.written >= work.since)
    if elapsed < _SOON or not done:
        return float(max(1, len(since)))
    return max(0.01, (done + sum(since)) / elapsed)


def _is_running(end: LogEnd, work: Work) -> bool:
    return end.written >= work.since and not end.ended and not end.reason
