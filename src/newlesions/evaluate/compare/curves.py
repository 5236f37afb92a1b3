"""From counts at thresholds to FROC and precision-recall curves, pooled over pairs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

FALSE_RATES = (1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8)
"""False lesions per scan at which the FROC score takes the sensitivity (Setio et al., Med Image Anal 2017, 42:1)."""
_COUNTS = ("true_voxels", "predicted_voxels", "reference_voxels", "found", "reference", "true", "predicted")


@dataclass(frozen=True)
class Points:
    """Rates from counts that are summed over pairs before they are divided (pooled), shape (thresholds,).

    Parameters
    ----------
    threshold
        Ascending; NaN for the written mask.
    sensitivity
        Reference lesions found, of all of them.
    false_per_scan
        Predicted lesions that are false, per pair, pairs with an empty reference included.
    lesion_precision
        Predicted lesions that are true, of all of them; NaN where nothing is predicted.
    recall, precision
        The same over voxels.
    """

    threshold: NDArray[np.float64]
    sensitivity: NDArray[np.float64]
    false_per_scan: NDArray[np.float64]
    lesion_precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    precision: NDArray[np.float64]


@dataclass(frozen=True)
class Pooled:
    """The curve of one system, and its operating point (the written mask) over the same pairs.

    Parameters
    ----------
    pairs, without
        Pairs that the curve pools, and pairs that have no probability map and are left out of it. Where no pair has
        one, ``curve`` is empty and ``mask`` pools all pairs.
    """

    pairs: int
    without: int
    curve: Points
    mask: Points


def pool(curves: pd.DataFrame) -> Pooled:
    """Pool a table of curves (`read_curves`) over its pairs, at the thresholds that all of them have."""
    numbered = curves[curves["threshold"].notna()]
    pairs, everyone = numbered["pair"].nunique(), curves["pair"].nunique()
    at_mask = curves[curves["threshold"].isna()]
    if pairs:
        at_mask = at_mask[at_mask["pair"].isin(numbered["pair"].unique())]
    counted = numbered.groupby("threshold")["pair"].nunique()
    shared = numbered[numbered["threshold"].isin(counted.index[counted == pairs])]
    sums = shared.groupby("threshold")[list(_COUNTS)].sum()
    whole = at_mask.groupby("threshold", dropna=False)[list(_COUNTS)].sum()
    return Pooled(
        pairs, everyone - pairs if pairs else 0, _points(sums, pairs), _points(whole, at_mask["pair"].nunique())
    )


def pool_all(tables: Mapping[str, pd.DataFrame]) -> dict[str, Pooled]:
    """The pooled curves of every system that has any row."""
    return {name: pool(table) for name, table in tables.items() if len(table)}


def sensitivity_at(points: Points, rate: float) -> float:
    """The best sensitivity reached with at most ``rate`` false lesions per scan; 0 if every threshold has more.

    Not interpolated: lesion counts are not monotone in the threshold, since lesions merge as it falls.
    """
    allowed = points.false_per_scan <= rate
    return float(points.sensitivity[allowed].max()) if allowed.any() else 0.0


def froc_score(points: Points) -> float:
    """The mean sensitivity at 1/8, 1/4, 1/2, 1, 2, 4 and 8 false lesions per scan; NaN without a curve."""
    if not len(points.threshold):
        return np.nan
    return float(np.mean([sensitivity_at(points, rate) for rate in FALSE_RATES]))


def average_precision(points: Points) -> float:
    """Precision over voxels, each threshold weighted by the recall it adds, from the highest on; NaN without a curve.

    The sum of scikit-learn's ``average_precision_score``, over the thresholds of the table instead of over all values;
    recall that no threshold reaches adds nothing.
    """
    if not len(points.threshold):
        return np.nan
    recall, precision = points.recall[::-1], np.nan_to_num(points.precision[::-1])
    return float((np.diff(recall, prepend=0) * precision).sum())


def _points(sums: pd.DataFrame, pairs: int) -> Points:
    n = {column: sums[column].to_numpy(float) for column in _COUNTS}
    return Points(
        sums.index.to_numpy(float),
        _share(n["found"], n["reference"]),
        _share(n["predicted"] - n["true"], np.full(len(sums), float(pairs))),
        _share(n["true"], n["predicted"]),
        _share(n["true_voxels"], n["reference_voxels"]),
        _share(n["true_voxels"], n["predicted_voxels"]),
    )


def _share(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
