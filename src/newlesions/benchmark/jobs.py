"""The jobs of a plan, by the names that `folders.log_file` and `folders.cost_file` take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from newlesions.benchmark.plan import Plan
from newlesions.benchmark.preparation import STEPS

Job = tuple[str, ...]


def chain_of(plan: Plan, candidates: str) -> dict[str, str]:
    """The keys of the steps of a preparation, from that of its candidates."""
    found, key = {}, candidates
    for step in reversed(STEPS):
        found[step] = key
        key = plan["steps"][step][key]["before"]
    return found


def training_jobs(plan: Plan, entry: Mapping[str, Any]) -> list[Job]:
    """The jobs that made the model of a recipe in a fold, in their order."""
    jobs: list[Job] = [("fit_network", key) for key in entry["networks"]]
    if entry["trees"]:
        job = plan["trees"][entry["trees"]]
        rows = {row["pair"]: row for row in plan["pairs"]}
        samples = job["samples"]
        for step, key in (("network_seen", plan["samples"][samples]["seen"]), ("sample", samples)):
            named = [session_of(rows[pair]) for pair in job["pairs"]] if key else []
            jobs += [(step, key, name) for name in named]
        jobs.append(("fit", entry["trees"]))
    return jobs


def session_of(row: Mapping[str, str], session: str | None = None) -> str:
    """How jobs call a pair of the plan, or one of its sessions."""
    return f"sub-{row['subject']}_ses-{session or row['followup_session']}"
