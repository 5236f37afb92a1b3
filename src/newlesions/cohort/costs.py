"""What a job costs: seconds of one core, as measured on other cohorts, and on this one where it has run before."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

from newlesions.cohort.results import work_folder

LEAST = 3
"""So many measurements of a job in a results folder count more than what is shipped."""

_MOST = 200  # benchmarks of a name that are read; evenly spaced where there are more


@dataclass(frozen=True)
class Line:
    """An amount that grows with the voxels of a scan: seconds, or megabytes."""

    base: float
    per_mvoxel: float = 0.0

    def at(self, mvoxels: float) -> float:
        """The amount at so many million voxels."""
        return self.base + self.per_mvoxel * mvoxels


@dataclass(frozen=True)
class Costs:
    """The costs of a cohort's jobs.

    Parameters
    ----------
    settings
        Of the run; some jobs cost more under some.
    mvoxels
        Million voxels of a typical scan; None: those of the scans that the shipped costs were measured on.
    aligned
        The share of pairs that are already aligned.
    measured
        Seconds of the jobs of each name in the results folder, as `read_benchmarks` gives them.
    """

    settings: Mapping[str, Any]
    mvoxels: float | None = None
    aligned: float = 0.0
    measured: Mapping[str, list[float]] = field(default_factory=dict)

    def seconds(self, job: str) -> float | None:
        """Of one job of this name; None where nobody has measured any."""
        told = self.measured.get(job, [])
        if len(told) >= LEAST:
            return median(told)
        shipped = self._shipped(job)
        return None if shipped is None else shipped * self.pace

    @property
    def pace(self) -> float:
        """How much slower than the shipped costs this machine was, by the jobs that were measured; 1 if none was."""
        both = [
            (len(told) * median(told), len(told) * shipped)
            for job, told in self.measured.items()
            if len(told) >= LEAST and (shipped := self._shipped(job))
        ]
        return sum(here for here, _ in both) / sum(there for _, there in both) if both else 1.0

    def megabytes(self, what: str) -> float:
        """Of the results or the work of a pair, or the work of a session, by its name in the shipped table."""
        return Line(**shipped()["megabytes"][what]).at(self._size)

    @property
    def _size(self) -> float:
        return shipped()["mvoxels"] if self.mvoxels is None else self.mvoxels

    def _shipped(self, job: str) -> float | None:
        for entry in shipped()["jobs"].get(job, []):
            here = self.settings.get(job, {})
            if all(here.get(name, value) == value for name, value in entry.get("when", {}).items()):
                seconds = Line(entry["base"], entry["per_mvoxel"]).at(self._size)
                aligned = entry.get("aligned", seconds)
                return seconds * (1 - self.aligned) + aligned * self.aligned
        return None


@cache
def shipped() -> dict[str, Any]:
    """The shipped table, which `scripts/measure_costs.py` writes."""
    path = Path(__file__).parents[1] / "data" / "costs" / "jobs.json"
    return json.loads(path.read_text(encoding="utf-8"))


def read_benchmarks(out: Path) -> dict[str, list[float]]:
    """Seconds of the jobs that have run in a results folder, by their names."""
    folder = work_folder(out) / "benchmarks"
    jobs = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    read = {path.name: map(read_benchmark, _some(sorted(path.glob("*.tsv")))) for path in jobs}
    return {job: [row["s"] for row in rows if "s" in row] for job, rows in read.items()}


def read_benchmark(path: Path) -> dict[str, float]:
    """The last row of a benchmark by Snakemake: `s` seconds, `cpu_time` seconds, `max_rss` MB; nothing if it is empty.

    What was too short to be measured is left out.
    """
    with open(path, encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    return {name: number for name, text in (rows[-1] if rows else {}).items() if (number := _number(text)) is not None}


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:  # "-", "NA" and "0:00:14" are no numbers
        return None


def _some(paths: list[Path]) -> Iterable[Path]:
    return paths if len(paths) <= _MOST else (paths[index * len(paths) // _MOST] for index in range(_MOST))
