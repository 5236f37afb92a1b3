"""What a pair's networks decide: from two maps of probability to classes of change. Files in, files out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from newlesions.detect.carry import Lesions, separate
from newlesions.detect.classes import KINDS
from newlesions.errors import InputError
from newlesions.images.files import read_json, write_json
from newlesions.images.io import read_volume, write_volume
from newlesions.images.volume import Volume
from newlesions.steps.pair_data import read_pair_data


def decide(
    pair: str,
    rise: Path | str,
    fall: Path | str,
    *,
    bucket: Path,
    model_files: Sequence[Path],
    refined_change: Path,
    refined_probability: Path,
    facts: Path,
    digests: Mapping[str, str],
    **files: Any,
) -> None:
    """Write what the networks find in a pair, in the form of the candidates.

    Parameters
    ----------
    pair
        Its id in ``bucket``.
    rise, fall
        What the step `network` wrote for the pair; absent where it failed.
    bucket
        That step's report.
    files
        As in `read_pair_data`.
    model_files
        The model's files, all in its folder or below; the first lies in it.
    refined_change, refined_probability
        The classes of change (uint8) and the signed probability (float32), on the working grid.
    facts
        What was looked at and found, the model's digests, and in ``lesions`` the kind and the mean probability of each
        lesion under the number ``id`` that it has in the pair's table.
    digests
        SHA-256 of the model's files by name.

    Raises
    ------
    InputError
        With the reason that ``bucket`` tells, if the networks failed on the pair.
    """
    from newlesions.detect.networks.decide import decide as apply
    from newlesions.detect.networks.model import NetworkModel

    row = row_of(bucket, pair)
    model = NetworkModel.read(model_files[0].parent)
    data = read_pair_data(**files)
    up, down = (read_volume(path).data for path in (rise, fall))
    predict = model.answer.predict
    images = data.before, data.after
    decided = apply(up, down, images, data.brain, data.spacing, predict, data.settings)
    write_volume(refined_change, Volume(decided.change, data.grid.affine))
    write_volume(refined_probability, Volume(decided.signed, data.grid.affine), level=1)
    lesions = separate(decided.change)
    write_json(
        facts,
        {
            "recipe": model.recipe,
            "threshold": predict.threshold,
            "accept": None,
            "looked_at_voxels": row["looked_at_voxels"],
            "proposed": decided.proposed,
            "accepted": sum(KINDS[code] in ("new", "enlarging") for code in lesions.kinds),
            "model": dict(digests),
            "lesions": _described(lesions, np.abs(decided.signed)),
        },
    )


def row_of(bucket: Path, pair: str) -> Mapping[str, Any]:
    """What the step `network` tells of a pair.

    Raises
    ------
    InputError
        With the reason, if the networks failed on it.
    """
    row = read_json(bucket)["pairs"].get(pair)
    if row is None:
        raise InputError(pair, f"nothing of it in {bucket.name}", "a bucket that holds the pair")
    if row["reason"] is not None:
        raise InputError(pair, f"that its networks failed ({row['reason']})", "their probabilities")
    return row


def _described(lesions: Lesions, probability: NDArray[np.float32]) -> list[dict[str, Any]]:
    count = len(lesions.kinds)
    flat = lesions.labels.ravel()
    sums = np.bincount(flat, weights=probability.ravel(), minlength=count + 1)[1:]
    sizes = np.bincount(flat, minlength=count + 1)[1:]
    return [
        {"id": number, "kind": KINDS[code], "probability": round(float(total / size), 4), "top": []}
        for number, (code, total, size) in enumerate(zip(lesions.kinds, sums, sizes, strict=True), start=1)
    ]
