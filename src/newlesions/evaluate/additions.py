"""Scores beside the tool's, under names of their own."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from newlesions.evaluate.lesions import CORNERS, Lesions, detection_measures
from newlesions.evaluate.measures import Comparison
from newlesions.evaluate.overlap import modified_dice
from newlesions.evaluate.surfaces import average_surface_distance, hausdorff_95
from newlesions.images.volume import Affine, apply_affine

ADDITIONS = (
    "assd_mm",
    "hd95_mm",
    "dice_modified",
    "ppv_lesion_26",
    "sens_lesion_26",
    "f1_26",
    "reference_count",
    "predicted_count",
    "reference_volume_mm3",
    "predicted_volume_mm3",
    "volume_difference_mm3",
    "count_difference",
)

REFERENCE, PREDICTED = "reference", "predicted"
LESION_COLUMNS = ("side", "id", "volume_mm3", "size_class", "region", "x_mm", "y_mm", "z_mm", "hit", "overlap")

SIZE_CLASSES = ("3-10", "10-30", "30-100", "100-300", ">300")
"""Lesion volumes in mm3 by half decades, since volumes spread over decades; the lower bound is left out, the upper in.

With a least volume other than 3 mm3 the first class takes whatever is smaller.
"""
_UPPER_BOUNDS = (10.0, 30.0, 100.0, 300.0)

NameRegions = Callable[[NDArray[Any]], Sequence[str]]
"""From lesions numbered 1 to n on the reference's whole grid to the region of each, n names."""


def additions(comparison: Comparison) -> dict[str, float]:
    """All of `ADDITIONS` that apply, by name.

    ``assd_mm``, ``hd95_mm``
        Average symmetric surface distance, and the larger of the two directed 95th percentiles of surface distances;
        surfaces as in `surfaces`. NaN with an empty prediction.
    ``dice_modified``
        Prados et al. 2021: smoothed by 1e-6, hence 1 where both masks are empty and about 0 where only one is.
    ``ppv_lesion_26``, ``sens_lesion_26``, ``f1_26``
        PPVL, SensL and F1_score with lesions connected over faces, edges and corners.
    ``*_count``
        Lesions (over faces) larger than the least volume; ``*_volume_mm3`` counts all voxels. Differences are
        prediction minus reference.

    With an empty reference the distances and lesion-wise shares do not apply.
    """
    counts, detection = comparison.voxels, comparison.detection
    volumes = [n * comparison.voxel_volume for n in (counts.same + counts.missed, counts.same + counts.extra)]
    lesions = detection.reference.count, detection.prediction.count
    found: dict[str, float] = {}
    if not comparison.reference_empty:
        found |= _distances(comparison)
        corners = comparison.detection_of(CORNERS)
        by_corner = detection_measures(corners.overlap, corners.found, corners.true)
        names = {"PPVL": "ppv_lesion_26", "SensL": "sens_lesion_26", "F1_score": "f1_26"}
        found |= {names[name]: value for name, value in by_corner.items()}
    found["dice_modified"] = modified_dice(counts)
    found |= {"reference_count": lesions[0], "predicted_count": lesions[1]}
    found |= {"reference_volume_mm3": volumes[0], "predicted_volume_mm3": volumes[1]}
    found |= {"volume_difference_mm3": volumes[1] - volumes[0], "count_difference": lesions[1] - lesions[0]}
    return {name: found[name] for name in ADDITIONS if name in found}


def lesion_rows(
    comparison: Comparison, affine: Affine, name_regions: NameRegions | None = None
) -> list[dict[str, Any]]:
    """One row per lesion of the reference and of the prediction, largest first, with the keys `LESION_COLUMNS`.

    ``hit`` is 1 where the tool's rule calls the lesion detected (of the reference) or true (of the prediction);
    ``overlap`` is the share of the lesion under lesions of the other mask. Centroids are in RAS mm of ``affine``.
    """
    detection = comparison.detection
    covered = detection.overlap.row_covered, detection.overlap.column_covered
    return [
        *_side(REFERENCE, comparison, detection.reference, detection.found, covered[0], affine, name_regions),
        *_side(PREDICTED, comparison, detection.prediction, detection.true, covered[1], affine, name_regions),
    ]


def size_class(volume_mm3: float) -> str:
    """The one of `SIZE_CLASSES` that holds a lesion of this volume."""
    return SIZE_CLASSES[int(np.searchsorted(_UPPER_BOUNDS, volume_mm3, side="left"))]


def _distances(comparison: Comparison) -> dict[str, float]:
    if comparison.prediction_empty:
        return {"assd_mm": math.nan, "hd95_mm": math.nan}
    distances = comparison.distances
    return {"assd_mm": average_surface_distance(distances), "hd95_mm": hausdorff_95(distances)}


def _side(
    side: str,
    comparison: Comparison,
    lesions: Lesions,
    hit: NDArray[np.bool_],
    covered: NDArray[np.int64],
    affine: Affine,
    name_regions: NameRegions | None,
) -> list[dict[str, Any]]:
    if not lesions.count:
        return []
    volumes = lesions.sizes * comparison.voxel_volume
    centres = apply_affine(affine, _centroids(lesions) + comparison.origin)
    regions = name_regions(comparison.whole(lesions.labels)) if name_regions else [""] * lesions.count
    return [
        {
            "side": side,
            "id": number + 1,
            "volume_mm3": float(volumes[number]),
            "size_class": size_class(float(volumes[number])),
            "region": regions[number],
            **dict(zip(("x_mm", "y_mm", "z_mm"), (float(x) for x in centres[number]), strict=True)),
            "hit": int(hit[number]),
            "overlap": float(covered[number] / lesions.sizes[number]),
        }
        for number in range(lesions.count)
    ]


def _centroids(lesions: Lesions) -> NDArray[np.float64]:
    """Mean voxel indices of each lesion in the box, shape (n, 3)."""
    index = np.nonzero(lesions.labels)
    number = lesions.labels[index].astype(np.intp) - 1
    return np.stack([np.bincount(number, weights=along) / lesions.sizes for along in index], axis=1)
