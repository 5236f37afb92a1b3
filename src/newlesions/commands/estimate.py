"""The estimate that `newlesions run` prints before the first step, and what it rests on."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from newlesions import settings, steps
from newlesions.cohort.costs import LEAST, Costs, read_benchmarks, shipped
from newlesions.cohort.estimate import Estimate, estimate
from newlesions.cohort.pairs import Pair
from newlesions.cohort.results import config_file
from newlesions.cohort.visits import visits_of
from newlesions.errors import ConfigError
from newlesions.images.files import read_json
from newlesions.processes import cores_of
from newlesions.steps.chains import steps_of

_SCANS = 20  # headers that are read for the size of a typical scan


@dataclass(frozen=True)
class Limits:
    """What jobs share: how many may run at once (None: as many as this machine has cores), and their memory in MB."""

    at_once: int | None = None
    memory_mb: int | None = None


class Teller:
    """Prints the estimate of a plan.

    Made before a run writes its configuration: what an earlier run measured under other settings does not count.

    Parameters
    ----------
    out
        The results folder, which may not exist yet.
    settled
        The settings of the run.
    """

    def __init__(self, out: Path, settled: Mapping[str, Any]) -> None:
        self._out, self._settings = out, settled
        before = _settings_before(out)
        self._measured = {
            job: told
            for job, told in read_benchmarks(out).items()
            if all(before.get(step, {}) == settled.get(step, {}) for step in steps_of(job))
        }
        self._costs = Costs(settled, measured=self._measured)

    def read_pairs(self, pairs: Sequence[Pair]) -> None:
        """Learn from the cohort how large its scans are, and how many pairs are aligned."""
        share = sum(pair.is_aligned for pair in pairs) / max(1, len(pairs))
        self._costs = Costs(self._settings, _mvoxels(pairs), share, self._measured)

    def tell(self, jobs: Mapping[str, int], limits: Limits) -> None:
        """Print the estimate of the planned ``jobs`` and, in another line, what it rests on."""
        found = estimate(
            jobs,
            self._costs,
            # A job has the name of a step of its own.
            names={module.name for module in iter_modules(steps.__path__)},
            cores=limits.at_once or cores_of(),
            memory_mb=limits.memory_mb,
        )
        print(f"estimate  {text_of(found, _free_mb(self._out))}")
        print(f"basis     {self._basis(found)}", flush=True)

    def _basis(self, found: Estimate) -> str:
        size = self._costs.mvoxels
        parts = [
            f"costs measured on {shipped()['scans']} scans"
            + (f", for scans of {size:.1f} million voxels" if size else ", since no scan's header could be read")
        ]
        own = sum(len(told) for told in self._measured.values() if len(told) >= LEAST)
        if own:
            parts.append(f"and on {own} jobs of earlier runs in this folder")
        if found.unknown:
            parts.append(f"not counted, since not known: {', '.join(found.unknown)}")
        return "; ".join(parts)


def text_of(found: Estimate, free_mb: float) -> str:
    """The estimate in one line."""
    hours = [f"{amount(seconds / 3600)} {what} hours" for seconds, what in _hours(found)]
    disk = f"disk {megabytes(found.peak_mb)}"
    if found.kept_mb < 0.95 * found.peak_mb:
        disk += f" at the peak, {megabytes(found.kept_mb)} kept"
    enough = "" if found.peak_mb < free_mb else ", NOT ENOUGH"
    return (
        f"{found.jobs:,} jobs, {', '.join(hours)}; about {duration(found.wall_seconds)} with {found.at_once} at once; "
        f"{disk} ({megabytes(free_mb)} free{enough})"
    )


def _hours(found: Estimate) -> list[tuple[float, str]]:
    return [(found.core_seconds, "CPU"), (found.gpu_seconds, "GPU")]


def amount(number: float) -> str:
    """A number with two digits that count: 0, 0.013, 1.3, 130."""
    return f"{number:,.0f}" if number >= 10 or number == 0 else f"{number:.2g}"


def megabytes(number: float) -> str:
    """MB as MB, GB or TB."""
    for unit in ("MB", "GB"):
        if number < 1000:
            return f"{amount(number)} {unit}"
        number /= 1000
    return f"{amount(number)} TB"


def duration(seconds: float) -> str:
    """Seconds as a person says them: 40 s, 12 min, 3 h 20 min, 2 d 5 h.

    >>> [duration(seconds) for seconds in (40, 720, 12000, 190000)]
    ['40 s', '12 min', '3 h 20 min', '2 d 5 h']
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    hours = round(minutes / 60)
    return f"{hours // 24} d {hours % 24} h"


def _settings_before(out: Path) -> dict[str, Any]:
    """The settings of the run before; none where there was none, or where today's rules refuse them."""
    path = config_file(out)
    try:
        return settings.merged(read_json(path)) if path.is_file() else {}
    except ConfigError:
        return {}


def _mvoxels(pairs: Sequence[Pair]) -> float | None:
    """Million voxels of a typical scan, by the headers of some; None where none can be read."""
    import nibabel
    from nibabel.filebasedimages import ImageFileError

    scans = [visit.scan for visit in visits_of(pairs).values()]
    sizes = []
    for scan in scans[:: max(1, len(scans) // _SCANS)]:
        try:
            rows, columns, slices = nibabel.load(scan).shape[:3]
        except (ImageFileError, OSError, ValueError, EOFError):
            continue  # its own step will say what is wrong with it
        sizes.append(rows * columns * slices / 1e6)
    return sum(sizes) / len(sizes) if sizes else None


def _free_mb(out: Path) -> float:
    """Where ``out`` lies or will lie."""
    return shutil.disk_usage(next(path for path in (out, *out.parents) if path.exists())).free / 1e6
