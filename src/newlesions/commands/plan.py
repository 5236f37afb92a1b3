"""What a run would do: the jobs that Snakemake plans, counted, shard by shard and several shards at once."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from newlesions.cohort.pairs import Pair
from newlesions.commands.results_table import aligned
from newlesions.commands.workflow import snakemake_command
from newlesions.images.files import write_json

Part = int | str | None
"""A part of a run, as the setting ``part`` names it."""

TARGETS = ("default", "all")
"""Rules without work of their own that a run asks for."""

_COUNT = re.compile(r"(?P<job>\w+) +(?P<count>\d+)")
_NO_JOBS = (*TARGETS, "total")
"""Rows of Snakemake's table that no step belongs to."""
_MOST_AT_ONCE = 4
"""Plans at a time, each of a few hundred megabytes."""


@dataclass(frozen=True)
class Plan:
    """How many jobs of each name a part of a run has, and what Snakemake said; `fault`: why there is no plan."""

    jobs: Counter[str]
    said: str
    fault: str = ""


def plan_parts(
    args: argparse.Namespace, profile: Path, config: Mapping[str, Any], directory: Path, parts: Sequence[Part]
) -> list[Plan]:
    """Plan each of ``parts`` in the results folder ``directory``; nothing is run."""
    workers = min(_MOST_AT_ONCE, len(parts), len(os.sched_getaffinity(0)))
    with tempfile.TemporaryDirectory(prefix="newlesions-") as folder, ThreadPoolExecutor(workers) as pool:

        def plan(part: Part) -> Plan:
            path = Path(folder) / f"config-{part}.json"
            write_json(path, {**config, "part": part})
            return plan_of(snakemake_command(args, profile, path, directory), said_in_full=bool(args.snakemake))

        return list(pool.map(plan, parts))


def jobs_of_cohort(pairs: Sequence[Pair]) -> Counter[str]:
    """The jobs after those of all ``pairs``. While these are to come, what it is made of is not there to be planned."""
    return Counter(["table", *(["scores"] if any(pair.reference for pair in pairs) else [])])


def plan_text(jobs: Counter[str]) -> str:
    """The counts of jobs as a table."""
    if not jobs:
        return "nothing to be done"
    rows = [["job", "count"], *([name, str(count)] for name, count in sorted(jobs.items()))]
    return aligned([*rows, ["total", str(jobs.total())]])


def plan_of(words: Sequence[str], *, said_in_full: bool) -> Plan:
    """What Snakemake, called by ``words``, plans."""
    # Jobs that are told one by one cost a third of the time; the workflow tells how many there are all the same.
    quiet = ["rules"] if said_in_full else ["rules", "progress"]
    finished = subprocess.run([*words, "--dry-run", "--quiet", *quiet], capture_output=True, text=True, check=False)
    said = finished.stdout + finished.stderr
    if finished.returncode:
        return Plan(Counter(), said, said)
    # A plan that is told in full has the table twice.
    table = (_COUNT.fullmatch(line.strip()) for line in finished.stdout.splitlines())
    jobs = {match["job"]: int(match["count"]) for match in table if match and match["job"] not in _NO_JOBS}
    return Plan(Counter(jobs), said)
