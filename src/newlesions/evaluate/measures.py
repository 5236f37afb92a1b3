"""The fifteen measures of animaSegPerfAnalyzer, under its names and by its rules.

The tool is Anima-Public's `segmentation_performance_analyzer` (Commowick et al. 2018, Sci Rep 8:13650, describe the
lesion-wise measures); MSSEG-2 ranked by F1_score and Dice, and by NbTestedLesions and VolTestedLesions for patients
without a new lesion.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from newlesions.errors import ConfigError
from newlesions.evaluate.lesions import FACES, Lesions, Overlap, detected, detection_measures, find_lesions, overlap
from newlesions.evaluate.lesions import smallest_kept as _smallest_kept
from newlesions.evaluate.masks import LabelImage
from newlesions.evaluate.overlap import VoxelCounts, count_voxels, voxel_measures
from newlesions.evaluate.surfaces import (
    SurfaceDistances,
    contour_mean_distance,
    hausdorff_distance,
    running_minimum_distance,
    surface_distances,
)

SEGMENTATION = ("Jaccard", "Dice", "Sensitivity", "Specificity", "PPV", "NPV", "RelativeVolumeError")
SURFACE = ("HausdorffDistance", "ContourMeanDistance", "SurfaceDistance")
DETECTION = ("PPVL", "SensL", "F1_score")
EMPTY = ("NbTestedLesions", "VolTestedLesions")
MEASURES = (*SEGMENTATION, *SURFACE, *DETECTION, *EMPTY)
"""All names in the order of every output of the tool."""

Measures = dict[str, float]


@dataclass(frozen=True)
class Thresholds:
    """The tool's options for detection, with its defaults.

    Raises
    ------
    ConfigError
        If one lies outside of what the tool takes.
    """

    min_volume_mm3: float = 3.0
    """-v: lesions must be larger than this to count."""
    min_overlap: float = 0.10
    """-x, alpha: more than this share of a lesion must be covered."""
    max_false_positive: float = 0.70
    """-y, beta: a lesion that covers may lie outside by at most this share."""
    moderator: float = 0.65
    """-z, gamma: covering lesions are examined until they make up this share of what is covered."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not 0 <= self.min_volume_mm3 < math.inf:
            raise ConfigError(f"-v: found {self.min_volume_mm3}; expected a volume in mm3, 0 or more")
        for option, value in (("-x", self.min_overlap), ("-y", self.max_false_positive), ("-z", self.moderator)):
            if not 0 < value <= 1:
                raise ConfigError(f"{option}: found {value}; expected a share above 0 and at most 1")


EMPTY_MIN_VOLUME_MM3 = 3.0
"""With an empty reference the tool never passes -v on."""


