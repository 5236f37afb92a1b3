from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score

from evaluate.compare.synthetic import COUNTS
from newlesions.evaluate.compare.curves import Points, average_precision, froc_score, pool, pool_all, sensitivity_at

COLUMNS = ["pair", "threshold", *COUNTS]
NAN = float("nan")


def curves(*rows: tuple) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=COLUMNS)


TWO = curves(
    ("p1", 0.2, 40, 100, 50, 3, 4, 3, 6),
    ("p1", 0.8, 20, 20, 50, 1, 4, 1, 1),
    ("p1", NAN, 30, 50, 50, 2, 4, 2, 3),
    ("p2", 0.2, 0, 60, 0, 0, 0, 0, 2),
    ("p2", 0.8, 0, 0, 0, 0, 0, 0, 0),
    ("p2", NAN, 0, 10, 0, 0, 0, 0, 1),
)


def points(false: list[float], sensitivity: list[float]) -> Points:
    empty = np.full(len(false), np.nan)
    return Points(np.arange(len(false), dtype=float), np.array(sensitivity), np.array(false), empty, empty, empty)


def test_counts_are_summed_before_they_are_divided() -> None:
    pooled = pool(TWO)
    assert (pooled.pairs, pooled.without) == (2, 0)
    assert pooled.curve.threshold.tolist() == [0.2, 0.8]
    assert pooled.curve.sensitivity.tolist() == [3 / 4, 1 / 4]
    assert pooled.curve.false_per_scan.tolist() == [(3 + 2) / 2, 0]
    assert pooled.curve.lesion_precision.tolist() == [3 / 8, 1]
    assert pooled.curve.recall.tolist() == [40 / 50, 20 / 50]
    assert pooled.curve.precision.tolist() == [40 / 160, 1]
    assert (pooled.mask.sensitivity[0], pooled.mask.false_per_scan[0], pooled.mask.precision[0]) == (0.5, 1, 0.5)


def test_the_order_of_rows_does_not_matter() -> None:
    shuffled = pool(TWO.sample(frac=1, random_state=1))
    assert np.array_equal(shuffled.curve.false_per_scan, pool(TWO).curve.false_per_scan)


def test_pairs_without_a_map_are_left_out_of_curve_and_mask() -> None:
    more = pd.concat([TWO, curves(("p3", NAN, 0, 99, 99, 0, 9, 0, 9))])
    pooled = pool(more)
    assert (pooled.pairs, pooled.without) == (2, 1)
    assert pooled.mask.sensitivity[0] == 0.5


def test_without_any_map_there_is_the_mask_alone() -> None:
    pooled = pool(TWO[TWO["threshold"].isna()])
    assert (pooled.pairs, pooled.without) == (0, 0)
    assert len(pooled.curve.threshold) == 0
    assert pooled.mask.false_per_scan.tolist() == [1]
    assert np.isnan([froc_score(pooled.curve), average_precision(pooled.curve)]).all()


def test_only_thresholds_of_every_pair_are_pooled() -> None:
    more = pd.concat([TWO, curves(("p1", 0.5, 1, 1, 50, 1, 4, 1, 1))])
    assert pool(more).curve.threshold.tolist() == [0.2, 0.8]


def test_nothing_to_find_and_nothing_predicted_are_undefined() -> None:
    pooled = pool(TWO[TWO["pair"] == "p2"])
    assert np.isnan(pooled.curve.sensitivity).all()
    assert np.isnan(pooled.curve.precision).tolist() == [False, True]
    assert pool_all({"a": TWO.iloc[:0], "b": TWO}).keys() == {"b"}


def test_sensitivity_at_a_rate_is_the_best_allowed_one() -> None:
    curve = points([4, 1, 0.5, 0], [0.8, 0.9, 0.4, 0.1])  # merged lesions: fewer found at the lowest threshold
    assert [sensitivity_at(curve, rate) for rate in (0.1, 0.5, 2, 8)] == [0.1, 0.4, 0.9, 0.9]
    assert sensitivity_at(points([2], [0.5]), 1) == 0
    assert froc_score(curve) == pytest.approx(np.mean([0.1, 0.1, 0.4, 0.9, 0.9, 0.9, 0.9]))
    assert froc_score(points([0], [1])) == 1


def test_average_precision_is_scikit_learns_when_every_value_is_a_threshold() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random(60) < 0.4
    scores = np.round(np.clip(0.3 * truth + rng.random(60), 0, 1), 1)
    rows = [
        ("p", t, int((truth & (scores >= t)).sum()), int((scores >= t).sum()), int(truth.sum()), 0, 1, 0, 0)
        for t in np.unique(scores)
    ]
    assert average_precision(pool(curves(*rows)).curve) == pytest.approx(average_precision_score(truth, scores))
