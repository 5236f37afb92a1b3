from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from newlesions.images.volume import Volume
from newlesions.preprocess.information import mutual_information

SHAPE = (40, 36, 32)
AT = np.indices(SHAPE) - np.reshape(SHAPE, (3, 1, 1, 1)) / 2
BRAIN = np.asarray(((AT / np.reshape([16, 14, 13], (3, 1, 1, 1))) ** 2).sum(0) < 1)
HEAD = 50 + 30 * ndimage.gaussian_filter(np.random.default_rng(0).normal(size=SHAPE), 2) * 8


def scan(shift: float = 0.0, noise: int = 1) -> Volume:
    data = ndimage.shift(HEAD, (shift, 0, 0), order=1, mode="nearest")
    return Volume((data + np.random.default_rng(noise).normal(0, 1, SHAPE)).astype(np.float32), np.eye(4))


def test_it_falls_with_the_distance_and_does_not_know_the_order() -> None:
    near, farther, far = (mutual_information(scan(), scan(shift, 2), BRAIN) for shift in (0, 1, 3))
    assert near > farther > far > 0
    assert mutual_information(scan(), scan(1, 2), BRAIN) == mutual_information(scan(1, 2), scan(), BRAIN)


def test_what_lies_outside_the_brain_does_not_matter() -> None:
    other = scan(noise=2)
    changed = other.with_data(np.where(BRAIN, other.data, 500).astype(np.float32))
    assert mutual_information(scan(), other, BRAIN) == mutual_information(scan(), changed, BRAIN)


def test_a_line_between_the_intensities_does_not_matter() -> None:
    other = scan(noise=2)
    scaled = other.with_data(3 * other.data)
    told = mutual_information(scan(), other, BRAIN)
    assert mutual_information(scan(), scaled, BRAIN) == pytest.approx(told, rel=1e-3)
