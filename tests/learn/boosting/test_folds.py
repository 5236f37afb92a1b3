from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newlesions.errors import ConfigError
from newlesions.learn.boosting.folds import inner_folds, outer_folds

SUBJECTS = st.lists(st.text("abcdef", min_size=1, max_size=3), min_size=2, max_size=20).filter(
    lambda x: len(set(x)) > 1
)


@given(SUBJECTS, st.sampled_from(["loo", 2, 3, 5]), st.integers(0, 9))
def test_every_subject_is_left_out_once(subjects, folds, seed):
    groups = outer_folds(subjects, folds, seed)
    assert sorted(name for group in groups for name in group) == sorted(set(subjects))
    assert len(groups) == (len(set(subjects)) if folds == "loo" else min(folds, len(set(subjects))))
    assert all(groups)
    assert groups == outer_folds(subjects[::-1], folds, seed)


@given(SUBJECTS, st.integers(2, 5))
def test_inner_folds_keep_subjects_together(subjects, folds):
    found = inner_folds(subjects, folds, 0)
    assert set(found) == set(subjects)
    assert set(found.values()) == set(range(min(folds, len(set(subjects)))))


def test_one_subject_cannot_be_split():
    with pytest.raises(ConfigError, match="found 1 subjects"):
        outer_folds(["a", "a"], "loo", 0)
