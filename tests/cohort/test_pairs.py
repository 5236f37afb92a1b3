from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newlesions.cohort.dates import SessionOrder
from newlesions.cohort.pairs import Pair, date_values, faults_between, pair_sessions, raise_faults
from newlesions.errors import ConfigError

SESSIONS = st.lists(st.text("ab12", min_size=1, max_size=3), unique=True, min_size=1, max_size=8)


def pair(subject: str = "01", sessions: tuple[str, str] = ("1", "2"), scans: tuple[str, str] = ("/a", "/b")) -> Pair:
    return Pair.of(subject, sessions, scans)


@given(SESSIONS)
def test_n_sessions_give_n_minus_one_pairs_one_per_followup(labels: list[str]) -> None:
    for pairing in ("consecutive", "first"):
        pairs = pair_sessions(labels, pairing)
        assert [followup for _, followup in pairs] == labels[1:]
        assert all(labels.index(baseline) < labels.index(followup) for baseline, followup in pairs)
    assert {baseline for baseline, _ in pair_sessions(labels, "first")} <= {labels[0]}
    assert [baseline for baseline, _ in pair_sessions(labels)] == labels[:-1]


def test_another_pairing_is_refused() -> None:
    with pytest.raises(ConfigError, match="expected one of consecutive, first"):
        pair_sessions(["1", "2"], "all")


def test_dates_fill_the_columns() -> None:
    order = SessionOrder(["1", "2"], {"1": datetime(2020, 2, 28), "2": datetime(2020, 3, 1)})
    assert date_values(order, "1", "2") == {"baseline_date": "2020-02-28", "followup_date": "2020-03-01", "days": "2"}
    assert date_values(SessionOrder(["1", "2"]), "1", "2") == {}


def test_good_rows_have_no_faults() -> None:
    chain = [pair(), pair(sessions=("2", "3"), scans=("/b", "/c")), pair("02")]
    assert faults_between(chain) == []


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([pair(), pair()], "pair sub-01_ses-2: found 2 rows"),
        ([pair(sessions=("2", "2"))], "found the session 2 twice"),
        ([pair(), pair(sessions=("2", "3"), scans=("/other", "/c"))], "ses-2: found two values for its scan, /b and"),
        ([pair().with_values(pair="sub-01_ses-9")], "expected sub-01_ses-2"),
        ([pair(), pair(sessions=("1", "3"), scans=("/a", "/c")).with_values(baseline_brain="/m")], "brain mask, none"),
    ],
)
def test_rows_that_contradict_one_another_are_named(pairs: list[Pair], expected: str) -> None:
    assert any(expected in fault for fault in faults_between(pairs))


def test_many_faults_are_cut() -> None:
    with pytest.raises(ConfigError, match=r"x\.tsv: 30 faults(.|\n)*and 10 more"):
        raise_faults("x.tsv", [f"fault {number}" for number in range(30)])
    raise_faults("x.tsv", [])
