from __future__ import annotations

import numpy as np

from newlesions.detect.refinement.frequency import empty_frequency, frequency_at, frequency_of


def test_frequent_where_the_lesions_are_and_at_the_mirrored_place():
    places = np.array([[30.0, -20, 25]] * 40)
    found = frequency_of(places)
    here, there, far = frequency_at(found, np.array([[30.0, -20, 25], [-30.0, -20, 25], [30.0, 40, 25]]))
    assert here > 0.01
    assert abs(here - there) < 0.1 * here
    assert far < here / 100


def test_a_large_lesion_counts_as_one():
    few, many = (frequency_of(np.array([[30.0, -20, 25]] * n)).data.max() for n in (40, 4000))
    assert few == many


def test_nothing():
    assert not empty_frequency().data.any()
    assert not frequency_of(np.zeros((0, 3))).data.any()
