"""A model trained on small made pairs, once per process."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import numpy as np
from scipy import ndimage

from detect.made_pairs import made_pair
from newlesions.learn.boosting.fit import fit
from newlesions.learn.boosting.samples import collect, write_samples

SETTINGS = {
    "features": "rich",
    "region": "rising",
    "lesions": True,
    "folds": "loo",
    "inner_folds": 3,
    "early_stopping": 10,
    "rounds": 60,
    "learning_rate": 0.1,
    "leaves": 15,
    "min_leaf": 20,
    "max_rows": 40000,
    "negatives": 500,
    "even_lesions": 0.5,
    "threshold": None,
    "min_voxels": 0,
    "minor_axis": 0.0,
    "seed": 0,
}


def settings(**over):
    return SETTINGS | over


def write_pairs(folder, count, over=None, start=0):
    """Samples of made pairs, noisy enough that some candidates are false."""
    paths = []
    for seed in range(start, start + count):
        pair, truth = noisy_pair(seed)
        path = folder / f"{seed}.npz"
        write_samples(path, collect(pair, truth, f"p{seed}", f"s{seed}", over or SETTINGS))
        paths.append(path)
    return paths


def noisy_pair(seed):
    """A pair with four new lesions and nine smoother rises that are none; every fourth pair has no new lesion."""
    pair, truth = made_pair(seed, new=4 if seed % 4 else 0)
    rng = np.random.default_rng(seed + 1000)
    drift = np.zeros(pair.brain.shape)
    for _ in range(9):
        place = np.zeros(drift.shape)
        place[tuple(rng.integers(8, n - 8) for n in drift.shape)] = 1
        spot = ndimage.gaussian_filter(place, rng.uniform(1.0, 2.0))
        drift += rng.uniform(8, 20) * spot / spot.max()
    pair.after[...] += drift.astype(np.float32)
    return pair, truth


@cache
def model():
    """Trained with `SETTINGS` on eight pairs."""
    with tempfile.TemporaryDirectory() as folder:
        return fit(write_pairs(Path(folder), 8), SETTINGS, 1, "boosted")
