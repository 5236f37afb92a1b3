from __future__ import annotations

from pathlib import Path

import pytest

from newlesions.cohort.pairs import Pair
from newlesions.cohort.pairs_table import write_pairs
from newlesions.commands.train import check_networks, check_subjects, extra_pairs, held_out_text, usable
from newlesions.errors import ConfigError
from newlesions.settings import read_recipe


def pair(subject: str, session: str = "2", reference: str = "r.nii") -> Pair:
    return Pair.of(subject, ("1", session), ("a.nii", "b.nii")).with_values(reference=reference)


def test_pairs_without_a_reference_are_counted_and_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    pairs = [pair("01"), pair("01", "3"), pair("02"), pair("03"), pair("04", reference="")]
    assert usable(pairs, Path("p.tsv")) == pairs[:4]
    assert capsys.readouterr().out == "p.tsv: 4 pairs of 3 subjects have a reference; 1 without one are left out\n"


def test_subjects_count_and_not_pairs() -> None:
    with pytest.raises(ConfigError, match=r"p\.tsv: found 2 subjects with a reference; expected at least 3"):
        check_subjects([pair("01"), pair("01", "3"), pair("02")], "p.tsv")
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


@pytest.fixture
def second(tmp_path: Path) -> str:
    """A second table, of two pairs of one subject, of which one has a reference."""
    path = tmp_path / "extra.tsv"
    scans = []
    for name in ("a", "b", "c"):
        scans.append(str(tmp_path / f"{name}.nii"))
        Path(scans[-1]).write_text(name)
    made = [Pair.of("x1", ("1", str(n + 1)), (scans[0], scans[n])) for n in (1, 2)]
    write_pairs(path, [made[0].with_values(reference=scans[1]), made[1]])
    return str(path)


def test_the_second_table_gives_pairs_of_other_subjects(second: str) -> None:
    recipe = read_recipe("dalbis2021-b")
    (extra,) = extra_pairs(recipe, second, [pair("01"), pair("02")])
    assert extra.pair == "sub-x1_ses-2"
    with pytest.raises(ConfigError, match=r"extra\.tsv: found sub-x1, who is in the other table too; expected other"):
        extra_pairs(recipe, second, [pair("01"), pair("x1")])


def test_a_second_table_is_asked_for_and_refused_by_the_recipe(second: str) -> None:
    with pytest.raises(ConfigError, match="recipe dalbis2021-b: found one table of pairs; expected a second"):
        extra_pairs(read_recipe("dalbis2021-b"), None, [pair("01")])
    assert extra_pairs(read_recipe("dalbis2021-a"), None, [pair("01")]) == []
    for name in ("boosted", "newlesions"):
        with pytest.raises(ConfigError, match="expected it with recipes of networks alone"):
            extra_pairs(read_recipe(name), second, [pair("01")])


def test_networks_of_raters_need_the_masks_of_so_many() -> None:
    recipe = read_recipe("nichyporuk2021")
    rated = [pair(subject).with_values(raters="a=a.nii;b=b.nii;c=c.nii") for subject in ("01", "02", "03")]
    with pytest.raises(ConfigError, match="stage rater_4: found 3 raters whose masks all pairs have; expected 4"):
        check_networks(recipe, rated, "p.tsv")
    check_networks(recipe, [one.with_values(raters=f"{one.raters};d=d.nii") for one in rated], "p.tsv")
