from __future__ import annotations

import pytest

from newlesions.report.timeline import timelines


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
