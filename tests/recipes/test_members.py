from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newlesions.errors import ConfigError
from newlesions.networks.stages import Stage
from newlesions.recipes.members import members_of
from recipes.made import entry


def stage(name: str = "new", **members: object) -> Stage:
    return Stage.of(name, entry(members=members))


@given(st.integers(2, 12), st.integers(2, 7), st.integers(0, 5))
def test_every_subject_is_left_out_once_and_no_fold_is_empty(subjects: int, folds: int, seed: int) -> None:
    names = [f"{n:02}" for n in range(subjects)] * 2
    members = members_of(stage(folds=folds), names, seed)
    assert len(members) == min(folds, subjects)
    assert sorted(name for member in members for name in member.left_out) == sorted(set(names))
    assert all(member.left_out for member in members)


def test_stages_of_as_many_folds_leave_out_alike() -> None:
    names = [f"{n:02}" for n in range(9)]
    first, second = (members_of(stage(name, folds=4), names, 3) for name in ("a", "b"))
    assert [one.left_out for one in first] == [one.left_out for one in second]


def test_one_fold_leaves_nobody_out() -> None:
    (member,) = members_of(stage(), ["1", "2"], 0)
    assert member.left_out == () and member.rater == ""


def test_seeds_and_raters_multiply_the_networks() -> None:
    members = members_of(stage(folds=2, seeds=2, raters=True), ["1", "2", "3"], 5, ["ann", "bob"])
    assert [member.rater for member in members] == ["ann"] * 4 + ["bob"] * 4
    assert [member.number for member in members] == list(range(8))
    assert len({member.seed for member in members}) == 8
    assert members[0].left_out == members[2].left_out != members[1].left_out


def test_a_stage_of_one_rater_has_a_network_for_each_fold() -> None:
    names = ["1", "2", "3"]
    first, second = (members_of(stage(folds=2, rater=number), names, 5, ["bob", "ann"]) for number in (1, 2))
    assert [member.rater for member in first + second] == ["ann"] * 2 + ["bob"] * 2, "by the names' order"
    assert [one.left_out for one in first] == [one.left_out for one in second]
    with pytest.raises(ConfigError, match="found 2 raters whose masks all pairs have; expected 3 or more"):
        members_of(stage(rater=3), names, 0, ["ann", "bob"])
