"""Shards of a large cohort, which are planned and run one after the other."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from math import ceil

from newlesions.cohort.buckets import buckets_of
from newlesions.cohort.pairs import Pair
from newlesions.errors import ConfigError

COHORT = "cohort"
"""The part of a run that comes after its shards: what is about all pairs."""


def shards_of(pairs: Sequence[Pair], size: int) -> list[list[Pair]]:
    """The shards of a cohort: of about ``size`` pairs each, in the order of ``pairs``; one where all fit into one.

    All pairs of a subject are in one, since they share sessions. The subject and the number of shards decide in which,
    so that a pair stays where it is while others come and go.
    """
    count = ceil(len(pairs) / size)
    shards: list[list[Pair]] = [[] for _ in range(max(1, count))]
    for pair in pairs:
        shards[_hash(pair.subject) % len(shards)].append(pair)
    return [shard for shard in shards if shard]


def pairs_of_part(pairs: Sequence[Pair], size: int, part: int | str | None) -> list[Pair]:
    """The pairs of a part of a run: of the shard of this number, from 1 on, or all where it is another part.

    Raises
    ------
    ConfigError
        If there is no such shard.
    """
    if not isinstance(part, int):
        return list(pairs)
    shards = shards_of(pairs, size)
    if part > len(shards):
        raise ConfigError(f"part: found {part}; expected at most {len(shards)}, the number of shards")
    return shards[part - 1]


def buckets_in(shards: Sequence[Sequence[Pair]], size: int) -> dict[str, str]:
    """The bucket of each pair of a cohort by its id (`buckets_of`). None reaches over two shards."""
    buckets: dict[str, str] = {}
    for number, shard in enumerate(shards, start=1):
        prefix = f"{number}-of-{len(shards)}_" if len(shards) > 1 else ""
        buckets |= {pair: prefix + name for pair, name in buckets_of([row.pair for row in shard], size).items()}
    return buckets


def _hash(subject: str) -> int:
    return int.from_bytes(hashlib.sha256(b"shard " + subject.encode()).digest()[:8], "big")
