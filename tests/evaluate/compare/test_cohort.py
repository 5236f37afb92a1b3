from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from evaluate.compare.synthetic import scored, unscored, write_scores, write_system
from newlesions.errors import ConfigError
from newlesions.evaluate.compare.catalogue import MEASURES
from newlesions.evaluate.compare.cohort import common_cohort
from newlesions.evaluate.compare.read import System, read_system


def system(folder: Path, name: str, rows: list) -> System:
    return read_system(name, write_scores(folder / f"{name}.tsv", rows))


def test_only_common_pairs_count_and_the_others_are_named(tmp_path: Path) -> None:
    first = system(tmp_path, "a", [scored(pair, 0.1) for pair in ("p3", "p1", "p2")])
    second = system(tmp_path, "b", [scored(pair, 0.2) for pair in ("p2", "p1", "p9", "p8", "p7", "p6")])
    cohort = common_cohort([first, second])
    assert cohort.pairs == ("p1", "p2")
    assert cohort.left_out == {"a": ("p3",), "b": ("p6", "p7", "p8", "p9")}
    assert "1 pair of a left out, since another system lacks it: p3." in cohort.notes
    assert "4 pairs of b left out, since another system lacks them: p6, p7, p8, ...." in cohort.notes
    assert cohort.values(MEASURES["Dice"]).tolist() == [[0.1, 0.1], [0.2, 0.2]]


def test_values_are_those_of_the_population(tmp_path: Path) -> None:
    rows = [unscored("p1", 2, 8.0), scored("p2", 0.5), scored("p3", 0.7, PPV=float("nan"))]
    cohort = common_cohort([system(tmp_path, "a", rows)])
    assert cohort.values(MEASURES["NbTestedLesions"]).tolist() == [[2]]
    assert cohort.values(MEASURES["Dice"]).tolist() == [[0.5, 0.7]]
    assert np.isnan(cohort.values(MEASURES["PPV"])).tolist() == [[False, True]]
    assert (cohort.size("lesion"), cohort.size("empty"), cohort.size("all")) == (2, 1, 3)


def test_a_measure_that_one_system_lacks_or_no_pair_has_is_left_out(tmp_path: Path) -> None:
    full = read_system("a", write_system(tmp_path / "a" / "scores.tsv", pairs=3))
    bare = read_system("b", write_system(tmp_path / "b" / "scores.tsv", pairs=3, details=False))
    cohort = common_cohort([full, bare])
    names = [measure.name for measure in cohort.measures]
    assert "assd_mm" not in names and "NbTestedLesions" not in names and "Dice" in names
    assert any(note.startswith("No additions.tsv in the details of b:") for note in cohort.notes)
    assert any(note.startswith("No curves.tsv in the details of b:") for note in cohort.notes)


def test_no_common_pair_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="a, b: found no common pair"):
        common_cohort([system(tmp_path, "a", [scored("p1", 1.0)]), system(tmp_path, "b", [scored("p2", 1.0)])])


def test_another_reference_is_an_error(tmp_path: Path) -> None:
    first, second = system(tmp_path, "a", [scored("p1", 1.0)]), system(tmp_path, "b", [unscored("p1", 0, 0.0)])
    with pytest.raises(ConfigError, match="b: found an empty reference for pair p1, unlike a"):
        common_cohort([first, second])


def test_references_of_other_volume_are_told(tmp_path: Path) -> None:
    systems = []
    for name in ("a", "b"):
        path = write_system(tmp_path / name / "scores.tsv", pairs=4)
        systems.append(read_system(name, path))
    systems[1].scores.loc["sub-001_ses-M12", "reference_volume_mm3"] *= 2
    assert "The references of 1 pair differ between systems: sub-001_ses-M12." in common_cohort(systems).notes


def test_pairs_of_one_subject_are_told(tmp_path: Path) -> None:
    rows = [scored(pair, 0.1) for pair in ("sub-1_ses-2", "sub-1_ses-3", "sub-2_ses-2")]
    assert any("3 pairs come from 2 subjects" in note for note in common_cohort([system(tmp_path, "a", rows)]).notes)
    assert not any("subjects" in note for note in common_cohort([system(tmp_path, "b", rows[1:])]).notes)
