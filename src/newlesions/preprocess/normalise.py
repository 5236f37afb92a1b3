"""Comparable intensities: Nyul's standard scale for each scan, a robust line between the two scans of a pair."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from newlesions.images.files import read_json
from newlesions.images.morphology import Mask

PERCENTILES = (1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 99)
_RANGE = (1.0, 100.0)
_TRIM = 2.5  # robust standard deviations about the line between two scans


@dataclass(frozen=True)
class StandardScale:
    """Where the `PERCENTILES` of a brain come to lie on the standard scale (Nyul & Udupa 1999)."""

    landmarks: tuple[float, ...]


@cache
def shipped_scale() -> StandardScale:
    """The standard scale that comes with the package; docs/models/nyul.md tells what it was learned from."""
    path = resources.files("newlesions") / "data" / "nyul_flair.json"
    with resources.as_file(path) as file:
        return StandardScale(tuple(read_json(file)["landmarks"]))


def learn_scale(brains: list[NDArray[np.float32]]) -> StandardScale:
    """Learn the scale from the intensities inside some brains, each of shape (n,).

    Each brain's percentiles are mapped linearly so that the first and the last come to lie on 1 and 100, then
    averaged.
    """
    mapped = []
    for values in brains:
        marks = np.percentile(values, PERCENTILES)
        mapped.append(_RANGE[0] + (marks - marks[0]) / (marks[-1] - marks[0]) * (_RANGE[1] - _RANGE[0]))
    return StandardScale(tuple(float(mark) for mark in np.mean(mapped, axis=0)))


def nyul(image: NDArray[np.float32], brain: Mask, scale: StandardScale) -> tuple[NDArray[np.float32], float]:
    """Map an image onto the standard scale.

    Between the landmarks the map is piecewise linear. Beyond them it goes on with the slope of the whole half (median
    to last landmark, first landmark to median) rather than with that of the last short piece, so that lesions, which
    lie beyond the last landmark, keep their contrast.

    Returns
    -------
    tuple
        The mapped image, float32, and the share of the brain's voxels that lay beyond the landmarks.

    Raises
    ------
    ValueError
        If the brain's intensities have fewer than three distinct landmarks.
    """
    marks = np.percentile(image[brain], PERCENTILES)
    standard = np.asarray(scale.landmarks)
    rising = np.concatenate([[True], np.diff(marks) > 1e-6 * max(abs(float(marks[-1])), 1e-12)])
    own, target = marks[rising], standard[rising]
    if own.size < 3:
        raise ValueError("the brain has fewer than three distinct grey levels")
    middle = own.size // 2
    low = (target[middle] - target[0]) / (own[middle] - own[0])
    high = (target[-1] - target[middle]) / (own[-1] - own[middle])
    mapped = np.interp(image, own, target)
    mapped += np.minimum(image - own[0], 0) * low + np.maximum(image - own[-1], 0) * high
    beyond = ((image[brain] < own[0]) | (image[brain] > own[-1])).mean()
    return mapped.astype(np.float32), float(beyond)


def joint_line(
    baseline: NDArray[np.float32], followup: NDArray[np.float32], brain: Mask, rounds: int = 10
) -> tuple[float, float]:
    """The gain and offset of the line followup = gain * baseline + offset, by trimmed orthogonal regression.

    Orthogonal, so that exchanging the scans inverts the line; trimmed, so that changed lesions do not bend it.
    """
    x, y = baseline[brain].astype(np.float64), followup[brain].astype(np.float64)
    used = np.ones(x.size, dtype=bool)
    gain, offset = 1.0, 0.0
    for _ in range(rounds):
        gain, offset = _orthogonal_line(x[used], y[used])
        residual = (y - gain * x - offset) / np.sqrt(1 + gain**2)
        centre = np.median(residual)
        spread = 1.4826 * np.median(np.abs(residual - centre))
        used = np.abs(residual - centre) <= _TRIM * spread
    return gain, offset


def apply_half_line(
    baseline: NDArray[np.float32], followup: NDArray[np.float32], gain: float, offset: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Bring both scans to the middle of the line between them, so that neither is privileged."""
    root = np.sqrt(gain)
    shift = offset / (1 + root)
    return (baseline * root + shift).astype(np.float32), ((followup - offset) / root + shift).astype(np.float32)


def _orthogonal_line(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float]:
    covariance = np.cov(x, y)
    _, vectors = np.linalg.eigh(covariance)
    direction = vectors[:, 1]
    gain = float(direction[1] / direction[0])
    if not np.isfinite(gain) or gain <= 0:
        raise ValueError("the two scans' intensities do not rise together")
    return gain, float(y.mean() - gain * x.mean())
