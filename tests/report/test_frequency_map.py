from __future__ import annotations

import numpy as np
import pytest

from newlesions.images.volume import Volume
from newlesions.report import frequency_map as module
from newlesions.report.frequency_map import frequency_map, pairs_at
from newlesions.report.tables import Lesion

AFFINE = np.array([[2.0, 0, 0, -90], [0, 2.0, 0, -126], [0, 0, 2.0, -72], [0, 0, 0, 1]])
SHAPE = (91, 109, 91)


def lesion(place: tuple[float, float, float] | None, volume: float | None = 500.0, kind: str = "new") -> Lesion:
    return Lesion(1, kind, volume, None, None, place, "", None, None, None, None)


def template() -> Volume:
    i, j, k = np.indices(SHAPE)
    head = ((i - 45) / 38) ** 2 + ((j - 54) / 46) ** 2 + ((k - 45) / 40) ** 2 < 1
    return Volume(head.astype(np.float32), AFFINE)


def test_a_lesion_fills_its_volume_about_its_centre():
    counts = pairs_at([[lesion((20, -30, 10), 3000.0)]], SHAPE, AFFINE)
    assert counts.sum() * 8 == pytest.approx(3000, rel=0.1)
    places = np.argwhere(counts) @ np.diag([2.0, 2, 2]) + AFFINE[:3, 3]
    np.testing.assert_allclose(places.mean(axis=0), [20, -30, 10], atol=0.5)


def test_pairs_are_counted_not_lesions():
    here, near, far = lesion((20, -30, 10)), lesion((21, -30, 10)), lesion((-20, -30, 10))
    counts = pairs_at([[here, near], [here], [far]], SHAPE, AFFINE)
    assert counts.max() == 2
    assert counts[45 - 10, 48, 41] == 1 and counts[45 + 10, 48, 41] == 2


def test_the_smallest_lesion_is_seen_and_one_outside_the_map_is_none():
    assert pairs_at([[lesion((0.9, 0.9, 0.9), 0.5)]], SHAPE, AFFINE).any()
    assert not pairs_at([[lesion((500, 0, 0))]], SHAPE, AFFINE).any()
    assert pairs_at([[lesion((-90, -126, -72))]], SHAPE, AFFINE)[0, 0, 0] == 1


def test_only_new_lesions_of_known_place_and_size_are_drawn():
    cohort = [[lesion((20, -30, 10)), lesion((0, 0, 0), kind="gone"), lesion(None)], [lesion((9, 9, 9), None)], []]
    found = frequency_map(cohort, template())
    assert found is not None and (found.lesions, found.pairs, found.most) == (1, 1, 1)
    assert frequency_map([[lesion((0, 0, 0), kind="gone")], []], template()) is None


def test_colours_are_where_the_lesion_is(monkeypatch):
    sheets = []
    monkeypatch.setattr(module, "data_uri", lambda picture, quality: sheets.append(picture) or "data:")
    found = frequency_map([[lesion((40, 30, 9), 200.0)]], template())
    sheet = sheets[0].astype(int)
    coloured = np.argwhere(np.ptp(sheet, axis=-1) > 40)
    assert len(coloured)
    # The section at z +9 is the sixth of the first row; the patient's right is on its left, the front is up.
    width, height = sheet.shape[1] / 6, sheet.shape[0] / 2
    row, column = coloured.mean(axis=0)
    assert 5 < column / width < 5.5 and 0 < row / height < 0.5
    assert found is not None and [text.text for text in found.figure.texts][5] == "z +9"
    letters = {text.text: text.x / width for text in found.figure.texts[12:14]}
    assert letters["R"] < 0.2 and letters["L"] > 0.8
    assert sum(text.text in ("R", "L") for text in found.figure.texts) == 24
