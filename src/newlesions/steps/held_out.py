"""A model's scores on a pair of a subject that it has not seen: files in, one file out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from newlesions.images.files import write_json
from newlesions.steps.pair_data import read_pair_data, read_truth


def held_out(
    pair: str,
    subject: str,
    reference: str,
    *,
    working: Path,
    flair: Path,
    model_folder: Path,
    row: Path,
    **files: Any,
) -> None:
    """Write the pair's scores on the working grid; null where one is not defined.

    Parameters
    ----------
    pair, subject, reference, flair
        As in the step `sample`.
    working, files
        As in `read_pair_data`.
    model_folder
        The model of the fold that leaves the subject out.
    row
        The result, JSON.
    """
    from newlesions.detect.refinement.model import Model
    from newlesions.learn.boosting.held_out import held_out as score

    data = read_pair_data(working=working, **files)
    truth = read_truth(Path(reference), flair, working, data.grid)
    scores = score(data, truth, Model.read(model_folder), pair, subject)
    write_row(row, scores)


def write_row(path: Path, scores: Mapping[str, Any]) -> None:
    """Write the scores of a pair as JSON; null for those that are not finite."""
    write_json(path, {name: _plain(value) for name, value in scores.items()})


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
