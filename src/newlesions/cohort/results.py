"""Where a results folder holds what: the workflow writes there, and the cohort's table looks there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from newlesions.cohort.pairs import Pair

STEPS = (
    "ingest", "bias", "brain", "halfway", "resample", "harmonise", "candidates", "refine", "finalise", "lesions",
    "evaluate", "report",
)  # fmt: skip
"""The steps of a pair in the order of the flow; the first three are steps of each session.

`refine` is a step of runs with a model, `evaluate` one of the pairs that have a reference.
"""

TRAINING_STEPS = (*STEPS[: STEPS.index("refine")], "sample")
"""The steps of a pair that a model is trained on. `fit`, `held_out` and `assemble` follow, which are no pair's."""

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


def samples_file(out: Path, pair: Pair) -> Path:
    """What a classifier learns from the pair."""
    return summary_file(out, pair).with_name("samples.npz")


def page_file(out: Path, pair: Pair) -> Path:
    """The pair's page."""
    return out / f"sub-{pair.subject}" / f"{pair.pair}.html"


def run_steps(model: str | None) -> tuple[str, ...]:
    """The steps of a run with this model, or without one."""
    return STEPS if model else tuple(step for step in STEPS if step != "refine")


def log_files(out: Path, pair: Pair, steps: Sequence[str] = STEPS) -> list[tuple[str, Path]]:
    """(step, log) of everything that leads to the pair's results, in the order of the flow, baseline first."""
    names = {
        "finalise": [f"{pair.pair}_since-{pair.baseline_session}"],
        **{step: [f"sub-{pair.subject}_ses-{pair.baseline_session}", pair.pair] for step in _SESSION_STEPS},
    }
    logs = work_folder(out) / "logs"
    taken = [step for step in steps if step != "evaluate" or pair.reference]
    return [(step, logs / step / f"{name}.log") for step in taken for name in names.get(step, [pair.pair])]


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


def model_files(out: Path) -> dict[str, Path]:
    """The files of a trained model whose names are always the same, by the names that the step `assemble` gives them.

    The classifiers themselves lie beside them; model.json, written last, names them.
    """
    return {
        "model_out": out / "model.json",
        "recipe_out": out / "recipe.yaml",
        "held_out_table": out / "held_out.tsv",
        "card_out": out / "card.md",
    }


def score_files(out: Path) -> dict[str, Path]:
    """The files about the cohort's scores, by the names that the step `scores` gives them."""
    details = out / "scores"
    return {
        "table": out / "scores.tsv",
        **{name: details / f"{name}.tsv" for name in SCORE_DETAILS},
        **{name: details / f"{name}.svg" for name in SCORE_FIGURES},
    }
