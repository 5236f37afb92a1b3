from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detect.made_pairs import made_pair
from newlesions.detect.features.region import brain_level, region_of
from newlesions.detect.features.table import NAMES, features_of
from newlesions.errors import ConfigError


def columns(pair, region, kind="rich"):
    return dict(zip(NAMES[kind], features_of(pair, region, kind).T, strict=True))


@pytest.mark.parametrize("kind", ["rich", "neighbours"])
def test_one_finite_row_per_voxel(kind):
    pair, _ = made_pair()
    region = region_of(pair, "rising")
    features = features_of(pair, region, kind)
    assert features.shape == (region.sum(), len(NAMES[kind]))
    assert features.dtype == np.float32
    assert np.isfinite(features).all()
    assert features_of(pair, np.zeros_like(region), kind).shape == (0, len(NAMES[kind]))


def test_other_sets_are_refused():
    with pytest.raises(ConfigError, match=r"train\.features: found 'all'"):
        features_of(made_pair()[0], made_pair()[0].brain, "all")


def test_neighbours_are_the_papers_21_in_their_places():
    pair, _ = made_pair()
    pair.change[20, 20, 20] = 1
    region = np.zeros_like(pair.brain)
    region[20, 20, 20] = region[21, 20, 20] = True
    found = columns(pair, region, "neighbours")
    assert len(found) == 21
    assert found["candidate"].tolist() == [1, 0]
    assert found["candidate_x-"].tolist() == [0, 1]
    z = (pair.after - pair.after[pair.brain].mean()) / pair.after[pair.brain].std()
    assert found["followup_y+"][0] == pytest.approx(z[20, 21, 20], abs=1e-4)
    assert found["baseline_z-"][1] == pytest.approx(
        (pair.before[21, 20, 19] - pair.before[pair.brain].mean()) / pair.before[pair.brain].std(), abs=1e-4
    )


def test_rich_features_tell_new_lesions_from_the_rest():
    pair, truth = made_pair()
    region = region_of(pair, "rising")
    found, new = columns(pair, region), truth[region]
    for name in ("difference_0.75mm", "min_shift_1mm", "contrast_difference", "z_difference", "lesion_near_followup"):
        assert found[name][new].mean() > found[name][~new].mean() + 2 * found[name][~new].std(), name
    assert abs(found["contrast_baseline"][new].mean()) < 0.1


def test_a_shift_of_a_voxel_is_no_rise():
    pair, _ = made_pair(new=0, noise=0.0)
    edge = np.zeros(pair.brain.shape, np.float32)
    edge[20:] = 20
    moved = replace(pair, before=pair.before + edge, after=pair.after + np.roll(edge, -1, axis=0))
    region = np.zeros_like(pair.brain)
    region[19, 10:30, 10:30] = True
    found = columns(moved, region)
    assert found["difference_0mm"].mean() > 0.25
    assert found["min_shift_1mm"].max() < 0.1


def test_a_common_gain_changes_nothing():
    pair, _ = made_pair()
    region = region_of(pair, "rising")
    louder = replace(pair, before=pair.before * 7, after=pair.after * 7)
    assert brain_level(louder) == pytest.approx(7 * brain_level(pair))
    np.testing.assert_allclose(
        features_of(louder, region, "rich"), features_of(pair, region, "rich"), rtol=1e-3, atol=2e-4
    )


def test_bias_between_the_visits_is_seen_and_lesions_do_not_count_as_bias():
    pair, truth = made_pair(noise=0.01)
    region = region_of(pair, "rising")
    assert np.abs(columns(pair, region)["bias_residual"]).max() < 0.02
    brighter = replace(pair, after=pair.after * 1.1)
    assert columns(brighter, truth)["bias_residual"].mean() == pytest.approx(0.095, abs=0.02)


def test_places_are_those_of_mni():
    pair, _ = made_pair()
    region = np.zeros_like(pair.brain)
    region[10, 20, 30] = True
    found = columns(pair, region)
    assert (found["mni_x_abs"][0], found["mni_y"][0], found["mni_z"][0]) == (42, -20, 35)
    assert 0 <= found["white_matter"][0] <= 1
    assert (found["slice_baseline_mm"][0], found["slice_followup_mm"][0]) == (1, 3)
