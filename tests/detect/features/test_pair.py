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
