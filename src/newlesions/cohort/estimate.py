"""What a planned run will cost: core hours, GPU hours, wall time, disk."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from newlesions.cohort.costs import Costs
from newlesions.cohort.results import LAST_STEPS, NETWORK_STEPS, SESSION_STEPS

STEP_MB = 2600.0
"""What the long jobs ask for: so many run at once as there is memory for."""

_NETWORK = NETWORK_STEPS[0]


@dataclass(frozen=True)
class Estimate:
    """What a run is expected to cost.

    Parameters
    ----------
    jobs
        How many are planned, without targets.
    core_seconds, gpu_seconds
        Over all jobs.
    wall_seconds
        From the first job to the last.
    at_once
        How many jobs run side by side.
    peak_mb, kept_mb
        Disk, at the most and when all is done.
    unknown
        The names of jobs that nobody has measured, which are left out.
    """

    jobs: int
    core_seconds: float
    gpu_seconds: float
    wall_seconds: float
    at_once: int
    peak_mb: float
    kept_mb: float
    unknown: tuple[str, ...] = ()


def estimate(
    jobs: Mapping[str, int],
    costs: Costs,
    *,
    names: Collection[str],
    cores: int,
    memory_mb: float | None = None,
) -> Estimate:
    """The estimate of a run.

    Parameters
    ----------
    jobs
        The number of planned jobs by the rule's name.
    costs
        What a job of each name costs.
    names
        Those of all jobs; other rules are targets without work of their own.
    cores, memory_mb
        What the jobs share; None where nothing limits their memory.
    """
    planned = {job: count for job, count in jobs.items() if job in names}
    seconds = {job: found for job in planned if (found := costs.seconds(job)) is not None}
    networks = costs.settings.get("networks", {})
    # The only jobs that ask for more than one thread, or for a GPU.
    threads = {_NETWORK: max(1, min(cores, networks.get("threads", 1)))}
    core_seconds = sum(planned[job] * some * threads.get(job, 1) for job, some in seconds.items())
    gpu_seconds = networks.get("gpus", 0) * planned.get(_NETWORK, 0) * seconds.get(_NETWORK, 0.0)
    at_once = max(1, min(cores, int(memory_mb // STEP_MB) if memory_mb else cores))
    chain = sum(seconds.values())  # of one pair, whose sessions are prepared side by side
    peak, kept = _disk(planned, costs, at_once)
    return Estimate(
        jobs=sum(planned.values()),
        core_seconds=core_seconds,
        gpu_seconds=gpu_seconds,
        wall_seconds=max(core_seconds / at_once, chain, gpu_seconds),
        at_once=at_once,
        peak_mb=peak,
        kept_mb=kept,
        unknown=tuple(job for job in planned if job not in seconds),
    )


def _disk(planned: Mapping[str, int], costs: Costs, at_once: int) -> tuple[float, float]:
    """MB at the peak and at the end, of the pairs and sessions that are worked on."""
    sessions = max((planned.get(step, 0) for step in SESSION_STEPS), default=0)
    pairs = max((planned.get(step, 0) for step in LAST_STEPS), default=0)
    session, pair = costs.megabytes("session_work"), costs.megabytes("pair_work")
    results = pairs * costs.megabytes("results")
    work = sessions * session + pairs * pair
    if costs.settings.get("keep_work", True):
        return results + work, results + work
    return results + min(work, at_once * (pair + 2 * session)), results
