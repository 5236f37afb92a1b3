"""How much the voxels of a pair weigh in training."""

import numpy as np
import pytest

from learn.boosting.trained import settings
from newlesions.learn.boosting.samples import Samples
from newlesions.learn.boosting.voxels import lesion_weights


def samples(sizes, spacing=1.0):
    """Lesions of these many voxels along the first axis, each in a plane of its own, and one voxel of none."""
    shape = (max(sizes), 2 * len(sizes), 2)
    truth = np.zeros(shape, bool)
    for number, size in enumerate(sizes):
        truth[:size, 2 * number, 0] = True
    looked_at = truth.copy()
    looked_at[0, 1, 1] = True
    count = int(looked_at.sum())
    index = np.flatnonzero(looked_at)
    return Samples(
        "p", "s", shape, spacing, index, np.zeros((count, 1), np.float32), truth.ravel()[index].astype(np.uint8),
        np.zeros(count, bool), np.ones(count, np.float32), np.zeros((count, 3), np.float32), np.flatnonzero(truth),
        np.zeros((int(truth.sum()), 3), np.float32),
    )  # fmt: skip


def weight_of(pair, weights, number):
    where = np.unravel_index(pair.index, pair.shape)[1] == 2 * number
    return weights[where]


def test_with_0_every_voxel_weighs_the_same():
    assert np.all(lesion_weights(samples([20, 80]), 0.0) == 1)


def test_with_1_all_lesions_weigh_the_same_in_sum():
    pair = samples([20, 80, 200])
    weights = lesion_weights(pair, 1.0)
    sums = [weight_of(pair, weights, number).sum() for number in range(3)]
    assert sums == pytest.approx([60, 60, 60])
    assert weights[pair.label == 0] == pytest.approx(1)


def test_the_volume_in_mm3_counts():
    fine = samples([160], spacing=0.5)
    assert weight_of(fine, lesion_weights(fine, 1.0), 0)[0] == pytest.approx(60 / 20)


def test_the_smallest_and_the_largest_have_a_limit():
    pair = samples([1, 1000])
    weights = lesion_weights(pair, 1.0)
    assert weight_of(pair, weights, 0) == pytest.approx(4)
    assert weight_of(pair, weights, 1) == pytest.approx(0.25)


def test_a_pair_without_lesions():
    assert lesion_weights(samples([1]), settings()["even_lesions"]).shape == (2,)
    none = samples([1])
    none = Samples(**{**none.__dict__, "truth": np.zeros(0, np.int64)})
    assert np.all(lesion_weights(none, 0.5) == 1)
