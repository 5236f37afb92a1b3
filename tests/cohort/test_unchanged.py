from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from newlesions.cohort.pairs import Pair
from newlesions.cohort.results import page_file, summary_file
from newlesions.cohort.shards import COHORT
from newlesions.cohort.unchanged import Unchanged
from newlesions.images.files import write_text
from newlesions.settings import read_config, settle

SETTLED = settle(read_config() | {"pairs": "pairs.tsv", "out": "."})


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    """A finished pair in the results folder `tmp_path`, whose scans the table names by their way from there."""
    made = Pair.of("01", ("a", "b"), ("scans/a.nii", "scans/b.nii")).with_values(reference="scans/new.nii")
    names = ("pairs.tsv", "newlesions.tsv", made.baseline, made.followup, made.reference)
    for path in (*(tmp_path / name for name in names), summary_file(tmp_path, made), page_file(tmp_path, made)):
        write_text(path, "as it was")
    return made


def at(out: Path, settled: dict[str, Any] = SETTLED, aside: tuple[str, ...] = ()) -> Unchanged:
    return Unchanged(out, settled, {}, aside)


def changed(path: Path) -> None:
    """The file gets another time; its size stays."""
    found = path.stat()
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns + 1))


def test_a_part_is_unchanged_after_it_was_noted_and_not_before(tmp_path: Path, pair: Pair) -> None:
    assert not at(tmp_path).holds(1, [pair])
    at(tmp_path).note(1, [pair])
    assert at(tmp_path).holds(1, [pair])
    assert not at(tmp_path).holds(2, [pair])


@pytest.mark.parametrize(
    "disturb",
    [
        lambda out, pair: changed(out / pair.followup),
        lambda out, pair: changed(out / pair.reference),
        lambda out, pair: changed(summary_file(out, pair)),
        lambda out, pair: page_file(out, pair).unlink(),
        lambda out, _: write_text(out / "sub-01" / "ses-b" / "more.txt", ""),
    ],
    ids=["scan", "reference", "between steps", "result gone", "file more"],
)
@pytest.mark.parametrize("part", [None, 1])
def test_whatever_happens_to_a_file_is_seen(
    tmp_path: Path, pair: Pair, disturb: Callable[[Path, Pair], None], part: int | None
) -> None:
    at(tmp_path).note(part, [pair])
    disturb(tmp_path, pair)
    assert not at(tmp_path).holds(part, [pair])


def test_other_settings_rows_and_pairs_left_aside_are_seen(tmp_path: Path, pair: Pair) -> None:
    at(tmp_path).note(1, [pair])
    other = SETTLED | {"candidates": SETTLED["candidates"] | {"k": 9.0}}
    assert not at(tmp_path, other).holds(1, [pair])
    assert not at(tmp_path, aside=("sub-01_ses-b",)).holds(1, [pair])
    assert not at(tmp_path).holds(1, [pair.with_values(days="360")])
    assert at(tmp_path, SETTLED | {"pairs": "/elsewhere/pairs.tsv", "part": 1}).holds(1, [pair])


def test_the_cohort_s_part_rests_on_its_tables_and_on_what_they_are_made_of(tmp_path: Path, pair: Pair) -> None:
    def holds() -> bool:
        return at(tmp_path).holds(COHORT, [pair])

    at(tmp_path).note(COHORT, [pair])
    write_text(tmp_path / "work" / "sub-01" / "ses-b" / "brain.nii.gz", "of a shard")
    assert holds()
    for path in (tmp_path / "newlesions.tsv", summary_file(tmp_path, pair), tmp_path / "pairs.tsv"):
        at(tmp_path).note(COHORT, [pair])
        assert holds()
        changed(path)
        assert not holds()
