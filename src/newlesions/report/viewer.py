"""The volumes that a pair's page carries for its interactive viewer: cut to the brain, 8 bits, compressed."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from newlesions.images.volume import Affine, Array, apply_affine
from newlesions.report.assets import packed_uri
from newlesions.report.figures import bounding_box
from newlesions.report.lesion_cards import Place
from newlesions.report.pair_images import PairImages
from newlesions.report.tables import Lesion

# Around the brain stays what helps to judge its border, but no face: a volume of a face tells who it is.
_MARGIN_MM = 5.0
# The stored range goes beyond the grey window, so that the window can be moved without a loss.
_BELOW, _ABOVE = 0.1, 0.4
_LEAST_PROBABILITY = 5


@dataclass(frozen=True)
class Embedded:
    """What the viewer reads.

    ``facts`` is JSON: the shape, the affine (RAS mm), the intensities that the values 1 and 255 stand for, the grey
    window; value 0 is outside. The other fields are data URIs of gzipped voxels, one byte each, the first axis
    fastest: both visits, the codes of the change, and the probability of change in percent.
    """

    facts: dict[str, Any]
    baseline: str
    followup: str
    change: str
    probability: str


def embed(images: PairImages) -> Embedded:
    """The volumes of a pair for its viewer. Equal images give equal text."""
    inside = images.brain | (images.change > 0)
    box = bounding_box(inside, round(_MARGIN_MM / images.spacing))
    kept = _around(inside[box] if inside.any() else np.ones_like(inside), images.spacing)
    low, high = _range(images.window)
    affine: Affine = images.affine.copy()
    affine[:3, 3] = apply_affine(images.affine, np.array([part.start for part in box]))
    facts = {
        "shape": list(kept.shape),
        "affine": [[round(float(value), 6) for value in row] for row in affine],
        "range": [round(low, 4), round(high, 4)],
        "window": [round(end, 4) for end in images.window],
    }
    visits = (_bytes(volume[box], kept, low, high) for volume in (images.baseline, images.followup))
    percent = np.rint(100 * np.maximum(images.probability[box], 0 if images.fall is None else images.fall[box]))
    percent = np.where(percent < _LEAST_PROBABILITY, 0, np.minimum(percent, 100)).astype(np.uint8)
    return Embedded(facts, *map(_packed, (*visits, images.change[box], percent)))


def listed(lesions: list[Lesion], places: dict[int, Place], images: PairImages) -> list[dict[str, Any]]:
    """The lesions as the page's scripts know them: ``point`` is where the views go, in mm; None if it has no place."""
    return [
        {
            "id": lesion.id,
            "kind": lesion.kind,
            "label": lesion.label,
            "point": _point(places[lesion.id], images.affine) if lesion.id in places else None,
        }
        for lesion in lesions
    ]


def _point(place: Place, affine: Affine) -> list[float]:
    return [round(float(value), 2) for value in apply_affine(affine, place.point)]


def _around(inside: NDArray[np.bool_], spacing: float) -> NDArray[np.bool_]:
    """``inside`` and about 5 mm around it: by steps along the axes, a tenth of the time of exact distances."""
    return ndimage.binary_dilation(inside, iterations=max(1, round(_MARGIN_MM / spacing)))


def _range(window: tuple[float, float]) -> tuple[float, float]:
    width = window[1] - window[0]
    return window[0] - _BELOW * width, window[1] + _ABOVE * width


def _bytes(volume: Array, kept: NDArray[np.bool_], low: float, high: float) -> NDArray[np.uint8]:
    scaled = np.rint((np.asarray(volume, np.float32) - low) * (254 / (high - low)) + 1)
    return np.where(kept, np.clip(scaled, 1, 255), 0).astype(np.uint8)


def _packed(voxels: NDArray[np.uint8]) -> str:
    return packed_uri(gzip.compress(voxels.tobytes("F"), compresslevel=6, mtime=0))
