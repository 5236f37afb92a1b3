"""What a map of probabilities gives at each threshold, and where the written mask stands among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from newlesions.evaluate.masks import LabelImage
from newlesions.evaluate.measures import Comparison

OPERATING_POINT = "mask"
"""Stands in place of a threshold in the row of the written mask."""

CURVE_COLUMNS = (
    "threshold",
    "true_voxels",
    "predicted_voxels",
    "reference_voxels",
    "found",
    "reference",
    "true",
    "predicted",
)

LEVELS = (0.01, *(round(0.05 * n, 2) for n in range(1, 20)), 0.99)


def curve_rows(
    reference: LabelImage,
    probability: NDArray[np.floating[Any]] | None,
    operating_point: Comparison,
    levels: Sequence[float] = LEVELS,
) -> list[dict[str, Any]]:
    """One row per threshold, ascending, and one of the written mask, with the keys `CURVE_COLUMNS`.

    Parameters
    ----------
    reference
        What is right.
    probability
        Shape of the reference; voxels of at least the threshold are lesion. None gives the written mask's row alone.
    operating_point
        The written mask beside the reference.
    levels
        The thresholds.

    Returns
    -------
    list
        Voxels of the prediction, of the reference and of both; the reference's lesions and how many of them are found;
        the prediction's lesions and how many of them are true, by the tool's rule.
    """
    operating_row = _row(OPERATING_POINT, operating_point)
    if probability is None:
        return [operating_row]
    thresholds, truth = operating_point.thresholds, reference.binary()
    return [
        *(_row(level, Comparison(truth, _mask(probability, level, truth), thresholds)) for level in sorted(levels)),
        operating_row,
    ]


def _mask(probability: NDArray[np.floating[Any]], level: float, like: LabelImage) -> LabelImage:
    """What reaches ``level``; said to hold two values even where that is every voxel, which is no empty mask here."""
    return replace(like, labels=np.asarray(probability >= level).view(np.uint8), distinct=2)


def _row(threshold: float | str, comparison: Comparison) -> dict[str, Any]:
    voxels, detection = comparison.voxels, comparison.detection
    return {
        "threshold": threshold,
        "true_voxels": voxels.same,
        "predicted_voxels": voxels.same + voxels.extra,
        "reference_voxels": voxels.same + voxels.missed,
        "found": int(detection.found.sum()),
        "reference": detection.reference.count,
        "true": int(detection.true.sum()),
        "predicted": detection.prediction.count,
    }
