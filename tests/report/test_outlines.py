from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as arrays

from newlesions.report.outlines import contours, svg_path


def area(curve: np.ndarray) -> float:
    x, y = curve.T
    return abs(float(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1]))) / 2


def test_outline_of_a_square_goes_round_it():
    mask = np.zeros((8, 9), bool)
    mask[2:5, 3:7] = True
    (curve,) = contours(mask)
    assert curve.min(axis=0).tolist() == [3, 2]
    assert curve.max(axis=0).tolist() == [7, 5]
    assert area(curve) == pytest.approx(12 - 4 * 0.125)  # the corners are cut


def test_a_mask_that_touches_the_border_is_closed_along_it():
    (curve,) = contours(np.ones((4, 5), bool))
    assert np.array_equal(curve[0], curve[-1])
    assert curve.min() == 0 and curve.max(axis=0).tolist() == [5, 4]


def test_nothing_has_no_outline():
    assert contours(np.zeros((5, 5), bool)) == []
    assert svg_path([]) == ""


@settings(max_examples=30)
@given(arrays.arrays(bool, (6, 7)))
def test_path_text_gives_the_curves_back(mask):
    curves = contours(mask)
    text = svg_path(curves, (10, 20))
    subpaths = re.findall(r"M([^l]+)l([^z]+)z", text)
    assert len(subpaths) == len(curves)
    for (start, steps), curve in zip(subpaths, curves, strict=True):
        relative = np.array(steps.split(), float).reshape(-1, 2)
        points = np.cumsum(np.vstack([np.array(start.split(), float), relative]), axis=0)
        assert np.allclose(points, curve[:-1] + np.array([10, 20]), atol=0.051)
