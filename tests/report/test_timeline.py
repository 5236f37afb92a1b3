from __future__ import annotations

import pytest

from newlesions.report.timeline import time_marks, timelines


def pair(subject: str, baseline: str, followup: str, days: str = "365", count: str = "0") -> dict[str, str]:
    names = {"pair": f"sub-{subject}_ses-{followup}", "baseline_session": baseline, "followup_session": followup}
    return {**names, "subject": subject, "days": days, "new_count": count, "new_volume_mm3": "10"}


def test_visits_stand_at_their_times_on_one_scale_for_all():
    long = [pair("01", "a", "b", "400"), pair("01", "b", "c", "600", "4")]
    short = [pair("02", "a", "b", "200", "1"), pair("02", "b", "c", "300")]
    first, second = timelines([*long, *short], {"sub-01_ses-c": "there"})
    assert [visit.x for visit in first.visits] == pytest.approx([0, 40, 100])
    assert [visit.x for visit in second.visits] == pytest.approx([0, 20, 50])
    assert (first.subject, first.new, first.to_scale) == ("01", 4, True)
    assert first.visits[2].href == "there" and first.visits[2].size > first.visits[1].size
    assert first.visits[2].text == "ses-c, day 1000: 4 new since ses-b, 10 mm³"


def test_two_visits_make_no_line():
    assert timelines([pair("01", "a", "b"), pair("02", "a", "b")], {}) == []


def test_visits_that_are_all_compared_with_the_first_stand_at_their_times():
    (line,) = timelines([pair("01", "a", "c", "900"), pair("01", "a", "b", "300")], {})
    assert [(visit.session, visit.x) for visit in line.visits] == [("a", 0), ("b", pytest.approx(100 / 3)), ("c", 100)]


@pytest.mark.parametrize(
    "pairs",
    [
        [pair("01", "a", "b", ""), pair("01", "b", "c")],
        [pair("01", "a", "b"), pair("01", "c", "d")],  # the pair b to c failed
    ],
)
def test_unknown_times_give_equal_distances_and_say_so(pairs):
    (line,) = timelines(pairs, {})
    assert not line.to_scale
    places = [visit.x for visit in line.visits]
    assert places == pytest.approx([100 * index / (len(places) - 1) for index in range(len(places))])
    assert "day" not in line.visits[1].text


def test_those_with_most_new_lesions_come_first():
    some = [
        pair("01", "a", "b"),
        pair("01", "b", "c", count="1"),
        pair("02", "a", "b", count="3"),
        pair("02", "b", "c"),
    ]
    assert [line.subject for line in timelines(some, {})] == ["02", "01"]


def test_marks_of_the_axis_lie_where_their_times_lie():
    long = [pair("01", "a", "b", "365.25"), pair("01", "b", "c", "1095.75")]
    assert [(round(x), words) for x, words in time_marks(long)] == [
        (0, "first visit"),
        (25, "1 year"),
        (50, "2 years"),
        (75, "3 years"),
        (100, "4 years"),
    ]
    short = [pair("01", "a", "b", "31"), pair("01", "b", "c", "31")]
    assert [words for _, words in time_marks(short)] == ["first visit", "1 month", "2 months"]
    decades = [pair("01", "a", "b", "7305"), pair("01", "b", "c", "7305")]
    assert [words for _, words in time_marks(decades)] == ["first visit", *(f"{n} years" for n in range(5, 45, 5))]


def test_lines_that_are_not_to_scale_have_no_axis():
    assert time_marks([pair("01", "a", "b", ""), pair("01", "b", "c")]) == []
    assert time_marks([pair("01", "a", "b")]) == []
