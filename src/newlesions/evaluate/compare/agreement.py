"""How far predicted volumes and counts agree with the reference's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from newlesions.evaluate.compare.read import System

QUANTITIES = {"volume": ("volume_mm3", "lesion volume (mm³)"), "count": ("count", "number of lesions")}
"""What is compared: the ending of its columns, and its name in print."""
_NORMAL = 1.96


@dataclass(frozen=True)
class Agreement:
    """Agreement of one quantity of one system with the reference, over all pairs, also those with empty references.

    Parameters
    ----------
    bias, bias_low, bias_high
        Mean of predicted minus reference, with its 95 % interval (Student's t).
    sd
        Of the differences, dividing by n - 1.
    lower, upper
        95 % limits of agreement, bias -+ 1.96 SD (Bland & Altman, Lancet 1986, 327:307).
    concordance
        Lin's coefficient (Biometrics 1989, 45:255), moments dividing by n; NaN if neither side varies.
    spearman
        Rank correlation; NaN if a side is constant.
    """

    system: str
    quantity: str
    pairs: int
    bias: float
    bias_low: float
    bias_high: float
    sd: float
    lower: float
    upper: float
    concordance: float
    spearman: float


def agreements(systems: Sequence[System]) -> list[Agreement]:
    """Volume and count of every system that has `additions.tsv`, by quantity."""
    return [
        agreement(system.name, quantity, *both)
        for quantity in QUANTITIES
        for system in systems
        if (both := sides(system, quantity)) is not None
    ]


def sides(system: System, quantity: str) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """(reference, predicted) of ``quantity``, each of shape (pairs,); ``None`` without `additions.tsv`."""
    ending = QUANTITIES[quantity][0]
    if f"reference_{ending}" not in system.scores:
        return None
    both = system.scores[[f"reference_{ending}", f"predicted_{ending}"]].to_numpy(float)
    both = both[np.isfinite(both).all(axis=1)]
    return both[:, 0], both[:, 1]


def agreement(system: str, quantity: str, reference: NDArray[np.float64], predicted: NDArray[np.float64]) -> Agreement:
    """Agreement of ``predicted`` with ``reference``, each of shape (pairs,)."""
    from scipy import stats

    differences, pairs = predicted - reference, len(reference)
    bias = float(differences.mean()) if pairs else np.nan
    sd = float(differences.std(ddof=1)) if pairs > 1 else np.nan
    half = float(stats.t.ppf(0.975, pairs - 1) * sd / np.sqrt(pairs)) if pairs > 1 else np.nan
    varied = pairs > 1 and np.ptp(reference) > 0 and np.ptp(predicted) > 0
    spearman = float(stats.spearmanr(reference, predicted).statistic) if varied else np.nan
    return Agreement(
        system, quantity, pairs, bias, bias - half, bias + half, sd, bias - _NORMAL * sd, bias + _NORMAL * sd,
        concordance(reference, predicted), spearman,
    )  # fmt: skip


def concordance(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Lin's concordance correlation coefficient of two series of shape (n,); NaN if both are one and the same value."""
    if not len(first):
        return np.nan
    covariance = ((first - first.mean()) * (second - second.mean())).mean()
    scale = first.var() + second.var() + (first.mean() - second.mean()) ** 2
    return float(2 * covariance / scale) if scale > 0 else np.nan
