from __future__ import annotations

import numpy as np

from detect.made_pairs import made_pair


def test_exchanging_twice_changes_nothing_and_once_exchanges_everything():
    pair, _ = made_pair()
    pair.change[3, 3, 3:7] = [1, 2, 3, 4]
    swapped = pair.swapped()
    assert swapped.change[3, 3, 3:7].tolist() == [3, 4, 1, 2]
    assert swapped.before is pair.after
    assert swapped.slice_mm == (3.0, 1.0)
    np.testing.assert_array_equal(swapped.swapped().change, pair.change)
    assert pair.spacing == 1


def test_what_is_computed_for_an_image_is_shared_with_the_exchanged_pair():
    pair, _ = made_pair()
    calls = []

    def compute():
        calls.append(1)
        return pair.before + 1

    first = pair.once(pair.before, "more", compute)
    assert pair.swapped().once(pair.before, "more", compute) is first
    assert pair.once(pair.after, "more", compute) is not first
    assert len(calls) == 2
