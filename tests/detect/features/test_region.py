from __future__ import annotations

import pytest

from detect.made_pairs import made_pair
from newlesions.detect.features.region import region_of
from newlesions.errors import ConfigError


def test_the_whole_brain():
    pair, _ = made_pair()
    assert (region_of(pair, "brain") == pair.brain).all()


@pytest.mark.parametrize("seed", range(3))
def test_what_rises_holds_the_lesions_and_little_else(seed):
    pair, truth = made_pair(seed)
    region = region_of(pair, "rising")
    assert region[truth].mean() > 0.95
    assert region.sum() < 0.2 * pair.brain.sum()
    assert not region_of(pair.swapped(), "rising")[truth].any()


def test_other_regions_are_refused():
    with pytest.raises(ConfigError, match=r"train\.region: found 'head'"):
        region_of(made_pair()[0], "head")
