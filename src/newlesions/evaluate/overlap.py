"""Overlap of two label images voxel by voxel (animaSegmentationMeasuresImageFilter.hxx of Anima)."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.unsignedinteger[Any]]

UNDEFINED = math.copysign(math.nan, -1.0)
"""What 0/0 gives: x86 processors return a negative NaN, which the tool prints as ``-nan``."""


class VoxelCounts(NamedTuple):
    """Voxels summed over all labels but the background; for two masks the familiar TP, FP, FN and TN."""

    same: int
    """Voxels with the same label in both (TP)."""
    extra: int
    """Voxels of the prediction's labels that the reference gives another label (FP)."""
    missed: int
    """Voxels of the reference's labels that the prediction gives another label (FN)."""
    background: int
    """Voxels that are background in both (TN)."""
    labels: int
    """How many labels there are: 1 for masks."""


def count_voxels(reference: Labels, prediction: Labels, total: int) -> VoxelCounts:
    """Count the voxels of a box that holds all labels, shape (I, J, K), in an image of ``total`` voxels."""
    in_reference, in_prediction = (int(np.count_nonzero(image)) for image in (reference, prediction))
    labelled = reference.astype(bool)
    either = int(np.count_nonzero(labelled | prediction.astype(bool)))
    highest = int(max(reference.max(initial=0), prediction.max(initial=0)))
    if highest <= 1:
        same = in_reference + in_prediction - either
    else:
        same = int(np.count_nonzero((reference == prediction) & labelled))
    return VoxelCounts(same, in_prediction - same, in_reference - same, total - either, max(highest, 1))


def voxel_measures(counts: VoxelCounts) -> dict[str, float]:
    """Jaccard to RelativeVolumeError (in per cent, signed) under the tool's names.

    No smoothing and no guard: 0/0 is `UNDEFINED`, as PPV of an empty prediction.
    """
    same, extra, missed, background, labels = counts
    # A voxel with two different labels counts once in the union of each; with one label and background, once.
    jaccard = ratio(same, same + extra + missed)
    return {
        "Jaccard": jaccard,
        "Dice": 2.0 * jaccard / (1.0 + jaccard),
        "Sensitivity": ratio(same, same + missed),
        "Specificity": ratio(background, background + extra / labels),
        "PPV": ratio(same, same + extra),
        "NPV": ratio(background, background + missed / labels),
        "RelativeVolumeError": 100.0 * ratio(extra - missed, same + missed),
    }


def dice(reference: NDArray[Any], prediction: NDArray[Any]) -> float:
    """Dice of two masks of one shape; `UNDEFINED` where the reference is empty, since MSSEG-2 leaves such pairs out."""
    masks = [(mask > 0).view(np.uint8) for mask in (reference, prediction)]
    return voxel_measures(count_voxels(masks[0], masks[1], masks[0].size))["Dice"] if masks[0].any() else UNDEFINED


def modified_dice(counts: VoxelCounts, smoothing: float = 1e-6) -> float:
    """(2 TP + s) / (|P| + |R| + s): 1 when both masks are empty (Prados et al., MSSEG-2 proceedings 2021)."""
    return (2 * counts.same + smoothing) / (2 * counts.same + counts.extra + counts.missed + smoothing)


def ratio(part: float, whole: float) -> float:
    """``part / whole``, `UNDEFINED` where ``whole`` is 0."""
    return part / whole if whole else UNDEFINED
