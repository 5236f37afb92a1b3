from __future__ import annotations

from newlesions.report.distributions import HEIGHT, WIDTH, distributions


def plot(values: list[float], measure: str = "snr"):
    (found,) = distributions([{measure: value} for value in values])
    return found


def test_bars_stay_in_their_box_and_rise_with_the_count():
    found = plot([30.0] * 10 + [40.0] * 5 + [50.0])
    assert [bar.height for bar in found.bars] == sorted((bar.height for bar in found.bars), reverse=True)
    assert all(0 <= bar.x <= WIDTH and bar.y >= 0 and bar.y + bar.height <= HEIGHT for bar in found.bars)
    assert len(found.bars) == 3 and (found.low, found.middle, found.high) == ("30", "30", "50")


def test_limits_are_drawn_where_they_lie_and_bars_beyond_them_are_marked():
    found = plot([5.0, 10.0, 25.0])
    assert [severity for _, severity in found.limits] == ["look", "bad"]
    assert [round(x) for x, _ in found.limits] == [WIDTH * 10 // 20, WIDTH * 3 // 20]
    assert [bar.severity for bar in found.bars] == ["bad", "look", "fine"]
    assert found.flagged == "1 look, 1 bad"
    assert plot([30.0, 60.0]).limits == [] and plot([30.0, 60.0]).flagged == ""


def test_numbers_that_are_absent_or_the_same_in_all_are_not_drawn():
    assert distributions([{"snr": 30.0}, {"snr": 30.0}, {"noise_percent": 3.0}, {}]) == []


def test_whole_numbers_stay_whole():
    assert plot([0.0, 0.0, 2.0], "warning_count").high == "2"


def test_a_bar_is_judged_by_its_values_and_not_by_where_it_ends():
    found = plot([0.0, 0.0, 1.0], "warning_count")
    assert [bar.severity for bar in found.bars] == ["fine", "look"]


def test_shares_are_told_in_percent():
    found = plot([0.12, 0.2, 0.6], "inu_range")
    assert found.name == "Bias field, %" and (found.low, found.middle, found.high) == ("12.0", "20.0", "60.0")
    assert [severity for _, severity in found.limits] == ["look"]
