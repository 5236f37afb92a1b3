"""Whole lesions from the probabilities of voxels, and what a classifier sees of each."""

from __future__ import annotations

from dataclasses import dataclass

import cc3d
import numpy as np
from numpy.typing import NDArray

from newlesions.detect.features import network, rich
from newlesions.detect.refinement import frequency

MIN_VOLUME_MM3 = 3.0
"""Smaller candidates are no lesions: the least volume of the challenge's own counting."""

_MEANS = tuple(name for name in rich.NAMES if name not in ("noise", "slice_baseline_mm", "slice_followup_mm"))
_EXTREMES = ("difference_0.75mm", "min_shift_1mm", "contrast_difference", "local_z_difference", "followup_0.75mm")
_PAIR = ("noise", "slice_baseline_mm", "slice_followup_mm")
_SHAPE = ("volume_mm3", "extent_x_mm", "extent_y_mm", "extent_z_mm", "fill", "major_mm", "minor_mm")
_CHANCE = ("probability_mean", "probability_max", "probability_sd")

NAMES = (
    *_CHANCE,
    *_SHAPE,
    *(f"mean_{name}" for name in _MEANS),
    *(f"max_{name}" for name in _EXTREMES),
    *_PAIR,
    f"mean_{frequency.NAME}",
    "candidates_of_pair",
    "share_of_largest",
)
"""In the order of the columns."""

NETWORK_NAMES = (*(f"mean_{name}" for name in network.OWN), *(f"max_{name}" for name in network.OWN))
"""The columns that follow where the features of voxels hold a network's."""


def names_for(kind: str) -> tuple[str, ...]:
    """The columns for the set ``kind`` of the voxels' features."""
    return (*NAMES, *NETWORK_NAMES) if kind == "network" else NAMES


@dataclass(frozen=True)
class VoxelCandidates:
    """The voxels of a pair's candidates.

    Attributes
    ----------
    rows
        Which of the region's voxels they are, shape (m,).
    lesion
        The candidate of each, from 0, shape (m,).
    count
        How many candidates there are.
    """

    rows: NDArray[np.int64]
    lesion: NDArray[np.int64]
    count: int


def find_candidates(
    probability: NDArray[np.floating],
    index: NDArray[np.int64],
    shape: tuple[int, ...],
    threshold: float,
    spacing: float,
) -> VoxelCandidates:
    """Components (26 neighbours) of what reaches ``threshold`` that are larger than 3 mm3.

    Parameters
    ----------
    probability
        Of the region's voxels, shape (n,).
    index
        Their places in the flattened grid, ascending, shape (n,).
    shape
        Of the grid.
    spacing
        Of the grid, mm.
    """
    rows = np.flatnonzero(probability >= threshold)
    if not rows.size:
        return VoxelCandidates(rows, rows, 0)
    places = np.stack(np.unravel_index(index[rows], shape), axis=1)
    low = places.min(axis=0)
    mask = np.zeros(places.max(axis=0) - low + 1, np.bool_)
    mask[tuple((places - low).T)] = True
    labels = np.asarray(cc3d.connected_components(mask, connectivity=26))[tuple((places - low).T)].astype(np.int64)
    kept = np.bincount(labels) * spacing**3 > MIN_VOLUME_MM3
    number = np.cumsum(kept) - 1
    within = kept[labels]
    return VoxelCandidates(rows[within], number[labels[within]], int(kept.sum()))


def candidate_features(
    found: VoxelCandidates,
    features: NDArray[np.float32],
    often: NDArray[np.float32],
    probability: NDArray[np.floating],
    index: NDArray[np.int64],
    shape: tuple[int, ...],
    spacing: float,
) -> NDArray[np.float32]:
    """One row per candidate with the columns `names_for` the voxels' set of features, float32.

    Parameters
    ----------
    found
        The candidates.
    features
        Of the region's voxels, with the columns of `detect.features.rich` or `detect.features.network`, shape (n, F).
    often
        The lesion frequency at the region's voxels, shape (n,).
    probability, index, shape, spacing
        As for `find_candidates`.
    """
    if not found.count:
        return np.zeros((0, len(names_for(_kind(features)))), np.float32)
    values, chance = features[found.rows], probability[found.rows].astype(np.float64)
    column = {name: values[:, n] for n, name in enumerate(network.NAMES[: features.shape[1]])}
    size = np.bincount(found.lesion, minlength=found.count)

    def mean(of: NDArray[np.floating]) -> NDArray[np.float64]:
        return np.bincount(found.lesion, weights=of, minlength=found.count) / size

    def highest(of: NDArray[np.floating]) -> NDArray[np.float64]:
        result = np.full(found.count, -np.inf)
        np.maximum.at(result, found.lesion, of)
        return result

    mean_chance = mean(chance)
    spread = np.sqrt(np.maximum(mean(chance**2) - mean_chance**2, 0))
    columns = [mean_chance, highest(chance), spread, *_shapes(found, size, index, shape, spacing)]
    columns += [mean(column[name]) for name in _MEANS]
    columns += [highest(column[name]) for name in _EXTREMES]
    columns += [mean(column[name]) for name in _PAIR]
    columns += [mean(often[found.rows]), np.full(found.count, float(found.count)), size / size.max()]
    if _kind(features) == "network":
        columns += [mean(column[name]) for name in network.OWN] + [highest(column[name]) for name in network.OWN]
    return np.stack(columns, axis=1).astype(np.float32)


def _kind(features: NDArray[np.float32]) -> str:
    return "network" if features.shape[1] == len(network.NAMES) else "rich"


def _shapes(
    found: VoxelCandidates, size: NDArray[np.int64], index: NDArray[np.int64], shape: tuple[int, ...], spacing: float
) -> list[NDArray[np.float64]]:
    """Volume, extents, how much of its box a candidate fills, and its longest and shortest principal axes, mm."""
    places = np.stack(np.unravel_index(index[found.rows], shape), axis=1).astype(np.float64) * spacing
    low, high = np.full((found.count, 3), np.inf), np.full((found.count, 3), -np.inf)
    np.minimum.at(low, found.lesion, places)
    np.maximum.at(high, found.lesion, places)
    extent = high - low + spacing
    volume = size * spacing**3
    centre = np.stack([np.bincount(found.lesion, weights=along) / size for along in places.T], axis=1)
    apart = places - centre[found.lesion]
    moments = np.empty((found.count, 3, 3))
    for a in range(3):
        for b in range(3):
            moments[:, a, b] = np.bincount(found.lesion, weights=apart[:, a] * apart[:, b]) / size
    # The moment of a voxel itself, so that flat candidates have a thickness.
    moments += np.eye(3) * spacing**2 / 12
    axes = 2 * np.sqrt(5 * np.linalg.eigvalsh(moments))
    return [volume, *extent.T, volume / extent.prod(axis=1), axes[:, 2], axes[:, 0]]
