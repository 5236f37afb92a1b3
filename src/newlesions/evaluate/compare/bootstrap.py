"""The bootstrap over pairs: means of resampled cohorts, and confidence intervals from them.

All rows of one call share their resamples, so that systems stay paired. Resamples are weights (how often each pair was
drawn), so that the means of all rows are one matrix product.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_CELLS = 2_000_000  # of a chunk of weights: 16 MB
_STREAMS = {"lesion": 0, "empty": 1, "all": 2}


@dataclass(frozen=True)
class Bootstrap:
    """How to resample.

    Parameters
    ----------
    resamples
        Their number.
    seed
        Equal seeds give equal resamples.
    confidence
        The level of intervals, between 0 and 1.
    by_subject
        Whether subjects are drawn, each with all of its pairs, where one has several.
    """

    resamples: int = 10_000
    seed: int = 0
    confidence: float = 0.95
    by_subject: bool = False

    def means(
        self, values: NDArray[np.float64], population: str = "lesion", subjects: NDArray[np.int64] | None = None
    ) -> NDArray[np.float64]:
        """The mean of each row in each resampled cohort.

        Parameters
        ----------
        values
            Shape (rows, pairs). NaN is left out of the means.
        population
            Populations of pairs are resampled apart from each other, each at its own size.
        subjects
            The number of each pair's subject, from 0, shape (pairs,); None: every pair is of its own.

        Returns
        -------
        numpy.ndarray
            Shape (resamples, rows); NaN where no drawn pair has a value.
        """
        defined = np.isfinite(values)
        filled, everywhere = np.where(defined, values, 0.0).T, bool(defined.all())
        out = np.empty((self.resamples, len(values)))
        done = 0
        for weights in self._weights(values.shape[1], _STREAMS[population], subjects):
            drawn = weights.sum(axis=1, keepdims=True) if everywhere else weights @ defined.T.astype(float)
            with np.errstate(invalid="ignore"):
                out[done : done + len(weights)] = (weights @ filled) / drawn
            done += len(weights)
        return out

    def intervals(
        self, values: NDArray[np.float64], population: str = "lesion", subjects: NDArray[np.int64] | None = None
    ) -> list[tuple[float, float, str]]:
        """The confidence interval of the mean of each row: (low, high, how).

        Bias-corrected and accelerated (Efron & Tibshirani, An Introduction to the Bootstrap, 1993, chapter 14);
        ``percentile`` where those corrections are undefined (no spread, or all resamples on one side of the mean);
        ``none``, with NaN, where fewer than two pairs have a value. Percentile too where subjects with several pairs
        are drawn (``subjects``, as in `means`).
        """
        if not values.size:
            return [(np.nan, np.nan, "none")] * len(values)
        means = self.means(values, population, subjects)
        clustered = subjects is not None and len(np.unique(subjects)) < len(subjects)
        return [self._interval(row[np.isfinite(row)], means[:, index], clustered) for index, row in enumerate(values)]

    def _weights(
        self, pairs: int, stream: int, subjects: NDArray[np.int64] | None = None
    ) -> Iterator[NDArray[np.float64]]:
        """How often each pair is drawn, in chunks of shape (some resamples, pairs)."""
        if subjects is not None:
            drawn_often = self._weights(int(subjects.max()) + 1, stream)
            yield from (weights[:, subjects] for weights in drawn_often)
            return
        generator = np.random.default_rng([self.seed, stream])
        chunk = max(1, _CELLS // pairs)
        for start in range(0, self.resamples, chunk):
            rows = min(chunk, self.resamples - start)
            drawn = generator.integers(pairs, size=(rows, pairs)) + np.arange(rows)[:, None] * pairs
            yield np.bincount(drawn.ravel(), minlength=rows * pairs).reshape(rows, pairs).astype(float)

    def _interval(
        self, row: NDArray[np.float64], means: NDArray[np.float64], clustered: bool
    ) -> tuple[float, float, str]:
        if len(row) < 2:
            return np.nan, np.nan, "none"
        means = means[np.isfinite(means)]
        tails = np.array([(1 - self.confidence) / 2, (1 + self.confidence) / 2])
        corrected = None if clustered else _corrected(tails, row, means)
        low, high = np.quantile(means, tails if corrected is None else corrected)
        return float(low), float(high), "percentile" if corrected is None else "BCa"


def _corrected(
    tails: NDArray[np.float64], row: NDArray[np.float64], means: NDArray[np.float64]
) -> NDArray[np.float64] | None:
    """The tail probabilities corrected for bias and acceleration, or ``None`` where that is undefined."""
    from scipy.special import ndtr, ndtri

    mean, spread = row.mean(), row - row.mean()
    tolerance = 1e-12 * np.abs(row).max()  # sums in another order differ in the last digits
    below = ((means < mean - tolerance).mean() + (means <= mean + tolerance).mean()) / 2
    variance = (spread**2).sum()
    if not 0 < below < 1 or variance <= len(row) * tolerance**2:
        return None
    bias = ndtri(below)
    acceleration = (spread**3).sum() / (6 * variance**1.5)
    shifted = bias + ndtri(tails)
    return ndtr(bias + shifted / (1 - acceleration * shifted))
