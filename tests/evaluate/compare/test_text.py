from __future__ import annotations

import pytest

from newlesions.evaluate.compare import text
from newlesions.evaluate.compare.bootstrap import Bootstrap
from newlesions.evaluate.compare.catalogue import MEASURES


@pytest.mark.parametrize(
    ("value", "digits", "expected"),
    [(0.12345, 3, "0.123"), (-0.0004, 3, "0.000"), (-2, 0, "-2"), (float("nan"), 3, "–"), (float("inf"), 1, "–")],
)
def test_numbers(value: float, digits: int, expected: str) -> None:
    assert text.number(value, digits) == expected


def test_intervals_and_p_values() -> None:
    assert text.interval(-1, 2.345, 1) == "[-1.0, 2.3]"
    assert text.interval(float("nan"), float("nan")) == "–"
    assert [text.p_value(p) for p in (0.0009, 0.0412, 1, float("nan"))] == ["<0.001", "0.041", "1.000", "–"]
    assert (text.rank(1.5), text.rank(2)) == ("1.5", "2")


def test_labels_say_the_direction() -> None:
    assert text.heading(MEASURES["Dice"]) == "Dice ↑"
    assert text.heading(MEASURES["assd_mm"]) == "ASSD (mm) ↓"
    assert text.heading(MEASURES["count_difference"]) == "Count difference"
    assert text.label("overall") == "Overall (mean rank)"


def test_conventions_name_the_bootstrap() -> None:
    said = "\n".join(text.conventions(Bootstrap(500, 7, 0.9)))
    assert "90 % bootstrap intervals" in said and "500 resamples, seed 7" in said
