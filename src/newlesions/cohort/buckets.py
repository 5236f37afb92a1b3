"""Buckets of pairs that one job takes together."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from math import ceil


def buckets_of(pairs: Sequence[str], size: int) -> dict[str, str]:
    """The bucket of each pair, by its id; of about ``size`` pairs each, and as many as that asks for.

    The id alone and the number of buckets decide, so that a pair stays where it is while others come and go.

    >>> buckets_of(["sub-01_ses-2", "sub-02_ses-2", "sub-03_ses-2"], 20)
    {'sub-01_ses-2': '1-of-1', 'sub-02_ses-2': '1-of-1', 'sub-03_ses-2': '1-of-1'}
    """
    count = max(1, ceil(len(pairs) / size))
    return {pair: f"{_hash(pair) % count + 1}-of-{count}" for pair in pairs}


def _hash(pair: str) -> int:
    return int.from_bytes(hashlib.sha256(pair.encode()).digest()[:8], "big")
