from __future__ import annotations

from pathlib import Path

import pytest

from newlesions.cohort.pairs import Pair
from newlesions.commands.train import held_out_text, usable
from newlesions.errors import ConfigError


def pair(subject: str, session: str = "2", reference: str = "r.nii") -> Pair:
    return Pair.of(subject, ("1", session), ("a.nii", "b.nii")).with_values(reference=reference)


def test_pairs_without_a_reference_are_counted_and_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    pairs = [pair("01"), pair("01", "3"), pair("02"), pair("03"), pair("04", reference="")]
    assert usable(pairs, Path("p.tsv")) == pairs[:4]
    assert capsys.readouterr().out == "p.tsv: 4 pairs of 3 subjects have a reference; 1 without one are left out\n"


def test_subjects_count_and_not_pairs() -> None:
    with pytest.raises(ConfigError, match=r"p\.tsv: found 2 subjects with a reference; expected at least 3"):
        usable([pair("01"), pair("01", "3"), pair("02")], Path("p.tsv"))
    with pytest.raises(ConfigError, match=r"p\.tsv: found no pair with a reference"):
        usable([pair("01", reference="")], Path("p.tsv"))


def test_means_are_over_the_pairs_that_have_the_score() -> None:
    rows = [
        {"pair": "a", "subject": "1", "Dice": "0.5", "F1_score": "1", "NbTestedLesions": "n/a"},
        {"pair": "b", "subject": "2", "Dice": "n/a", "F1_score": "n/a", "NbTestedLesions": "2"},
        {"pair": "c", "subject": "3", "Dice": "0.25", "F1_score": "0", "NbTestedLesions": "n/a"},
    ]
    lines = [line.split() for line in held_out_text(rows).splitlines()]
    assert lines[0] == ["held", "out", "Dice", "F1_score", "NbTestedLesions"]
    assert lines[1:4] == [["a", "0.500", "1.000", "n/a"], ["b", "n/a", "n/a", "2"], ["c", "0.250", "0.000", "n/a"]]
    assert lines[4] == ["mean", "0.375", "0.500"]
