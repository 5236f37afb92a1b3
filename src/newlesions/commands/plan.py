"""What a run would do: the jobs that Snakemake plans, counted, shard by shard and several shards at once.

Of subjects of which nothing was made yet, one of each shape is planned, and counted for all of them.
"""

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

from newlesions.cohort.alike import Shape, by_subject, shape_of, untouched
from newlesions.cohort.pairs import Pair
from newlesions.cohort.pairs_table import write_pairs
from newlesions.cohort.shards import COHORT
from newlesions.commands.results_table import aligned
from newlesions.commands.workflow import snakemake_command
from newlesions.images.files import write_json

Part = int | str | None
"""A part of a run, as the setting ``part`` names it."""

TARGETS = ("default", "all")
"""Rules without work of their own that a run asks for."""

NOTHING = "nothing to be done"

_COUNT = re.compile(r"(?P<job>\w+) +(?P<count>\d+)")
_NO_JOBS = (*TARGETS, "total")
"""Rows of Snakemake's table that no step belongs to."""
_MOST_AT_ONCE = 4
"""Plans at a time, each of a few hundred megabytes."""

_COMMON = 100
"""Pairs of a shape from which on one plan for all is quicker than theirs: Snakemake takes as long to start."""
_OF_COHORT = ("table", "scores")
_OF_BUCKET = "network"


@dataclass(frozen=True)
class Plan:
    """How many jobs of each name a part of a run has, and what Snakemake said; `fault`: why there is no plan."""

    jobs: Counter[str]
    said: str
    fault: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to be done."""
        return not self.jobs and not self.fault


def plan_parts(
    args: argparse.Namespace,
    profile: Path,
    config: Mapping[str, Any],
    directory: Path,
    parts: Mapping[Part, Sequence[Pair]],
    buckets: Mapping[str, str],
) -> dict[Part, Plan]:
    """Plan each of ``parts``, which have their pairs, in the results folder ``directory``; nothing is run.

    ``config`` names the pairs that are left aside as ``failed``, and ``buckets`` the bucket of each pair where networks
    look at buckets of them.
    """
    workers = min(_MOST_AT_ONCE, len(os.sched_getaffinity(0)))
    with tempfile.TemporaryDirectory(prefix="newlesions-") as folder, ThreadPoolExecutor(workers) as pool:

        def planned(name: str, changed: Mapping[str, Any]) -> Plan:
            path = Path(folder) / f"config-{name}.json"
            write_json(path, {**config, **changed})
            return plan_of(snakemake_command(args, profile, path, directory), said_in_full=bool(args.snakemake))

        def of_shape(number: int, rows: Sequence[Pair]) -> Plan:
            table = Path(folder) / f"pairs-{number}.tsv"
            write_pairs(table, rows)
            return planned(f"shape-{number}", {"pairs": str(table), "part": None, "failed": []})

        left_aside = set(config["failed"])
        common = {} if args.snakemake else _common_shapes(directory, parts, left_aside, coupled=bool(buckets))
        one_of_each = {shape: subjects[0] for shape, subjects in common.items()}
        counted = {row.pair for subjects in common.values() for rows in subjects for row in rows}
        shapes = list(pool.map(of_shape, range(len(one_of_each)), one_of_each.values()))
        by_shape = dict(zip(one_of_each, shapes, strict=True))

        def of_part(part: Part) -> Plan:
            pairs = parts[part]
            rest = [pair for pair in pairs if pair.pair not in counted | left_aside]
            plan = Plan(Counter(), "")
            if rest or part == COHORT:
                aside = sorted(left_aside | {pair.pair for pair in pairs if pair.pair in counted})
                plan = planned(str(part), {"part": part, "failed": aside})
            return _with_counted(plan, part, [pair for pair in pairs if pair.pair in counted], by_shape, buckets)

        return dict(zip(parts, pool.map(of_part, parts), strict=True))


def jobs_of_cohort(pairs: Sequence[Pair]) -> Counter[str]:
    """The jobs after those of all ``pairs``. While these are to come, what it is made of is not there to be planned."""
    return Counter(["table", *(["scores"] if any(pair.reference for pair in pairs) else [])])


def plan_text(jobs: Counter[str]) -> str:
    """The counts of jobs as a table."""
    if not jobs:
        return NOTHING
    rows = [["job", "count"], *([name, str(count)] for name, count in sorted(jobs.items()))]
    return aligned([*rows, ["total", str(jobs.total())]])


def _common_shapes(
    directory: Path, parts: Mapping[Part, Sequence[Pair]], aside: set[str], *, coupled: bool
) -> dict[Shape, list[list[Pair]]]:
    """The subjects that need no plan of their own, by their shape.

    Where pairs are ``coupled`` by the buckets that they share, a new one makes others of its bucket be done again: all
    subjects of the cohort must then be such ones, or none is.
    """
    subjects = by_subject(pair for part, pairs in parts.items() if part != COHORT for pair in pairs)
    new = untouched(directory, subjects)
    shapes: dict[Shape, list[list[Pair]]] = {}
    for subject, rows in subjects.items():
        if subject in new and not any(row.pair in aside for row in rows):
            shapes.setdefault(shape_of(rows), []).append(rows)
    common = {shape: found for shape, found in shapes.items() if sum(map(len, found)) >= _COMMON}
    if coupled and sum(map(len, common.values())) < len(subjects):
        return {}
    return common


def _with_counted(
    plan: Plan, part: Part, pairs: Sequence[Pair], by_shape: Mapping[Shape, Plan], buckets: Mapping[str, str]
) -> Plan:
    """The ``plan`` of a part's other pairs and, after their shapes, that of ``pairs`` which it leaves out."""
    if plan.fault or not pairs:
        return plan
    jobs = Counter(plan.jobs)
    for rows in by_subject(pairs).values():
        alike = by_shape[shape_of(rows)]
        if alike.fault:
            return alike
        jobs += Counter({name: count for name, count in alike.jobs.items() if name not in (*_OF_COHORT, _OF_BUCKET)})
    if buckets:
        jobs[_OF_BUCKET] += len({buckets[pair.pair] for pair in pairs})
    if part is None:
        jobs |= jobs_of_cohort(pairs)
    return Plan(jobs, plan.said)


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
