"""Recall of lesions by their size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from newlesions.evaluate.additions import SIZE_CLASSES

if TYPE_CHECKING:
    import pandas as pd

_WIDTH = 0.2  # decades of volume: the smoother's standard deviation
_LEAST = 5.0  # lesions' worth of weight, below which the smooth curve is not drawn


@dataclass(frozen=True)
class SizeClass:
    """Reference lesions of one size class, pooled over pairs.

    Parameters
    ----------
    size_class
        As in `scores/lesions.tsv`, mm3.
    volume
        Geometric mean of their volumes, mm3: where a figure puts the class.
    found, reference
        Lesions found, and all of them.
    recall, low, high
        Found of all, with Wilson's 95 % interval (JASA 1927, 22:209). Lesions of one scan are not independent.
    """

    size_class: str
    volume: float
    found: int
    reference: int
    recall: float
    low: float
    high: float


def recall_by_class(lesions: pd.DataFrame) -> list[SizeClass]:
    """The classes that have reference lesions, smallest first."""
    from scipy.stats import binomtest

    reference = lesions[lesions["side"] == "reference"]
    out = []
    for name in SIZE_CLASSES:
        inside = reference[reference["size_class"] == name]
        if not len(inside):
            continue
        found, all_of_them = int(inside["hit"].sum()), len(inside)
        interval = binomtest(found, all_of_them).proportion_ci(0.95, method="wilson")
        volume = float(np.exp(np.log(inside["volume_mm3"].to_numpy(float)).mean()))
        share = found / all_of_them
        out.append(SizeClass(name, volume, found, all_of_them, share, float(interval.low), float(interval.high)))
    return out


def smooth_recall(lesions: pd.DataFrame, points: int = 120) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Recall against volume, smoothed by a Gaussian of 0.2 decades: (mm3, recall), each of shape (points,).

    NaN where fewer than five lesions' worth of weight lie near.
    """
    reference = lesions[lesions["side"] == "reference"]
    if not len(reference):
        return np.empty(0), np.empty(0)
    logs, hits = np.log10(reference["volume_mm3"].to_numpy(float)), reference["hit"].to_numpy(float)
    grid = np.linspace(logs.min(), logs.max(), points)
    weights = np.exp(-0.5 * ((grid[:, None] - logs[None]) / _WIDTH) ** 2)
    total = weights.sum(axis=1)
    return 10**grid, np.where(total >= _LEAST, (weights @ hits) / total, np.nan)
