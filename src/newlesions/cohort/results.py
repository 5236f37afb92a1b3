"""Where a results folder holds what: the workflow writes there, and the cohort's table looks there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from newlesions.cohort.pairs import Pair
from newlesions.cohort.shards import buckets_in, shards_of
from newlesions.models import BOTH, NETWORKS, TREES, kind_of

STEPS = (
    "ingest", "bias", "brain", "halfway", "resample", "harmonise", "candidates", "refine", "finalise", "lesions",
    "evaluate", "report",
)  # fmt: skip
"""The steps of a pair in the order of the flow; the first three are steps of each session.

`refine` is a step of runs with a model, `evaluate` one of the pairs that have a reference.
"""

PREPARING_STEPS = STEPS[: STEPS.index("refine")]
"""The steps of a pair before a model comes in."""

TRAINING_STEPS = (*PREPARING_STEPS, "sample")
"""The steps of a pair that a model is trained on. `fit`, `held_out` and `assemble` follow, which are no pair's."""

NETWORK_TRAINING_STEPS = (*PREPARING_STEPS, "case")
"""The same where the model is made of networks. `fit_network` and `assemble_networks` are no pair's."""

NETWORK_STEPS = ("network", "decide")
"""What stands in the place of `refine` where the model is made of networks; the first is a step of many pairs."""

LAST_STEPS = STEPS[STEPS.index("refine") + 1 :]
"""The steps that make what a pair publishes. They need what stands before them, but not always one another."""

SCORE_DETAILS = ("additions", "empty_references", "lesions", "by_size", "by_region", "curves", "gone", "raters")
"""The tables in the folder `scores`, beside scores.tsv."""

SCORE_FIGURES = ("froc", "precision_recall")
"""The figures in the folder `scores`."""

DIGEST_LIST = "sha256sums.txt"
"""The digests of every published file but the pairs table, which tells where the scans lie, and provenance.json."""

SESSION_STEPS = STEPS[:3]
"""The steps of each session."""


def work_folder(out: Path) -> Path:
    """What is kept between steps: images, logs, benchmarks."""
    return out / "work"


def lock_file(out: Path) -> Path:
    """What a run holds while it is at work."""
    return work_folder(out) / ".run.lock"


def config_file(out: Path) -> Path:
    """The configuration of the last run, which writes it when it has read its scans and begins."""
    return work_folder(out) / "config.json"


def run_log(out: Path, part: str = "") -> Path:
    """What the workflow said in the last run; ``part`` names its shard, or what it did after the first go."""
    return work_folder(out) / "logs" / f"run{part and '-'}{part}.log"


def run_logs(out: Path) -> list[Path]:
    """All that there are of `run_log`, of this run and of earlier ones, the oldest first."""
    return sorted((work_folder(out) / "logs").glob("run*.log"), key=lambda path: path.stat().st_mtime_ns)


def scans_file(out: Path) -> Path:
    """The digests of the scans of the last run, by their paths on this machine."""
    return work_folder(out) / "scans.json"


def summary_file(out: Path, pair: Pair) -> Path:
    """The pair's row of newlesions.tsv, as JSON."""
    return work_folder(out) / f"sub-{pair.subject}" / f"ses-{pair.followup_session}" / "pair" / "summary.json"


def scores_file(out: Path, pair: Pair) -> Path:
    """The pair's scores against its reference, as JSON."""
    return summary_file(out, pair).with_name("scores.json")


def lesions_file(out: Path, pair: Pair) -> Path:
    """The pair's lesion table."""
    folder = out / f"sub-{pair.subject}" / f"ses-{pair.followup_session}" / "anat"
    return folder / f"{pair.pair}_desc-lesions_table.tsv"


def samples_file(out: Path, pair: Pair) -> Path:
    """What a classifier learns from the pair."""
    return summary_file(out, pair).with_name("samples.npz")


def case_file(out: Path, pair: Pair) -> Path:
    """What networks learn from the pair."""
    return summary_file(out, pair).with_name("case.npz")


def change_file(out: Path, pair: Pair) -> Path:
    """The candidates of the pair, which are all that the steps after them need of its preparation."""
    return summary_file(out, pair).with_name("change.nii.gz")


def anat_file(out: Path, pair: Pair, rest: str) -> Path:
    """A published file in the follow-up's folder, by what its name has after the pair's id."""
    folder = out / f"sub-{pair.subject}" / f"ses-{pair.followup_session}" / "anat"
    return folder / f"{pair.pair}_{rest}"


def labels_file(out: Path, pair: Pair) -> Path:
    """The classes of change on the follow-up's own grid."""
    return anat_file(out, pair, f"space-orig_label-lesion_desc-changeSince{pair.baseline_session}_dseg.nii.gz")


def page_file(out: Path, pair: Pair) -> Path:
    """The pair's page."""
    return out / f"sub-{pair.subject}" / f"{pair.pair}.html"


def change_labels_file(out: Path, pair: Pair) -> Path:
    """The kinds of changed lesions on the follow-up's own grid."""
    name = f"{pair.pair}_space-orig_label-lesion_desc-changeSince{pair.baseline_session}_dseg.nii.gz"
    return out / f"sub-{pair.subject}" / f"ses-{pair.followup_session}" / "anat" / name


def run_steps(kind: str | None) -> tuple[str, ...]:
    """The steps of a run with a model of this kind, or without one."""
    judged = {None: (), NETWORKS: NETWORK_STEPS, TREES: ("refine",), BOTH: ("network", "refine")}[kind]
    return (*PREPARING_STEPS, *judged, *LAST_STEPS)


def flow_of(settings: Mapping[str, Any], pairs: Sequence[Pair]) -> tuple[tuple[str, ...], dict[str, str]]:
    """The steps of a run with ``settings``, and the bucket of each of its pairs."""
    buckets = buckets_in(shards_of(pairs, settings["shard"]), settings["networks"]["bucket"])
    return run_steps(kind_of(settings["refine"]["model"])), buckets


def log_files(out: Path, pair: Pair, steps: Sequence[str] = STEPS, bucket: str = "") -> list[tuple[str, Path]]:
    """(step, log) of everything that leads to the pair's results, in the order of the flow, baseline first.

    ``bucket`` is the pair's, where the run has networks.
    """
    names = {
        "network": [bucket] if bucket else [],
        "finalise": [f"{pair.pair}_since-{pair.baseline_session}"],
        **{step: [f"sub-{pair.subject}_ses-{pair.baseline_session}", pair.pair] for step in SESSION_STEPS},
    }
    logs = work_folder(out) / "logs"
    taken = [step for step in steps if step != "evaluate" or pair.reference]
    return [(step, logs / step / f"{name}.log") for step in taken for name in names.get(step, [pair.pair])]


def cohort_files(out: Path) -> dict[str, Path]:
    """The files about the whole cohort, by the names that the step `table` gives them."""
    return {
        "table": out / "newlesions.tsv",
        "quality": out / "group_quality.tsv",
        "quality_columns": out / "group_quality.json",
        "page": out / "index.html",
        "description": out / "dataset_description.json",
        "labels": out / "descriptions.tsv",
        "ignore": out / ".bidsignore",
        "citation_text": out / "CITATION.md",
        "provenance_record": out / "provenance.json",
        "digest_list": out / DIGEST_LIST,
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
