from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newlesions.cohort.labels import clean_label, clean_labels, listing, natural_key
from newlesions.errors import ConfigError

LABELS = st.text("abcXYZ0123456789+-_. é", max_size=12)


@given(st.lists(st.integers(0, 10**6), unique=True))
def test_numbers_sort_as_numbers(numbers: list[int]) -> None:
    names = sorted((f"ses-{number}" for number in numbers), key=natural_key)
    assert names == [f"ses-{number}" for number in sorted(numbers)]


@given(st.lists(LABELS, unique=True), st.randoms())
def test_order_does_not_depend_on_the_start(names: list[str], random: object) -> None:
    shuffled = list(names)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert sorted(names, key=natural_key) == sorted(shuffled, key=natural_key)


@given(LABELS)
def test_cleaning_keeps_all_that_bids_allows_and_is_idempotent(text: str) -> None:
    clean = clean_label(text)
    assert clean == "".join(c for c in text if (c.isascii() and c.isalnum()) or c == "+")
    assert clean_label(clean) == clean


@pytest.mark.parametrize("text", ["01", "sub-01", " sub-01 "])
def test_prefix_may_be_given(text: str) -> None:
    assert clean_label(text, "sub-") == "01"


def test_labels_that_become_one_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"'sub-a-1' and 'sub-a1'.*'a1'"):
        clean_labels(["sub-a-1", "sub-a1"], "sub-", "here")


def test_a_label_without_letters_is_refused() -> None:
    with pytest.raises(ConfigError, match="letters or digits"):
        clean_labels(["sub-"], "sub-", "here")


def test_listing_is_cut() -> None:
    assert listing(["ses-10", "ses-2", "ses-1"], limit=2) == "ses-1, ses-2 and 1 more"
    assert listing([]) == "none"
