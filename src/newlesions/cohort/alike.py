"""Subjects that a plan need not tell apart: nothing was made of them yet, and their pairs have the same shape."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from newlesions.cohort.pairs import Pair
from newlesions.cohort.results import work_folder

Shape = tuple[tuple[object, ...], ...]
"""What the jobs of a subject depend on: one entry per pair."""

_FILES = (
    "baseline", "followup", "baseline_brain", "followup_brain", "reference", "gone_reference", "raters",
    "baseline_lesions", "followup_lesions",
)  # fmt: skip


def by_subject(pairs: Iterable[Pair]) -> dict[str, list[Pair]]:
    """The pairs of each subject, in their order."""
    subjects: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        subjects[pair.subject].append(pair)
    return dict(subjects)


def shape_of(rows: Sequence[Pair]) -> Shape:
    """The shape of a subject's pairs: which sessions they share, which are aligned and which files they come with.

    Subjects of one shape have as many jobs of each name, since no job of a pair depends on what a file is called or
    holds, or on another subject.
    """
    sessions = {name: number for number, name in enumerate(_sessions(rows))}
    return tuple(
        (
            sessions[row.baseline_session],
            sessions[row.followup_session],
            row.is_aligned,
            *(bool(getattr(row, name)) for name in _FILES),
        )
        for row in rows
    )


def untouched(out: Path, subjects: Collection[str]) -> set[str]:
    """Those of ``subjects`` of which nothing lies in the results folder ``out``."""
    begun = {path.name for folder in (out, work_folder(out)) if folder.is_dir() for path in folder.glob("sub-*")}
    return {subject for subject in subjects if f"sub-{subject}" not in begun}


def _sessions(rows: Sequence[Pair]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in (row.baseline_session, row.followup_session)))
