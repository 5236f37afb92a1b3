"""Write the table of costs that estimates of runs are made from, by finished runs that nothing else disturbed much.

    python scripts/measure_costs.py OUT_DIR [OUT_DIR ...] > costs.json
    mv costs.json src/newlesions/data/costs/jobs.json

How the seconds of a job grow with the voxels of its scans comes from their CPU time, which other work on the machine
hardly changes; from CPU time to the seconds that a core is taken it is the median share over the runs.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from newlesions.cohort.costs import read_benchmark
from newlesions.cohort.pairs import Pair
from newlesions.cohort.pairs_table import read_pairs
from newlesions.cohort.results import SESSION_STEPS, config_file, log_files, summary_file, work_folder
from newlesions.images.files import read_json
from newlesions.settings import deep_merge, merged, read_config
from newlesions.steps.chains import job_of

# Settings that change what a job costs by more than a little.
_WHEN = {"bias": ("preset",), "brain": ("backend",), "harmonise": ("denoise",)}
_COHORT_JOBS = ("scores", "table")
_LEAST = 8  # so many jobs show how a cost grows with the voxels; fewer give a median

Points = dict[str, list[tuple[float, float]]]


class Measured:
    """What the runs cost: (million voxels, CPU seconds or megabytes) of each job, pair or session."""

    def __init__(self) -> None:
        self.jobs: Points = defaultdict(list)
        self.aligned: Points = defaultdict(list)
        self.sizes: Points = defaultdict(list)
        self.shares: list[float] = []
        self.scans: list[float] = []

    def add(self, out: Path) -> None:
        """Take a finished run."""
        # With today's defaults where the run is older than a setting.
        settings = merged(deep_merge(read_config(), read_json(config_file(out))))
        seen: dict[Path, dict[str, float]] = {}
        for pair in read_pairs(out / "pairs.tsv"):
            sessions = {name: _mvoxels(out, pair, name) for name in (pair.baseline_session, pair.followup_session)}
            both = sum(sessions.values()) / len(sessions)
            for job, log in log_files(out, pair):
                # A job of several steps has the name of one of them.
                row = _benchmark(out, job, log.stem) if job == job_of(job) else {}
                if log in seen or not {"s", "cpu_time"} <= row.keys():
                    continue
                seen[log] = row
                voxels = sessions[log.stem.rpartition("ses-")[2]] if job in SESSION_STEPS else both
                self.scans += [voxels] if job == job_of(SESSION_STEPS[0]) else []
                into = self.aligned if job == "halfway" and pair.is_aligned else self.jobs
                into[_key(settings, job)].append((voxels, row["cpu_time"]))
            self._add_sizes(out, pair, sessions, both)
        for job in _COHORT_JOBS:
            if "cpu_time" in (row := _benchmark(out, job, "cohort")):
                self.jobs[_key(settings, job)].append((0.0, row["cpu_time"]))
        self.shares.append(sum(row["s"] for row in seen.values()) / sum(row["cpu_time"] for row in seen.values()))

    def _add_sizes(self, out: Path, pair: Pair, sessions: dict[str, float], both: float) -> None:
        anat = out / f"sub-{pair.subject}" / f"ses-{pair.followup_session}" / "anat"
        self.sizes["results"].append((both, _megabytes(anat)))
        self.sizes["pair_work"].append((both, _megabytes(summary_file(out, pair).parent)))
        self.sizes["session_work"] += [
            (voxels, _megabytes(_session(out, pair, name))) for name, voxels in sessions.items()
        ]

    def table(self) -> dict[str, Any]:
        """The table of `newlesions.cohort.costs`."""
        share = float(np.median(self.shares))
        jobs: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for key, points in sorted(self.jobs.items()):
            job, _, when = key.partition(" ")
            entry: dict[str, Any] = {"when": json.loads(when)} if when else {}
            entry |= _line(points, share) | {"measured": len(points)}
            if key in self.aligned:
                entry["aligned"] = _line(self.aligned[key], share)["base"]
            jobs[job].append(entry)
        return {
            "scans": len(self.scans),
            "mvoxels": round(float(np.median(self.scans)), 2),
            "jobs": jobs,
            "megabytes": {what: _line(points) for what, points in self.sizes.items()},
        }


def main() -> None:
    """Read the runs, fit, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path, help="results folders of `newlesions run`")
    measured = Measured()
    for out in parser.parse_args().runs:
        measured.add(out)
    json.dump(measured.table(), sys.stdout, indent=2)
    print()


def _line(points: list[tuple[float, float]], factor: float = 1.0) -> dict[str, float]:
    """The line through ``points``, from zero on; their median where it would fall or they are few."""
    x, y = np.asarray(points).T
    slope, base = np.polyfit(x, y, 1) if len(points) >= _LEAST and np.ptp(x) > 0 else (0.0, 0.0)
    if slope <= 0:
        slope, base = 0.0, float(np.median(y))
    elif base < 0:
        slope, base = (x * y).sum() / (x * x).sum(), 0.0
    return {"base": round(factor * float(base), 3), "per_mvoxel": round(factor * float(slope), 3)}


def _key(settings: dict[str, Any], job: str) -> str:
    """The job, and as JSON those of its settings that make it another one."""
    when = {name: settings[job][name] for name in _WHEN.get(job, ())}
    return f"{job} {json.dumps(when)}" if when else job


def _benchmark(out: Path, job: str, stem: str) -> dict[str, float]:
    path = work_folder(out) / "benchmarks" / job / f"{stem}.tsv"
    return read_benchmark(path) if path.is_file() else {}


def _mvoxels(out: Path, pair: Pair, session: str) -> float:
    """Million voxels of a session's scan."""
    return float(np.prod(read_json(_session(out, pair, session) / "ingest.json")["shape"][:3])) / 1e6


def _session(out: Path, pair: Pair, session: str) -> Path:
    return work_folder(out) / f"sub-{pair.subject}" / f"ses-{session}"


def _megabytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file()) / 1e6


if __name__ == "__main__":
    main()
