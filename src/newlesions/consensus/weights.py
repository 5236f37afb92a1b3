"""Weights of systems, learned from pairs with references."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from newlesions.errors import ConfigError

_SMOOTH = 1.0
"""Voxels in both parts of the score's quotient: a pair without a lesion then counts, by what is wrongly marked."""

_DIGITS = 6


class Moments(NamedTuple):
    """All that learning needs of a pair.

    ``products``: sums over voxels of each two systems' maps, (S, S). ``hits``: of each map and the reference, (S,).
    ``lesion``: voxels of the reference.
    """

    products: NDArray[np.float64]
    hits: NDArray[np.float64]
    lesion: float


def moments(maps: NDArray[Any], reference: NDArray[Any]) -> Moments:
    """Of a pair: ``maps``, probabilities, (S, I, J, K), and the reference's mask, (I, J, K)."""
    looked = (maps > 0).any(axis=0)
    inside = maps[:, looked].astype(np.float64)
    return Moments(inside @ inside.T, inside @ (reference[looked] > 0).astype(np.float64), float((reference > 0).sum()))


def learn_weights(pairs: Sequence[Moments]) -> NDArray[np.float64]:
    """Weights, not negative and 1 in sum, with which the systems' mean is nearest to the references.

    What is made largest is the mean over pairs of the soft Dice with squares, (2 w.h + s) / (w.P w + n + s), where P,
    h and n are the pair's `Moments` and s is one voxel. By SciPy's SLSQP from equal weights, so that equal pairs give
    equal weights.

    Raises
    ------
    ConfigError
        If there is no pair.
    """
    from scipy.optimize import minimize

    if not pairs:
        raise ConfigError("consensus: found no pair with a reference to learn weights from; expected some")
    count = len(pairs[0].hits)
    start = np.full(count, 1 / count)

    def loss(w: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        value, slope = 0.0, np.zeros(count)
        for pair in pairs:
            above = 2 * w @ pair.hits + _SMOOTH
            spread = pair.products @ w
            below = w @ spread + pair.lesion + _SMOOTH
            value -= float(above / below)
            slope -= (2 * pair.hits * below - above * 2 * spread) / below**2
        return value / len(pairs), slope / len(pairs)

    found = minimize(
        loss,
        start,
        jac=True,
        method="SLSQP",
        bounds=[(0, 1)] * count,
        constraints=[{"type": "eq", "fun": lambda w: w.sum() - 1, "jac": lambda w: np.ones(count)}],
        options={"maxiter": 500, "ftol": 1e-12},
    )
    kept = np.round(np.clip(found.x, 0, 1), _DIGITS)
    return np.asarray(kept / kept.sum())
