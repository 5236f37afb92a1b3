"""What of a benchmark could not be computed, and why: from the files that are there and the ends of logs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from newlesions.benchmark import folders
from newlesions.benchmark.jobs import chain_of, session_of, training_jobs
from newlesions.benchmark.plan import Plan
from newlesions.benchmark.preparation import STEPS
from newlesions.cohort.step_logs import last_line
from newlesions.models import BOTH, NETWORKS, TREES
from newlesions.reasons import REASON, one_line

_OF_SESSION = {"bias": ("ingest", "bias"), "brain": ("brain",)}
_NO_REASON = "stopped without a reason in its log (out of memory, or killed)"
_LONGEST = 300


def failed_pairs(out: Path, plan: Plan) -> dict[str, str]:
    """The pairs that could not be prepared for some recipe, with the first reason; not those that were not reached."""
    found: dict[str, str] = {}
    for row in plan["pairs"]:
        for needed, logs in _preparations(plan, row):
            if all((out / path).is_file() for path in needed):
                continue
            if reason := _first_reason(out, logs):
                found.setdefault(row["pair"], _tidy(reason, out, row))
    return found


def failed_recipes(out: Path, plan: Plan) -> dict[str, str]:
    """The recipes that have no scores in some fold, with the first reason; not those that were not reached."""
    found: dict[str, str] = {}
    for entry in plan["entries"].values():
        if entry["recipe"] in found or (out / folders.scores_file(entry["recipe"], entry["fold"])).is_file():
            continue
        if reason := _first_reason(out, _logs_of(plan, entry)):
            found[entry["recipe"]] = _tidy(f"fold {entry['fold']}: {reason}", out)
    return found


def _preparations(plan: Plan, row: Mapping[str, str]) -> Iterator[tuple[list[str], list[tuple[str, str]]]]:
    """Of each way in which a pair is prepared: the files that are needed, and the logs that lead to them, by step."""
    subject, session = row["subject"], row["followup_session"]
    for key, kinds in _candidates(plan).items():
        chain = chain_of(plan, key)
        logs = []
        for step in STEPS:
            sessions = [row["baseline_session"], session] if step in _OF_SESSION else [session]
            names = _OF_SESSION.get(step, (step,))
            logs += [
                (name, folders.log_file(name, chain[step], session_of(row, one))) for name in names for one in sessions
            ]
        needed = [folders.session_file("candidates", key, subject, session, "change.nii.gz")]
        if kinds & {NETWORKS, BOTH}:
            needed.append(folders.session_file("candidates", key, subject, session, "case.npz"))
            logs.append(("case", folders.log_file("case", key, session_of(row))))
        yield needed, logs
    for key, job in plan["samples"].items():
        needed = [folders.learned_file("samples", key, subject, session, "samples.npz")]
        if job["seen"] is None:
            yield needed, [("sample", folders.log_file("sample", key, session_of(row)))]


def _candidates(plan: Plan) -> dict[str, set[str | None]]:
    """The kinds of the recipes that each preparation serves."""
    found: dict[str, set[str | None]] = {}
    for recipe in plan["recipes"].values():
        found.setdefault(recipe["prepared"]["candidates"], set()).add(recipe["kind"])
    return found


def _logs_of(plan: Plan, entry: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The logs of what leads to a recipe's scores in a fold, by step."""
    names = entry["recipe"], f"fold-{entry['fold']}"
    if entry["kind"] == folders.CONSENSUS:
        return [(step, folders.log_file(step, *names)) for step in ("moments", "fold_consensus")]
    networks = [plan["networks"][key] for key in entry["networks"]]
    logs = [("pace", folders.log_file("pace", job["pace_key"])) for job in networks if job["pace_key"]]
    logs += [(job[0], folders.log_file(*job)) for job in training_jobs(plan, entry)]
    if entry["kind"] in (TREES, NETWORKS, BOTH):
        logs.append(("fold_model", folders.log_file("fold_model", *names)))
    if entry["kind"] in (NETWORKS, BOTH):
        logs.append(("network", folders.log_file("network", *names)))
    return [*logs, ("fold_scores", folders.log_file("fold_scores", *names))]


def _first_reason(out: Path, logs: list[tuple[str, str]]) -> str:
    """Of the first log that does not end well; "" where all that there are do."""
    for step, name in logs:
        path = out / name
        if not path.is_file():
            continue
        last = last_line(path)
        if last.startswith(REASON):
            return f"{step}: {last.removeprefix(REASON)}"
        if not last.startswith(f"{step} took "):
            return f"{step}: {_NO_REASON}"
    return ""


def _tidy(reason: str, out: Path, row: Mapping[str, str] | None = None) -> str:
    """One line without the folders of this machine."""
    for value in (row or {}).values():
        if value.startswith("/"):
            reason = reason.replace(value, Path(value).name)
    for folder in {str(out.resolve()), str(out)} - {"."}:
        reason = reason.replace(f"{folder}/", "")
    reason = one_line(reason)
    return reason if len(reason) <= _LONGEST else reason[: _LONGEST - 1] + "…"
