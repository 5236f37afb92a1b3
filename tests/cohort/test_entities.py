from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newlesions.cohort.entities import BidsName, format_name, parse_name

WORDS = st.text("abcABC0123456789+", min_size=1, max_size=6)


@given(st.dictionaries(WORDS, WORDS, max_size=5), WORDS, st.sampled_from(["", ".nii", ".nii.gz", ".json"]))
def test_parsing_undoes_formatting(entities: dict[str, str], suffix: str, extension: str) -> None:
    name = BidsName(entities, suffix, extension)
    assert parse_name(format_name(name)) == name


@given(st.text(max_size=30))
def test_what_parses_formats_back(text: str) -> None:
    name = parse_name(text)
    assert name is None or format_name(name) == text


@pytest.mark.parametrize("text", ["sub-01_old_FLAIR.nii", "sub-01_sub-02_FLAIR.nii", "sub-01.nii", "sub-_X.nii", ""])
def test_other_names_are_refused(text: str) -> None:
    assert parse_name(text) is None
