from __future__ import annotations

import numpy as np
from scipy import ndimage

from detect.made_pairs import made_pair
from learn.boosting.trained import model
from newlesions.detect.refinement.apply import refine


def test_exchanging_the_visits_exchanges_new_with_gone():
    pair, truth = made_pair(31, new=3, gone=2)
    here, there = refine(pair, model()), refine(pair.swapped(), model())
    exchange = np.array([0, 3, 4, 1, 2], np.uint8)
    np.testing.assert_array_equal(there.change, exchange[here.change])
    np.testing.assert_allclose(there.signed, -here.signed, atol=1e-6)
    assert (here.change == 1)[truth].mean() > 0.5
    assert (here.change == 3).any()


def test_every_accepted_lesion_has_its_probability_and_its_reasons():
    pair, _ = made_pair(32)
    found = refine(pair, model())
    assert len(found.lesions) == found.facts["accepted"]
    for row in found.lesions:
        at = tuple(round(value) for value in row["centre"])
        assert abs(found.signed[at] - row["probability"]) < 1e-4
        assert row["probability"] >= model().accept - 1e-4
        assert len(row["top"]) == 4
        effects = [abs(reason["effect"]) for reason in row["top"]]
        assert effects == sorted(effects, reverse=True)
        assert all(reason["meaning"] for reason in row["top"])


def test_a_lesion_against_an_earlier_one_enlarges():
    pair, truth = made_pair(33, new=1)
    shell = ndimage.binary_dilation(truth, iterations=2) & ~truth
    pair.before[shell] += 25
    pair.after[shell] += 25
    found = refine(pair, model())
    assert set(np.unique(found.change[truth])) <= {0, 2}
