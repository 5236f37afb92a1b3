"""Strategies and helpers for tests of scores."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

SPACINGS = ((1.0, 1.0, 1.0), (0.5, 0.5, 0.5), (0.9, 0.9, 3.0), (0.5, 0.6, 1.0))


def boxes(shape, *corners):
    """A mask of half-open boxes, each ((i, i), (j, j), (k, k))."""
    mask = np.zeros(shape, bool)
    for box in corners:
        mask[tuple(slice(*side) for side in box)] = True
    return mask


@st.composite
def mask_pairs(draw, margin=0, most=8):
    """Two masks on one grid with a voxel each: blobs, and the same ones moved, thinned and joined by others."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = tuple(rng.integers(8, 18, 3))
    reference = _blobs(rng, shape, int(rng.integers(1, most)))
    prediction = np.roll(reference, int(rng.integers(0, 3)), axis=int(rng.integers(0, 3)))
    prediction = (prediction & (rng.random(shape) > rng.choice([0.0, 0.4]))) | _blobs(
        rng, shape, int(rng.integers(0, 4))
    )
    prediction.flat[rng.integers(prediction.size)] = True
    return np.pad(reference, margin), np.pad(prediction, margin)


def _blobs(rng, shape, count):
    mask = np.zeros(shape, bool)
    for _ in range(count):
        centre, radius = rng.integers(0, shape), rng.integers(1, 4, 3)
        mask[tuple(slice(max(0, c - r), c + r) for c, r in zip(centre, radius, strict=True))] = True
    return mask
