"""Where a results folder holds what: the workflow writes there, and the cohort's table looks there."""

from __future__ import annotations

from pathlib import Path

from newlesions.cohort.pairs import Pair

STEPS = (
    "ingest", "bias", "brain", "halfway", "resample", "harmonise", "candidates", "finalise", "lesions", "evaluate",
    "report",
)  # fmt: skip
"""The steps of a pair in the order of the flow; the first three are steps of each session.

`evaluate` is a step of the pairs that have a reference.
"""

SCORE_DETAILS = ("additions", "empty_references", "lesions", "by_size", "by_region", "curves", "gone", "raters")
"""The tables in the folder `scores`, beside scores.tsv."""

SCORE_FIGURES = ("froc", "precision_recall")
"""The figures in the folder `scores`."""

_SESSION_STEPS = STEPS[:3]


def work_folder(out: Path) -> Path:
    """What is kept between steps: images, logs, benchmarks."""
    return out / "work"


def summary_file(out: Path, pair: Pair) -> Path:
    """The pair's row of newlesions.tsv, as JSON."""
    return work_folder(out) / f"sub-{pair.subject}" / f"ses-{pair.followup_session}" / "pair" / "summary.json"


def scores_file(out: Path, pair: Pair) -> Path:
    """The pair's scores against its reference, as JSON."""
    return summary_file(out, pair).with_name("scores.json")


def page_file(out: Path, pair: Pair) -> Path:
    """The pair's page."""
    return out / f"sub-{pair.subject}" / f"{pair.pair}.html"


def log_files(out: Path, pair: Pair) -> list[tuple[str, Path]]:
    """(step, log) of everything that leads to the pair's results, in the order of the flow, baseline first."""
    names = {
        "finalise": [f"{pair.pair}_since-{pair.baseline_session}"],
        **{step: [f"sub-{pair.subject}_ses-{pair.baseline_session}", pair.pair] for step in _SESSION_STEPS},
    }
    logs = work_folder(out) / "logs"
    steps = [step for step in STEPS if step != "evaluate" or pair.reference]
    return [(step, logs / step / f"{name}.log") for step in steps for name in names.get(step, [pair.pair])]


def cohort_files(out: Path) -> dict[str, Path]:
    """The files about the whole cohort, by the names that the step `table` gives them."""
    return {
        "table": out / "newlesions.tsv",
        "page": out / "index.html",
        "description": out / "dataset_description.json",
        "labels": out / "descriptions.tsv",
        "ignore": out / ".bidsignore",
        "citation_text": out / "CITATION.md",
        "provenance_record": out / "provenance.json",
        "complete": work_folder(out) / "complete.json",
    }


def score_files(out: Path) -> dict[str, Path]:
    """The files about the cohort's scores, by the names that the step `scores` gives them."""
    details = out / "scores"
    return {
        "table": out / "scores.tsv",
        **{name: details / f"{name}.tsv" for name in SCORE_DETAILS},
        **{name: details / f"{name}.svg" for name in SCORE_FIGURES},
    }
