"""What a network says, as features of voxels and of lesions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from detect.made_pairs import made_pair
from learn.boosting.trained import settings
from newlesions.detect.features.network import OWN, logit
from newlesions.detect.features.region import region_of
from newlesions.detect.features.table import NAMES, features_of
from newlesions.detect.refinement.apply import refine
from newlesions.detect.refinement.candidates import NETWORK_NAMES, candidate_features, find_candidates, names_for
from newlesions.detect.refinement.model import Model
from newlesions.errors import ConfigError
from newlesions.learn.boosting.fit import fit
from newlesions.learn.boosting.samples import collect, write_samples


def seen(seed=0):
    """A made pair with a network that is sure of the lesions, less so around them, and blind to what went."""
    pair, truth = made_pair(seed)
    chance = ndimage.gaussian_filter(truth.astype(np.float32), 0.7)
    return replace(pair, network=(chance, np.zeros_like(chance))), truth


def test_the_networks_columns_follow_the_rich_ones():
    pair, _ = seen()
    region = region_of(pair, "rising")
    rich, both = features_of(pair, region, "rich"), features_of(pair, region, "network")
    assert NAMES["network"] == (*NAMES["rich"], *OWN)
    np.testing.assert_array_equal(both[:, : rich.shape[1]], rich)
    np.testing.assert_allclose(both[:, -3], logit(pair.network[0][region]), rtol=1e-6)
    assert (both[:, -1] >= both[:, -3]).all()


def test_the_exchanged_pair_sees_the_other_direction():
    pair, _ = seen()
    region = region_of(pair, "rising")
    assert features_of(pair.swapped(), region, "network")[:, -3] == pytest.approx(float(logit(np.float32([0]))[0]))


def test_without_a_network_the_reason_is_told():
    pair, _ = made_pair()
    with pytest.raises(ConfigError, match="expected a recipe with a network stage"):
        features_of(pair, region_of(pair, "rising"), "network")


def test_candidates_have_the_networks_mean_and_maximum():
    pair, truth = seen()
    region = region_of(pair, "rising")
    index, features = np.flatnonzero(region), features_of(pair, region, "network")
    place = (index, region.shape)
    found = find_candidates(truth[region].astype(float), *place, 0.5, 1.0)
    often = np.zeros(len(index), np.float32)
    table = candidate_features(found, features, often, truth[region].astype(float), *place, 1.0)
    assert table.shape == (found.count, len(names_for("network")))
    assert found.count >= 3
    by_name = dict(zip(names_for("network"), table.T, strict=True))
    assert set(NETWORK_NAMES) <= set(by_name)
    first = found.rows[found.lesion == 0]
    assert by_name["mean_network_logit"][0] == pytest.approx(features[first, -3].mean(), rel=1e-5)
    assert by_name["max_network_logit"][0] == pytest.approx(features[first, -3].max(), rel=1e-5)


def test_a_model_that_sees_a_network_is_trained_stored_and_applied(tmp_path):
    how = settings(features="network")
    paths = []
    for seed in range(6):
        pair, truth = seen(seed)
        paths.append(tmp_path / f"{seed}.npz")
        write_samples(paths[-1], collect(pair, truth, f"p{seed}", f"s{seed}", how))
    fit(paths, how, 1, "mine").write(tmp_path / "model")
    pair, truth = seen(7)
    found = refine(pair, Model.read(tmp_path / "model")).change == 1
    assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.7
