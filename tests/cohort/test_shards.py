"""Shards of a cohort, and the buckets inside them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newlesions.cohort.buckets import buckets_of
from newlesions.cohort.pairs import Pair
from newlesions.cohort.shards import COHORT, buckets_in, pairs_of_part, shards_of
from newlesions.errors import ConfigError


def pairs_of(subjects: list[str]) -> list[Pair]:
    """Two consecutive pairs of each subject."""
    labels = (("1", "2"), ("2", "3"))
    return [
        Pair.of(name, visits, (f"/{name}{visits[0]}", f"/{name}{visits[1]}")) for name in subjects for visits in labels
    ]


SUBJECTS = st.lists(st.from_regex(r"[a-z0-9]{1,6}", fullmatch=True), min_size=1, max_size=40, unique=True)


@given(SUBJECTS, st.integers(1, 50))
def test_shards_are_the_cohort_and_a_subject_is_in_one(subjects: list[str], size: int) -> None:
    pairs = pairs_of(subjects)
    shards = shards_of(pairs, size)
    assert sorted(pair.pair for shard in shards for pair in shard) == sorted(pair.pair for pair in pairs)
    assert all(shards) and sum(len({pair.subject for pair in shard}) for shard in shards) == len(subjects)
    assert [pair for number in range(len(shards)) for pair in pairs_of_part(pairs, size, number + 1)] == [
        pair for shard in shards for pair in shard
    ]
    assert pairs_of_part(pairs, size, None) == pairs_of_part(pairs, size, COHORT) == pairs


def test_shards_are_about_as_large_as_asked_for() -> None:
    shards = shards_of(pairs_of([f"{number:04}" for number in range(1000)]), 500)
    assert len(shards) == 4
    assert max(map(len, shards)) < 1.2 * min(map(len, shards))


def test_a_cohort_that_fits_is_one_shard_in_its_own_order() -> None:
    pairs = pairs_of(["b", "a"])
    assert shards_of(pairs, 4) == [pairs]
    assert buckets_in([pairs], 3) == buckets_of([pair.pair for pair in pairs], 3)


@given(SUBJECTS)
def test_a_pair_stays_while_the_number_of_shards_does(subjects: list[str]) -> None:
    pairs = pairs_of(subjects)
    of = {pair.pair: number for number, shard in enumerate(_numbered(pairs, 3)) for pair in shard}
    fewer = pairs[: len(pairs) - 2] or pairs
    assert all(of[pair.pair] == number for number, shard in enumerate(_numbered(fewer, 3)) for pair in shard)


def _numbered(pairs: list[Pair], count: int) -> list[list[Pair]]:
    """Exactly ``count`` shards, if none is empty."""
    shards = shards_of(pairs, max(1, -(-len(pairs) // count)))
    return shards if len(shards) == count else []


def test_buckets_do_not_reach_over_shards() -> None:
    shards = shards_of(pairs_of([f"{number:02}" for number in range(30)]), 20)
    buckets = buckets_in(shards, 5)
    assert len(buckets) == 60
    of_shards = [{buckets[pair.pair] for pair in shard} for shard in shards]
    assert sum(map(len, of_shards)) == len(set().union(*of_shards)) > len(shards)
    assert all(name.startswith(f"{number}-of-3_") for number, names in enumerate(of_shards, 1) for name in names)


def test_a_shard_that_is_none_is_named() -> None:
    with pytest.raises(ConfigError, match="part: found 2; expected at most 1"):
        pairs_of_part(pairs_of(["a"]), 10, 2)
