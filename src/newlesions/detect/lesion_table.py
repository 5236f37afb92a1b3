"""One row per lesion: what it is, where it lies, how large and how bright it is."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from newlesions.detect.carry import Lesions
from newlesions.detect.classes import ENLARGING, KINDS, NEW
from newlesions.images.morphology import dilate
from newlesions.images.volume import Affine, Volume, apply_affine

COLUMNS = (
    "id", "kind", "volume_mm3", "voxels", "x_mm", "y_mm", "z_mm", "mni_x_mm", "mni_y_mm", "mni_z_mm", "region",
    "intensity_before", "intensity_after", "probability", "contrast",
)  # fmt: skip

_NEIGHBOURHOOD_MM = 4.0


def lesion_rows(
    own: Lesions,
    own_grid: Volume,
    working: Lesions,
    baseline: Volume,
    followup: Volume,
    signed: NDArray[np.float32],
    brain: NDArray[np.bool_],
    regions: list[str],
    working_from_own: Affine,
    mni_from_working: Affine,
) -> list[dict[str, Any]]:
    """The rows of the lesion table in the order of the labels.

    Parameters
    ----------
    own, own_grid
        The lesions on the follow-up's own grid, which give sizes and places, and a volume on that grid.
    working, baseline, followup, signed, brain
        The same lesions, the harmonised images, the signed probability and the brain on the working grid, which give
        intensities. ``contrast`` is the lesion's mean over that of the brain within 4 mm around it, minus 1, in the
        image that shows it brighter.
    regions
        The region of each lesion.
    working_from_own, mni_from_working
        4x4, RAS mm.
    """
    boxes, own_boxes = ndimage.find_objects(working.labels), ndimage.find_objects(own.labels)
    own_from_working = np.linalg.inv(working_from_own)
    sizes = np.bincount(own.labels.ravel(), minlength=len(own.kinds) + 1)
    rows = []
    for label, (code, region) in enumerate(zip(own.kinds, regions, strict=True), start=1):
        box = boxes[label - 1]
        inside = working.labels[box] == label
        bright = followup if code in (NEW, ENLARGING) else baseline
        # A lesion beyond the follow-up's field of view has no voxel on its own grid.
        if sizes[label]:
            centre = _centroid(own.labels, label, own_boxes[label - 1], own_grid.affine)
        else:
            centre = _centroid(working.labels, label, box, own_from_working @ baseline.affine)
        rows.append(
            {
                "id": label,
                "kind": KINDS[code],
                "volume_mm3": round(float(sizes[label] * own_grid.voxel_volume), 2),
                "voxels": int(sizes[label]),
                **_coordinates("", centre),
                **_coordinates("mni_", apply_affine(mni_from_working @ working_from_own, centre)),
                "region": region,
                "intensity_before": round(float(baseline.data[box][inside].mean()), 3),
                "intensity_after": round(float(followup.data[box][inside].mean()), 3),
                "probability": round(float(np.abs(signed[box][inside]).mean()), 4),
                "contrast": round(contrast(bright, working.labels, label, box, brain), 4),
            }
        )
    return rows


def contrast(
    image: Volume, labels: NDArray[np.int32], label: int, box: tuple[slice, ...], brain: NDArray[np.bool_]
) -> float:
    """Mean intensity of a lesion over the median of the brain within 4 mm around it, minus 1; 0 where there is none."""
    reach = int(np.ceil(_NEIGHBOURHOOD_MM / image.spacing.min()))
    wide = tuple(slice(max(side.start - reach, 0), side.stop + reach) for side in box)
    inside = labels[wide] == label
    around = dilate(inside, _NEIGHBOURHOOD_MM, image.spacing) & (labels[wide] == 0) & brain[wide]
    if not around.any():
        return 0.0
    surroundings = float(np.median(image.data[wide][around]))
    return float(image.data[wide][inside].mean() / surroundings - 1) if surroundings > 0 else 0.0


def totals(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Counts and volumes (mm3) by kind, as in newlesions.tsv."""
    result: dict[str, Any] = {}
    for kind in KINDS.values():
        volumes = [row["volume_mm3"] for row in rows if row["kind"] == kind]
        result[f"{kind}_count"] = len(volumes)
        result[f"{kind}_volume_mm3"] = round(float(sum(volumes)), 2)
    return result


def _centroid(labels: NDArray[np.int32], label: int, box: tuple[slice, ...], affine: Affine) -> NDArray[np.float64]:
    """The mean place, through ``affine``, of a lesion's voxels, which lie in ``box``."""
    voxels = np.argwhere(labels[box] == label) + [side.start for side in box]
    return np.asarray(apply_affine(affine, voxels).mean(axis=0), dtype=np.float64)


def _coordinates(prefix: str, point: NDArray[np.float64]) -> dict[str, float]:
    return {f"{prefix}{axis}_mm": round(float(value), 2) + 0.0 for axis, value in zip("xyz", point, strict=True)}
