"""What a run would do: the jobs that Snakemake plans, counted."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Sequence

from newlesions.commands.results_table import aligned

_COUNT = re.compile(r"(?P<job>\w+) +(?P<count>\d+)")
_TARGETS = ("default", "all", "total")
"""Rows of Snakemake's table that no step belongs to."""


def count_jobs(words: Sequence[str]) -> tuple[Counter[str], subprocess.CompletedProcess[str]]:
    """The number of jobs of each name that a Snakemake command would run, and how its planning ended."""
    # Jobs that are told one by one cost a third of the time; the workflow tells how many there are all the same.
    finished = subprocess.run(
        [*words, "--dry-run", "--quiet", "rules", "progress"], capture_output=True, text=True, check=False
    )
    found = (_COUNT.fullmatch(line.strip()) for line in finished.stdout.splitlines())
    jobs = Counter({match["job"]: int(match["count"]) for match in found if match})
    return Counter({name: count for name, count in jobs.items() if name not in _TARGETS}), finished


def plan_text(jobs: Counter[str]) -> str:
    """The counts of jobs as a table."""
    if not jobs:
        return "nothing to be done"
    rows = [["job", "count"], *([name, str(count)] for name, count in sorted(jobs.items()))]
    return aligned([*rows, ["total", str(jobs.total())]])