class Comparison:
    """A prediction beside its reference, cropped to the box of what either marks; each part computed once, on demand.

    Parameters
    ----------
    reference, prediction
        Label images of one shape. The reference's voxel size serves both, as in the tool.
    thresholds
        Of detection.
    """

    def __init__(self, reference: LabelImage, prediction: LabelImage, thresholds: Thresholds | None = None) -> None:
        if reference.labels.shape != prediction.labels.shape:
            raise ValueError(f"shapes {reference.labels.shape} and {prediction.labels.shape} differ")
        self.thresholds = thresholds or Thresholds()
        self.spacing, self.voxel_volume = reference.spacing, reference.voxel_volume
        self.prediction_voxel_volume = prediction.voxel_volume
        self.reference_empty, self.prediction_empty = reference.empty, prediction.empty
        if not (reference.empty or prediction.empty or reference.distinct == prediction.distinct):
            # The tool makes both masks where they have different numbers of labels.
            reference, prediction = reference.binary(), prediction.binary()
        self.shape, self.total = reference.labels.shape, reference.labels.size
        self.box = _box_of(reference.labels, prediction.labels)
        self.reference, self.prediction = reference.labels[self.box], prediction.labels[self.box]

    @property
    def origin(self) -> tuple[int, int, int]:
        """The first voxel of the box."""
        i, j, k = (side.start for side in self.box)
        return i, j, k

    def whole(self, labels: NDArray[Any]) -> NDArray[Any]:
        """``labels`` of the box on the whole grid."""
        image = np.zeros(self.shape, dtype=labels.dtype)
        image[self.box] = labels
        return image

    @cached_property
    def voxels(self) -> VoxelCounts:
        """Voxel counts over the whole image."""
        return count_voxels(self.reference, self.prediction, self.total)

    @cached_property
    def distances(self) -> SurfaceDistances:
        """Between the surfaces; both images must hold a label."""
        return surface_distances(self.reference, self.prediction, self.spacing)

    @cached_property
    def smallest_kept(self) -> int:
        """Voxels of the smallest lesion that counts."""
        return _smallest_kept(self.thresholds.min_volume_mm3, self.voxel_volume)

    @cached_property
    def detection(self) -> Detection:
        """Lesions over faces, as the tool's."""
        return self.detection_of(FACES)

    def detection_of(self, connectivity: int) -> Detection:
        """Lesions with the given number of neighbours (6 or 26), and which are detected."""
        reference = find_lesions(self.reference > 0, self.smallest_kept, connectivity)
        prediction = find_lesions(self.prediction > 0, self.smallest_kept, connectivity)
        rule = self.thresholds.min_overlap, self.thresholds.max_false_positive, self.thresholds.moderator
        found = overlap(reference, prediction)
        return Detection(reference, prediction, found, detected(found, *rule), detected(found.transposed, *rule))

    def measures(self, groups: tuple[str, ...] = MEASURES) -> Measures:
        """Those of the tool's measures among ``groups`` that apply, by name, in the tool's order.

        With an empty reference these are NbTestedLesions and VolTestedLesions, whatever ``groups``.
        """
        if self.reference_empty:
            return self._without_reference()
        found: Measures = {}
        if set(groups) & set(SEGMENTATION):
            found |= voxel_measures(self.voxels)
        if set(groups) & set(SURFACE):
            found |= self._surface_measures()
        if set(groups) & set(DETECTION):
            detection = self.detection
            found |= detection_measures(detection.overlap, detection.found, detection.true)
        return {name: found[name] for name in MEASURES if name in found}

    def _surface_measures(self) -> Measures:
        if self.prediction_empty:
            return dict.fromkeys(SURFACE, math.nan)
        return {
            "HausdorffDistance": hausdorff_distance(self.reference, self.prediction, self.spacing),
            "ContourMeanDistance": contour_mean_distance(self.reference, self.prediction, self.distances, self.spacing),
            "SurfaceDistance": running_minimum_distance(self.distances),
        }

    def _without_reference(self) -> Measures:
        volume = self.prediction_voxel_volume
        lesions = find_lesions(self.prediction > 0, _smallest_kept(EMPTY_MIN_VOLUME_MM3, volume))
        return {"NbTestedLesions": float(lesions.count), "VolTestedLesions": float(lesions.sizes.sum()) * volume}


@dataclass(frozen=True)
class Detection:
    """The lesions of both masks, their overlap, and which of them count as detected."""

    reference: Lesions
    prediction: Lesions
    overlap: Overlap
    found: NDArray[np.bool_]
    """Of the reference's lesions: detected by the prediction."""
    true: NDArray[np.bool_]
    """Of the prediction's lesions: detected by the reference, by the same rule with the parts exchanged."""


def score(reference: LabelImage, prediction: LabelImage, thresholds: Thresholds | None = None) -> Measures:
    """The tool's measures that apply to two label images on one grid, by name, in the tool's order.

    NaN stands where the tool prints nan; measures that it leaves blank are absent.
    """
    return Comparison(reference, prediction, thresholds).measures()


def printed(measures: Mapping[str, float]) -> dict[str, str]:
    """The values as the tool prints them: six decimals, ``nan`` and ``-nan``."""
    return {name: _printed(value) for name, value in measures.items()}


def _printed(value: float) -> str:
    if math.isnan(value):
        return "-nan" if math.copysign(1.0, value) < 0 else "nan"
    return f"{value:f}"


def _box_of(*images: NDArray[Any]) -> tuple[slice, slice, slice]:
    """The box of every label and one voxel around it, inside the image; of one voxel where there is no label."""
    spans = []
    shape = images[0].shape
    found = [np.flatnonzero(image.ravel(order="F")) for image in images]
    # In the order of memory: the first and last voxel bound the slowest axis without any look at the coordinates.
    index = np.unravel_index(np.concatenate(found), shape, order="F")
    for along, size in zip(index, shape, strict=True):
        low, high = (int(along.min()), int(along.max())) if along.size else (0, 0)
        spans.append(slice(max(low - 1, 0), min(high + 2, size)))
    i, j, k = spans
    return i, j, k
