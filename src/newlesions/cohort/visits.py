"""The sessions that the pairs are made of: each is prepared once, however many pairs it serves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from newlesions.cohort.pairs import Pair


@dataclass(frozen=True)
class Visit:
    """One session's scan: its path, digest and given brain mask as the pairs table has them ("" is absent)."""

    subject: str
    session: str
    scan: str
    sha256: str
    brain: str


def visits_of(pairs: Iterable[Pair]) -> dict[tuple[str, str], Visit]:
    """The visits of ``pairs`` by (subject, session). `read_pairs` has checked that rows agree about them."""
    visits = {}
    for pair in pairs:
        for session, *values in (
            (pair.baseline_session, pair.baseline, pair.baseline_sha256, pair.baseline_brain),
            (pair.followup_session, pair.followup, pair.followup_sha256, pair.followup_brain),
        ):
            visits[pair.subject, session] = Visit(pair.subject, session, *values)
    return visits
