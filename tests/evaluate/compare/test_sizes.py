from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evaluate.compare.synthetic import size_class
from newlesions.evaluate.compare.sizes import recall_by_class, smooth_recall


def lesions(volumes: list[float], hits: list[int], side: str = "reference") -> pd.DataFrame:
    classes = [size_class(volume) for volume in volumes]
    return pd.DataFrame({"pair": "p", "side": side, "size_class": classes, "volume_mm3": volumes, "hit": hits})


def test_classes_count_reference_lesions_with_wilsons_interval() -> None:
    table = pd.concat([lesions([5, 8, 9, 400], [0, 1, 0, 1]), lesions([5, 5], [1, 1], "predicted")])
    small, large = recall_by_class(table)
    assert (small.size_class, small.found, small.reference) == ("3-10", 1, 3)
    assert small.volume == pytest.approx((5 * 8 * 9) ** (1 / 3))
    assert (large.size_class, large.recall, large.high) == (">300", 1, pytest.approx(1))
    assert large.low == pytest.approx(1 / (1 + 1.959964**2))  # Wilson's lower bound of n of n


def test_smooth_recall_follows_the_lesions_and_stops_where_they_are_few() -> None:
    volumes = list(np.geomspace(4, 1000, 200))
    volume, recall = smooth_recall(lesions(volumes, [int(v > 60) for v in volumes]))
    assert recall[0] < 0.01 and recall[-1] > 0.99
    assert np.all(np.diff(recall) > -1e-9)
    assert np.interp(60, volume, recall) == pytest.approx(0.5, abs=0.03)
    assert np.isnan(smooth_recall(lesions([5, 500], [1, 0]))[1]).all()


def test_no_lesion_gives_nothing() -> None:
    assert recall_by_class(lesions([], [])) == []
    assert smooth_recall(lesions([], []))[0].size == 0
