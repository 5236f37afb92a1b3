"""What recipes cost: time and memory of their jobs as the workflow measured them, each counted for all it serves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from newlesions.benchmark import folders
from newlesions.benchmark.jobs import chain_of, session_of, training_jobs
from newlesions.benchmark.plan import Plan
from newlesions.images.files import read_json
from newlesions.report.tables import number, read_rows

_OF_SESSION = ("bias", "brain")


@dataclass(frozen=True)
class Cost:
    """What one recipe costs by itself, whatever it shares with others; None where nothing was measured.

    Attributes
    ----------
    prepare_cpu_s, apply_cpu_s
        CPU seconds for a pair: to prepare it, and to find its lesions after that.
    networks, parameters
        Networks trained for one model, and their weights together.
    steps
        Optimiser steps of the networks of one model, by stage.
    train_cpu_min, train_min
        Minutes of CPU, and by the clock, to train one model: means over the folds.
    memory_mb
        The most memory that a training or an application held.
    """

    prepare_cpu_s: float | None
    networks: int
    parameters: int | None
    steps: str
    train_cpu_min: float | None
    train_min: float | None
    apply_cpu_s: float | None
    memory_mb: float | None


def cost_of(out: Path, plan: Plan, recipe: str) -> Cost:
    """The cost of a recipe whose folds are all done; of a consensus, with that of all that it fuses."""
    own = [entry for entry in plan["entries"].values() if entry["recipe"] == recipe]
    names = [recipe, *own[0].get("of", [])]
    entries = [entry for entry in plan["entries"].values() if entry["recipe"] in names]
    trained = dict.fromkeys((entry["fold"], job) for entry in entries for job in training_jobs(plan, entry))
    files = [out / folders.cost_file(*job) for _, job in trained]
    applied = [out / folders.cost_file("network", entry["recipe"], f"fold-{entry['fold']}") for entry in entries]
    fused = [out / folders.cost_file("fold_consensus", recipe, f"fold-{entry['fold']}") for entry in own]
    keys = dict.fromkeys(key for entry in entries if entry["fold"] == own[0]["fold"] for key in entry["networks"])
    facts = [_facts(out, key) for key in keys]
    sizes = [one["parameters"] for one in facts if "parameters" in one]
    spent = [seconds for entry in entries for seconds in _judged(out, entry)]
    networks = [seconds for path in applied if (seconds := _value(path, "cpu_time")) is not None]
    pairs = sum(len(entry["pairs"]) for entry in own)
    held = [value for path in [*files, *applied, *fused] if (value := _value(path, "max_rss")) is not None]
    return Cost(
        _prepared(out, plan, [name for name in names if name in plan["recipes"]]),
        len(facts),
        sum(sizes) if sizes and len(sizes) == len(facts) else None,
        _steps(zip((plan["networks"][key]["stage"] for key in keys), facts, strict=True)) if len(names) == 1 else "",
        _minutes(files, "cpu_time", len(own)) if files else None,
        _minutes(files, "s", len(own)) if files else None,
        (sum(spent) + sum(networks)) / pairs if pairs and spent else None,
        max(held, default=None),
    )


def _prepared(out: Path, plan: Plan, recipes: Iterable[str]) -> float | None:
    """CPU seconds to prepare a pair, its two sessions included, for all of these recipes."""
    chains = [chain_of(plan, plan["recipes"][name]["prepared"]["candidates"]) for name in recipes]
    steps = dict.fromkeys(step for chain in chains for step in chain.items())
    rows = [row for row in plan["pairs"] if row["fold"]]
    total, known = 0.0, True
    for row in rows:
        for step, key in steps:
            sessions = [row["baseline_session"], row["followup_session"]] if step in _OF_SESSION else [
                row["followup_session"]]  # fmt: skip
            for session in sessions:
                path = out / folders.cost_file(step, key, session_of(row, session))
                value = _value(path, "cpu_time")
                known = known and value is not None
                total += value or 0.0
    return total / len(rows) if rows and known else None


def _judged(out: Path, entry: Mapping[str, Any]) -> list[float]:
    path = out / folders.judged_file(entry["recipe"], entry["fold"])
    return [float(value) for value in read_json(path).values()] if path.is_file() else []


def _facts(out: Path, key: str) -> dict[str, Any]:
    path = out / folders.network_folder(key) / "facts.json"
    return dict(read_json(path)) if path.is_file() else {}


def _steps(facts: Iterable[tuple[str, Mapping[str, Any]]]) -> str:
    """``lesions 120, new 80-90``."""
    by_stage: dict[str, list[int]] = {}
    for stage, one in facts:
        if "steps" in one:
            by_stage.setdefault(stage, []).append(int(one["steps"]))
    return ", ".join(
        f"{stage} {min(some)}" + (f"-{max(some)}" if max(some) > min(some) else "") for stage, some in by_stage.items()
    )


def _minutes(files: Iterable[Path], column: str, folds: int) -> float | None:
    values = [_value(path, column) for path in files]
    if any(value is None for value in values):
        return None
    return sum(value or 0.0 for value in values) / 60 / folds


def _value(path: Path, column: str) -> float | None:
    """What the workflow measured of a job; None where it did not, as for a job of less than a moment."""
    rows = read_rows(path) if path.is_file() else []
    return number(rows[-1].get(column)) if rows else None
