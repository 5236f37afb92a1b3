from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from newlesions.cohort.buckets import buckets_of


@given(st.sets(st.text("abc0123", min_size=1), min_size=1, max_size=60), st.integers(1, 30))
def test_every_pair_has_one_of_so_many_buckets(pairs: set[str], size: int) -> None:
    count = -(-len(pairs) // size)
    found = buckets_of(sorted(pairs), size)
    assert found.keys() == pairs
    assert set(found.values()) <= {f"{number}-of-{count}" for number in range(1, count + 1)}


def test_a_pair_stays_in_its_bucket_while_the_number_of_buckets_stays() -> None:
    pairs = [f"sub-{n:03}_ses-2" for n in range(100)]
    found = buckets_of(pairs, 20)
    assert {name: found[name] for name in pairs[:90]} == buckets_of(pairs[:90], 18)
    assert len(set(found.values())) == 5
