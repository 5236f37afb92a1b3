from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newlesions.cohort.dates import days_between, order_sessions, parse_date, sidecar_date

DAYS = st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1))


@pytest.mark.parametrize(
    "text", ["2021-03-04", "20210304", "2021/03/04", "2021-03-04T10:11:12", "2021-03-04T01:00:00Z"]
)
def test_common_dates_are_read(text: str) -> None:
    moment = parse_date(text)
    assert moment is not None
    assert moment.date().isoformat() == "2021-03-04"


@pytest.mark.parametrize("text", ["", "n/a", "N/A", "spring", "2021", "2021-02-30", None, 20210304])
def test_others_are_absent(text: object) -> None:
    assert parse_date(text) is None


def test_sidecar_prefers_the_full_moment() -> None:
    date = {"AcquisitionDate": "20200101", "AcquisitionTime": "13:45:00.5"}
    assert sidecar_date(date) == datetime(2020, 1, 1, 13, 45, 0, 500000)
    assert sidecar_date({**date, "AcquisitionDateTime": "2021-03-04T00:00:00"}) == datetime(2021, 3, 4)
    assert sidecar_date({"AcquisitionTime": "13:45:00"}) is None
    assert sidecar_date({**date, "AcquisitionTime": "noon"}) == datetime(2020, 1, 1)


def test_labels_sort_naturally_without_dates() -> None:
    assert order_sessions("01", ["10", "2", "1"], []).labels == ["1", "2", "10"]


@given(st.dictionaries(st.text("abc123", min_size=1, max_size=4), DAYS, min_size=2, max_size=6))
def test_dates_of_all_sessions_decide(dates: dict[str, datetime]) -> None:
    order = order_sessions("01", list(dates), [("x.tsv", dates)])
    if len(set(dates.values())) == len(dates):
        assert [order.dates[label] for label in order.labels] == sorted(dates.values())
    else:
        assert not order.dates
        assert "same date" in order.notes[0]


def test_dates_of_some_sessions_do_not_decide_and_sources_are_not_mixed() -> None:
    late, early = datetime(2021, 1, 1), datetime(2020, 1, 1)
    order = order_sessions("01", ["1", "2"], [("a", {"1": late}), ("b", {"2": early})])
    assert order.labels == ["1", "2"]
    assert not order.dates
    assert order.notes == [
        "sub-01: a gives no date for ses-2; its dates are not used",
        "sub-01: b gives no date for ses-1; its dates are not used",
    ]


def test_the_next_complete_source_decides_and_says_so() -> None:
    dates = {"1": datetime(2021, 1, 1, 9), "2": datetime(2020, 1, 1)}
    order = order_sessions("01", ["1", "2"], [("a", {"1": datetime(1999, 1, 1)}), ("b", dates)])
    assert order.labels == ["2", "1"]
    assert "differ from the labels' order: ses-2, ses-1" in order.notes[-1]


def test_days_count_midnights() -> None:
    assert days_between(datetime(2021, 1, 1, 23), datetime(2021, 1, 2, 1)) == 1
