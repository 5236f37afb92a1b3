"""A recipe on the pairs that it has not seen: lesions on the follow-ups' own grids, and their scores."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any

import numpy as np

from newlesions.cohort.outcome import WHY
from newlesions.detect.classes import GONE
from newlesions.errors import ConfigError, InputError
from newlesions.images.files import write_json
from newlesions.images.io import read_volume, write_volume
from newlesions.models import BOTH, NETWORKS
from newlesions.reasons import one_line
from newlesions.steps.decide import decide
from newlesions.steps.finalise import write_on_own_grid
from newlesions.steps.refine import refine
from newlesions.steps.working import read_working


def fold_scores(
    pairs: Sequence[Mapping[str, Any]],
    results: Path,
    scores: Path,
    judged: Path,
    kind: str | None,
    candidates: Mapping[str, Any],
    model: Path | None = None,
    bucket: Path | None = None,
) -> None:
    """Write the lesions and the scores of each pair; one that fails is recorded, the others go on.

    Parameters
    ----------
    pairs
        Of each: ``pair``, ``reference``, ``gone_reference`` ("" if absent), ``rater_masks``; ``files``, as in
        `pair_data.read_pair_data`, with ``probability`` (of the candidates) and ``flair`` (the follow-up as ingested);
        ``maps``, what its networks say (``rise``, ``fall``), where it has some; ``mask``, ``probseg`` and ``dseg``, the
        paths of what is written, in ``results``.
    results
        The folder for these.
    scores
        JSON: by pair the result of `evaluate_pair`, or ``{"failed": reason}``.
    judged
        JSON: by pair the seconds of CPU that it took to find its lesions, scores not counted.
    kind
        Of the model: trees, networks, both; None where the candidates are the result.
    candidates
        Their settings.
    model
        The description of the model (step `fold_model`).
    bucket
        What the networks tell of the pairs (step `network`).
    """
    results.mkdir(parents=True, exist_ok=True)
    write = partial(_write_lesions, kind=kind, candidates=candidates, model=model, bucket=bucket)
    rows, took = scores_by_pair(pairs, write)
    write_json(judged, took)
    write_json(scores, rows)


def scores_by_pair(
    pairs: Sequence[Mapping[str, Any]], write: Callable[[Mapping[str, Any]], None]
) -> tuple[dict[str, dict[str, Any]], dict[str, float]]:
    """By pair the scores of what ``write`` writes of it, or ``{"failed": reason}``, and the seconds of CPU that writing
    took; ``pairs`` as of `fold_scores`."""
    rows: dict[str, dict[str, Any]] = {}
    took: dict[str, float] = {}
    for pair in pairs:
        name = str(pair["pair"])
        began = process_time()
        try:
            write(pair)
            took[name] = round(process_time() - began, 3)
            rows[name] = _scored(pair)
        except (InputError, ConfigError) as error:
            rows[name] = {WHY: one_line(str(error))}
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this pair's alone, and its row tells it
            traceback.print_exception(error)
            rows[name] = {WHY: one_line(f"{type(error).__name__}: {error}")}
        print(f"{name}: {rows[name].get(WHY, 'scored')}", flush=True)  # noqa: T201 - the log is this step's output
    return rows, took


def _write_lesions(
    pair: Mapping[str, Any], kind: str | None, candidates: Mapping[str, Any], model: Path | None, bucket: Path | None
) -> None:
    files: dict[str, Any] = {name: Path(path) for name, path in pair["files"].items()}
    flair, probability = files.pop("flair"), files.pop("probability")
    with TemporaryDirectory(prefix="newlesions-") as folder:
        change = files["change"]
        if kind is not None and model is not None:
            change, probability = Path(folder) / "change.nii.gz", Path(folder) / "probability.nii.gz"
            told: dict[str, Any] = {
                "refined_change": change, "refined_probability": probability, "facts": Path(folder) / "facts.json",
                "model_files": [model], "digests": {}, "pair": str(pair["pair"]), "candidates": candidates,
            }  # fmt: skip
            if kind == NETWORKS and bucket is not None:
                decide(**told, bucket=bucket, **pair["maps"], **files)
            else:
                refine(**told, bucket=bucket if kind == BOTH else None, **pair["maps"], **files)
        space = read_working(files["working"])
        paths = {what: Path(pair[what]) for what in ("mask", "probseg", "dseg")}
        classes, signed = read_volume(change, dtype=np.uint8), read_volume(probability)
        write_on_own_grid(classes, signed, read_volume(flair).grid, space.working_from_followup, **paths)


def _scored(pair: Mapping[str, Any]) -> dict[str, Any]:
    from newlesions.evaluate.forms import json_form
    from newlesions.evaluate.pair import Inputs, evaluate_pair

    gone_reference = pair["gone_reference"]
    with TemporaryDirectory(prefix="newlesions-") as folder:
        gone = Path(folder) / "gone.nii.gz"
        if gone_reference:
            change = read_volume(Path(pair["dseg"]), dtype=np.uint8)
            write_volume(gone, change.with_data(change.data == GONE), level=1)
        inputs = Inputs(
            str(pair["pair"]),
            Path(pair["reference"]),
            Path(pair["mask"]),
            probability=Path(pair["probseg"]),
            gone_reference=Path(gone_reference) if gone_reference else None,
            gone_prediction=gone if gone_reference else None,
            raters={name: Path(path) for name, path in pair["rater_masks"].items()},
        )
        return json_form(evaluate_pair(inputs))
