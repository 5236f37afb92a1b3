"""Jobs of several steps: a cheap step runs in the job of its neighbour, and keeps its own function, log and reason.

A job costs what its steps do not: a process, libraries that are imported, and its place in the workflow's plan. Steps
that cost more than that, or that something else may come between, have jobs of their own, of their own name.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from newlesions.steps.adapter import run_step

CHAINS: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "bias": {
        "ingest": {"scan": "scan", "flair_out": "flair", "report_out": "report"},
        "bias": {"flair": "flair", "bias": "bias", "field": "field"},
    },
    "harmonise": {
        "resample": {
            "baseline": "baseline",
            "followup": "followup",
            "baseline_brain": "baseline_brain",
            "followup_brain": "followup_brain",
            "halfway": "halfway",
            "resampled_baseline": "resampled_baseline",
            "resampled_followup": "resampled_followup",
            "brain": "brain",
            "working": "working",
        },
        "harmonise": {
            "baseline": "resampled_baseline",
            "followup": "resampled_followup",
            "brain": "brain",
            "harmonised_baseline": "harmonised_baseline",
            "harmonised_followup": "harmonised_followup",
            "facts": "facts",
        },
    },
    "report": {
        "lesions": {
            "change": "change",
            "probability": "probability",
            "baseline": "baseline",
            "followup": "followup",
            "brain": "brain",
            "halfway": "halfway",
            "working": "working",
            "flair": "flair",
            "followup_brain": "followup_brain",
            "baseline_brain_facts": "baseline_brain_facts",
            "followup_brain_facts": "followup_brain_facts",
            "baseline_report": "baseline_report",
            "followup_report": "followup_report",
            "candidates_facts": "candidates",
            "harmonise_facts": "harmonise",
            "lesions": "lesions",
            "lesions_sidecar": "lesions_sidecar",
            "brain_mask": "brain_mask",
            "brain_mask_sidecar": "brain_mask_sidecar",
            "preproc": "preproc",
            "preproc_sidecar": "preproc_sidecar",
            "xfm": "xfm",
            "mni_xfm": "mni_xfm",
            "summary": "summary",
        },
        "evaluate": {
            "mask": "mask",
            "probseg": "probseg",
            "dseg": "dseg",
            "brain_mask": "brain_mask",
            "preproc": "preproc",
            "halfway": "halfway",
            "scores": "scores",
        },
        "report": {
            "baseline": "baseline",
            "followup": "followup",
            "change": "change",
            "probability": "probability",
            "brain": "brain",
            "halfway": "halfway",
            "working": "working",
            "harmonise": "harmonise",
            "candidates": "candidates",
            "refine": "refine",
            "baseline_field": "baseline_field",
            "followup_field": "followup_field",
            "lesions": "lesions",
            "summary": "summary",
            "scores": "scores",
            "baseline_ingest": "baseline_report",
            "followup_ingest": "followup_report",
            "reference": "reference",
            "out_html": "out_html",
        },
    },
}
"""The steps of each job that has several, in their order: the files of the job by the steps' names for them."""


def steps_of(job: str) -> tuple[str, ...]:
    """The steps of a job in their order: those in `CHAINS`, or the only one, of the job's name."""
    return tuple(CHAINS.get(job, (job,)))


def job_of(step: str) -> str:
    """The job in which ``step`` runs.

    >>> job_of("ingest"), job_of("brain")
    ('bias', 'brain')
    """
    return next((job for job, steps in CHAINS.items() if step in steps), step)


def run_job(
    job: str,
    inputs: Mapping[str, Any],
    outputs: Mapping[str, Any],
    params: Mapping[str, Any],
    logs: Mapping[str, Path | str],
) -> int:
    """Run the steps of a job one after the other, up to the first that cannot use its input.

    Parameters
    ----------
    job
        A name in `CHAINS`, or that of the job's only step.
    inputs, outputs
        The job's files by name, as in `run_step`.
    params
        The arguments of each step by the step's name; those of an only step themselves.
    logs
        The log of each step by the step's name. They are removed first: what a log says is of this job.

    Returns
    -------
    int
        0, or 1 if a step found its input unusable.
    """
    for log in logs.values():
        Path(log).unlink(missing_ok=True)
    if job not in CHAINS:
        return run_step(job, inputs, outputs, params, logs[job])
    given, missing = dict(inputs), dict(outputs)
    for step, names in CHAINS[job].items():
        taken = {argument: given[name] for argument, name in names.items() if name in given}
        made = {argument: missing[name] for argument, name in names.items() if name in missing}
        if code := run_step(step, taken, made, params[step], logs[step]):
            return code
        # What this step made is an input of the later ones.
        given |= {name: missing.pop(name) for name in names.values() if name in missing}
    return 0
