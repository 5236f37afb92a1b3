from __future__ import annotations

import hashlib
from pathlib import Path

from newlesions.cohort.freeze import freeze
from newlesions.cohort.pairs import Pair


def test_digests_are_filled_in_and_unreadable_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "b").write_bytes(b"b")
    a, b, c = (str(tmp_path / name) for name in "abc")
    done = []
    frozen, unread = freeze(
        [Pair.of("01", ("1", "2"), (a, b)), Pair.of("01", ("2", "3"), (b, c))], progress=lambda *now: done.append(now)
    )
    digests = [(pair.baseline_sha256, pair.followup_sha256) for pair in frozen]
    first, second = (hashlib.sha256(text).hexdigest() for text in (b"a", b"b"))
    assert digests == [(first, second), (second, "")]
    assert unread == [c]
    assert done == [(1, 3), (2, 3), (3, 3)]


def test_given_digests_stay(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    pair = Pair.of("01", ("1", "2"), (str(tmp_path / "a"), str(tmp_path / "a"))).with_values(baseline_sha256="0" * 64)
    (frozen,), unread = freeze([pair])
    assert frozen.baseline_sha256 == "0" * 64
    assert frozen.followup_sha256 == hashlib.sha256(b"a").hexdigest()
    assert not unread
