"""Lesions of two masks, how they overlap, and which count as detected (animaSegPerfCAnalyzer.cxx of Anima)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import floor
from typing import Any

import cc3d
import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]

FACES, CORNERS = 6, 26
"""Neighbours that connect voxels: over faces, as in the tool, or over faces, edges and corners."""


@dataclass(frozen=True)
class Lesions:
    """Connected components of a mask, largest first; equal ones in the order of their first voxel, x running fastest.

    Attributes
    ----------
    labels
        0 outside, 1 to n, shape (I, J, K).
    sizes
        Voxels of lesion 1 to n, shape (n,).
    """

    labels: NDArray[np.unsignedinteger[Any]]
    sizes: Counts

    @property
    def count(self) -> int:
        """How many lesions there are."""
        return int(self.sizes.size)


def smallest_kept(min_volume_mm3: float, voxel_volume: float) -> int:
    """Voxels of the smallest lesion that counts: strictly more than ``min_volume_mm3``."""
    return floor(min_volume_mm3 / voxel_volume) + 1


def find_lesions(mask: NDArray[Any], min_voxels: int, connectivity: int = FACES) -> Lesions:
    """The components of ``mask``, shape (I, J, K), of at least ``min_voxels``; smaller ones become background."""
    components = np.asarray(cc3d.connected_components(mask, connectivity=connectivity))
    order = components.ravel(order="F")
    within = order[np.flatnonzero(order)]
    # Components are few and their voxels too: everything after the labelling looks at these alone.
    names, first, sizes = np.unique(within, return_index=True, return_counts=True)
    kept = sizes >= min_voxels
    names, first, sizes = names[kept], first[kept], sizes[kept]
    rank = np.lexsort((first, -sizes))
    number = np.zeros(int(components.max(initial=0)) + 1, dtype=np.min_scalar_type(rank.size))
    number[names[rank]] = np.arange(1, rank.size + 1)
    return Lesions(number[components], sizes[rank].astype(np.int64))


@dataclass(frozen=True)
class Overlap:
    """Which lesions of one mask (rows) meet which of another (columns), in voxels.

    Attributes
    ----------
    row, column
        Numbers from 0 of two lesions that meet, shape (m,), sorted by row.
    voxels
        Voxels that they share, shape (m,).
    row_sizes, column_sizes
        Voxels of each lesion, shapes (rows,) and (columns,).
    """

    row: Counts
    column: Counts
    voxels: Counts
    row_sizes: Counts
    column_sizes: Counts

    @property
    def transposed(self) -> Overlap:
        """The same with rows and columns exchanged."""
        order = np.lexsort((self.row, self.column))
        return Overlap(self.column[order], self.row[order], self.voxels[order], self.column_sizes, self.row_sizes)

    @cached_property
    def row_covered(self) -> Counts:
        """Voxels of each row lesion under any column lesion, shape (rows,)."""
        return np.bincount(self.row, weights=self.voxels, minlength=self.row_sizes.size).astype(np.int64)

    @cached_property
    def column_covered(self) -> Counts:
        """Voxels of each column lesion under any row lesion, shape (columns,)."""
        return np.bincount(self.column, weights=self.voxels, minlength=self.column_sizes.size).astype(np.int64)


def overlap(rows: Lesions, columns: Lesions) -> Overlap:
    """The overlap of two sets of lesions on one grid."""
    met = np.flatnonzero((rows.labels > 0) & (columns.labels > 0))
    pairs = (rows.labels.ravel()[met].astype(np.int64) - 1) * max(columns.count, 1)
    pairs += columns.labels.ravel()[met].astype(np.int64) - 1
    both, voxels = np.unique(pairs, return_counts=True)
    row, column = np.divmod(both, max(columns.count, 1))
    return Overlap(row, column, voxels.astype(np.int64), rows.sizes, columns.sizes)


def detected(found: Overlap, min_overlap: float, max_false_positive: float, moderator: float) -> NDArray[np.bool_]:
    """Which row lesions the column lesions detect, shape (rows,) (Commowick et al. 2018, Sci Rep 8:13650).

    More than ``min_overlap`` (alpha) of the lesion must be covered. The lesions that cover it are then taken by
    falling overlap until they make up ``moderator`` (gamma) of what is covered; each one taken must not lie outside of
    the row lesions by more than ``max_false_positive`` (beta) of itself.

    Sums and comparisons are those of the tool in double precision: 7/20 + 6/20 stays below 0.65. Lesions of equal
    overlap are taken by size, then by first voxel; the tool's unstable sort may take them otherwise when there are more
    than 16 lesions.
    """
    result = np.zeros(found.row_sizes.size, dtype=np.bool_)
    if not result.size or not found.column_sizes.size:
        return result
    outside = (found.column_sizes - found.column_covered) / found.column_sizes
    spoiled = outside > max_false_positive
    starts = np.searchsorted(found.row, np.arange(result.size + 1))
    for lesion in np.flatnonzero(found.row_covered / found.row_sizes > min_overlap):
        part = slice(starts[lesion], starts[lesion + 1])
        order = np.argsort(-found.voxels[part], kind="stable")
        result[lesion] = _passes(
            found.column[part][order], found.voxels[part][order], int(found.row_covered[lesion]), spoiled, moderator
        )
    return result


def _passes(columns: Counts, voxels: Counts, covered: int, spoiled: NDArray[np.bool_], moderator: float) -> bool:
    """Whether none of the lesions examined is spoiled; those that do not meet the row lesion come last."""
    weight = 0.0
    for column, shared in zip(columns.tolist(), voxels.tolist(), strict=True):
        if not weight < moderator:
            return True
        if spoiled[column]:
            return False
        weight += shared / covered
    # A moderator of 1 may stay out of reach of a rounded sum: the tool then examines all other lesions too.
    return not weight < moderator or not np.delete(spoiled, columns).any()


def detection_measures(found: Overlap, reference: NDArray[np.bool_], prediction: NDArray[np.bool_]) -> dict[str, float]:
    """PPVL, SensL and F1_score from the detected lesions of the reference (rows) and of the prediction (columns).

    SensL is undefined where the reference has voxels but no lesion large enough; F1_score then is 0, as in the tool.
    """
    from newlesions.evaluate.overlap import ratio

    precision = ratio(int(prediction.sum()), found.column_sizes.size) if found.column_sizes.size else 0.0
    sensitivity = ratio(int(reference.sum()), found.row_sizes.size)
    both = precision + sensitivity
    return {
        "PPVL": precision,
        "SensL": sensitivity,
        "F1_score": 2 * (precision * sensitivity) / both if both > 0 else 0.0,
    }
