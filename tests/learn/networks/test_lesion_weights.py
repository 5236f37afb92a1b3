from __future__ import annotations

import numpy as np
import pytest

from learn.networks.small import make_case, make_stage
from newlesions.errors import ConfigError
from newlesions.learn.networks.lesion_weights import check_lesion_weights, lesion_weights
from newlesions.learn.networks.sample import Batches, Patches
from newlesions.learn.networks.sources import read_source, tasks_of

SIZES = (2, 4, 8)


def cubes() -> np.ndarray:
    target = np.zeros((40, 16, 16), np.uint8)
    for number, side in enumerate(SIZES):
        target[4 + 12 * number :][:side, 2 : 2 + side, 2 : 2 + side] = 1
    return target


def test_voxels_of_small_lesions_weigh_more_and_all_of_them_together_less():
    """Proceedings p. 87."""
    weights = lesion_weights(cubes(), 1.0, power=0.5, unit_mm3=8**3).astype(float)
    each = [weights[4 + 12 * number, 2, 2] for number in range(3)]
    assert each == pytest.approx([(8 / side) ** 1.5 for side in SIZES], rel=1e-3)
    together = [weight * side**3 for weight, side in zip(each, SIZES, strict=True)]
    assert each == sorted(each, reverse=True) and together == sorted(together)
    assert weights[20, 14, 14] == 1, "where there is no lesion"
    assert each[-1] == 1 and (weights >= 1).all()
    half = lesion_weights(cubes(), 0.125, power=0.5, unit_mm3=64.0)
    np.testing.assert_array_equal(half, weights.astype(np.float16))


def test_patches_carry_the_weights_of_their_lesions_into_the_loss():
    case = make_case(1, 2)
    options = {"lesion_weights": {"power": 0.5, "unit_mm3": 1000.0}}
    plain, weighed = (
        make_stage(sample={"patch": [12, 12, 12], "batch": 4, "positive": 1.0, "options": one}) for one in ({}, options)
    )
    batches = []
    for stage in (plain, weighed):
        sources = [read_source(task, stage, {}) for task in tasks_of(case, stage)]
        batches.append(Batches(Patches(sources, stage, (12, 12, 12)), None, stage, 0).make(0))
    before, after = batches
    lesion = after.target > 0
    assert lesion.any() and (after.valid[lesion] > 5).all()
    np.testing.assert_array_equal(after.valid[~lesion], before.valid[~lesion])
    np.testing.assert_array_equal(after.target, before.target)


def test_a_warped_lesion_keeps_one_weight():
    case = make_case(2, 1)
    stage = make_stage(
        sample={"patch": [12, 12, 12], "batch": 6, "positive": 1.0, "options": {"lesion_weights": {}}},
        augment=[{"name": "affine", "degrees": 20}],
    )
    sources = [read_source(task, stage, {}) for task in tasks_of(case, stage)]
    batch = Batches(Patches(sources, stage, (12, 12, 12)), None, stage, 0).make(0)
    volume = case.masks["new"].sum()
    weights = batch.valid[batch.target > 0]
    np.testing.assert_allclose(weights, (1000 / volume) ** 0.5, rtol=2e-3)


@pytest.mark.parametrize("options", [{"powr": 1}, {"power": 1.5}, {"unit_mm3": 0}])
def test_what_cannot_be_is_refused(options):
    with pytest.raises(ConfigError, match="lesion_weights"):
        check_lesion_weights(options)
