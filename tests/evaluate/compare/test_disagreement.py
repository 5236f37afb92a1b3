from __future__ import annotations

from typing import Any

import pytest

from newlesions.evaluate.compare.disagreement import lesion_matrix
from newlesions.evaluate.compare.figures import lesion_map, svg


def row(number: int, volume: float, hit: int, side: str = "reference") -> dict[str, Any]:
    place = {"x_mm": 1.0, "y_mm": 2.0, "z_mm": 3.0}
    return {"side": side, "id": number, "volume_mm3": volume, "size_class": "10-30", "hit": hit, **place}


FIRST = {"a": [row(1, 30.0, 1), row(2, 10.0, 0), row(1, 5.0, 0, "predicted")], "b": [row(1, 20.0, 0)], "c": []}
SECOND = {"a": [row(1, 30.0, 1), row(2, 10.0, 0)], "b": [row(1, 20.0, 1)]}


def test_lesions_that_fewest_find_come_first_and_among_those_the_largest() -> None:
    matrix = lesion_matrix([FIRST, SECOND])
    assert [(one.pair, one.number, one.finders, one.found) for one in matrix] == [
        ("a", 2, 0, (False, False)),
        ("b", 1, 1, (False, True)),
        ("a", 1, 2, (True, True)),
    ]
    alone = lesion_matrix([FIRST])
    assert [(one.pair, one.number) for one in alone] == [("b", 1), ("a", 2), ("a", 1)]
    assert lesion_matrix([]) == []


def test_systems_that_were_scored_against_other_references_are_refused() -> None:
    with pytest.raises(ValueError, match="a: systems were scored against references with other lesions"):
        lesion_matrix([FIRST, {"a": [row(1, 30.0, 1)]}])


def test_the_map_has_equal_bytes_and_none_without_lesions() -> None:
    matrix = lesion_matrix([FIRST, SECOND])
    drawn = [lesion_map(matrix, ["one", "two"], ["two", "one"]) for _ in range(2)]
    assert drawn[0] is not None and drawn[1] is not None
    assert svg(drawn[0]) == svg(drawn[1])
    assert lesion_map([], ["one"], ["one"]) is None
