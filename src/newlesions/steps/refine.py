"""The classifier over a pair's candidates: files in, files out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from newlesions.detect.carry import Lesions, separate
from newlesions.detect.classes import KINDS
from newlesions.images.files import write_json
from newlesions.images.io import write_volume
from newlesions.images.volume import Volume
from newlesions.steps.decide import row_of
from newlesions.steps.pair_data import read_pair_data


def refine(
    model_files: Sequence[Path],
    refined_change: Path,
    refined_probability: Path,
    facts: Path,
    digests: Mapping[str, str],
    pair: str = "",
    bucket: Path | None = None,
    **files: Any,
) -> None:
    """Write what a trained classifier makes of the candidates, in their form, and why.

    Parameters
    ----------
    files
        As in `read_pair_data`; ``rise`` and ``fall`` where the recipe has a network.
    model_files
        The model's files, all in its folder.
    refined_change, refined_probability
        The classes of change (uint8) and the signed probability (float32), on the working grid.
    facts
        What was looked at and found, the model's digests, and in ``lesions`` one explanation per lesion under the
        number ``id`` that the lesion has in the pair's table.
    digests
        SHA-256 of the model's files by name.
    pair, bucket
        Where the recipe has a network, as in the step `decide`.

    Raises
    ------
    InputError
        With the reason that ``bucket`` tells, if the network failed on the pair.
    """
    from newlesions.detect.refinement.apply import refine as apply
    from newlesions.detect.refinement.model import Model

    if bucket is not None:
        row_of(bucket, pair)
    data = read_pair_data(**files)
    refined = apply(data, Model.read(model_files[0].parent))
    write_volume(refined_change, Volume(refined.change, data.grid.affine))
    write_volume(refined_probability, Volume(refined.signed, data.grid.affine), level=1)
    lesions = _numbered(refined.lesions, separate(refined.change))
    write_json(facts, {**refined.facts, "model": dict(digests), "lesions": lesions})


def _numbered(explanations: Sequence[Mapping[str, Any]], lesions: Lesions) -> list[dict[str, Any]]:
    """The explanations with the lesions' numbers, in their order.

    Each belongs to the lesion of its kind with the nearest centre: the same one, but where two that touch are one
    lesion in the map of classes. That one then has the explanation of the more probable part.
    """
    centres = _centres(lesions)
    numbered: dict[int, dict[str, Any]] = {}
    for item in sorted(explanations, key=lambda one: -one["probability"]):
        same = [n for n, code in enumerate(lesions.kinds) if KINDS[code] == item["kind"]]
        if not same:
            continue
        distances = np.linalg.norm(centres[same] - np.asarray(item["centre"]), axis=1)
        number = same[int(distances.argmin())] + 1
        numbered.setdefault(number, {"id": number, **{key: item[key] for key in ("kind", "probability", "top")}})
    return [numbered[number] for number in sorted(numbered)]


def _centres(lesions: Lesions) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Centroids in voxels, shape (n, 3)."""
    at = np.nonzero(lesions.labels)
    labels = lesions.labels[at]
    sizes = np.bincount(labels, minlength=len(lesions.kinds) + 1)[1:]
    sums = [np.bincount(labels, weights=axis, minlength=len(lesions.kinds) + 1)[1:] for axis in at]
    return np.stack(sums, axis=-1) / sizes[:, None]
