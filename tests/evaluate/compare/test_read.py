from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from evaluate.compare.synthetic import FIFTEEN, scored, unscored, write_rows, write_scores, write_system
from newlesions.errors import ConfigError
from newlesions.evaluate.compare.catalogue import SCORES
from newlesions.evaluate.compare.read import read_curves, read_system, read_systems
from newlesions.evaluate.measures import MEASURES


def test_the_catalogue_has_the_measures_of_the_tool() -> None:
    assert [measure.name for measure in SCORES] == list(MEASURES)


def test_a_table_and_a_results_folder_are_the_same_system(tmp_path: Path) -> None:
    path = write_system(tmp_path / "out" / "scores.tsv", pairs=8)
    by_table, by_folder = read_systems([f"a={path}", f"b={path.parent}"])
    assert by_table.scores.equals(by_folder.scores)
    assert len(by_table.scores) == 8
    assert by_table.empty.sum() == 2
    assert by_table.lesions is not None and by_table.curves is not None
    assert "assd_mm" in by_table.scores


def test_empty_and_nan_cells_are_undefined_and_infinite_ones_too(tmp_path: Path) -> None:
    rows = [scored("p2", 0.5, PPV=float("nan"), HausdorffDistance=float("inf")), unscored("p1", 2, 9.5)]
    system = read_system("a", write_scores(tmp_path / "scores.tsv", rows))
    assert list(system.scores.index) == ["p1", "p2"]
    assert system.empty.tolist() == [True, False]
    assert system.scores.loc["p2", ["PPV", "HausdorffDistance", "NbTestedLesions"]].isna().all()
    assert system.scores.loc["p1", "VolTestedLesions"] == 9.5
    assert system.lesions is None and system.curves is None


def test_absolute_values_are_made_of_signed_errors(tmp_path: Path) -> None:
    rows = [scored("p1", 0.5, RelativeVolumeError=-40.0)]
    system = read_system("a", write_scores(tmp_path / "scores.tsv", rows))
    assert system.scores["absolute_relative_volume_error"].tolist() == [40]


def test_thresholds_of_curves_are_numbers_and_the_mask_is_nan(tmp_path: Path) -> None:
    write_system(tmp_path / "scores.tsv", pairs=2)
    curves = read_curves(tmp_path / "scores")
    assert curves is not None
    assert curves["threshold"].isna().sum() == 2
    assert np.nanmin(curves["threshold"]) == 0.05


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["scores.tsv"], "scores.tsv: found no name and path; expected NAME=PATH"),
        (["=scores.tsv"], "expected NAME=PATH"),
        (["a="], "expected NAME=PATH"),
        (["a=x", "a=y"], "found the name 'a' twice"),
        (["a=nonesuch.tsv"], "nonesuch.tsv: found no readable file; expected a table of scores"),
    ],
)
def test_wrong_arguments_are_named(arguments: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_systems(arguments)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "found an empty file"),
        ("pair\tDice\np1\t0.5\n", "found no column Jaccard; expected pair, Jaccard"),
        ("\t".join(["pair", *FIFTEEN]) + "\n", "found no row"),
        ("\t".join(["pair", *FIFTEEN]) + "\np1\t0.5\n", "found 2 fields in line 2; expected 16"),
    ],
)
def test_a_broken_table_is_named(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "scores.tsv").write_text(content)
    with pytest.raises(ConfigError, match=f"scores.tsv: {message}"):
        read_system("a", tmp_path)


def test_a_word_among_numbers_is_named(tmp_path: Path) -> None:
    path = write_scores(tmp_path / "scores.tsv", [scored("p1", 1.0), scored("p2", 1.0) | {"Dice": "good"}])
    with pytest.raises(ConfigError, match="found 'good' in line 3, column Dice; expected a number"):
        read_system("a", path)


def test_a_pair_twice_is_named(tmp_path: Path) -> None:
    path = write_scores(tmp_path / "scores.tsv", [scored("p1", 1.0), scored("p1", 0.0)])
    with pytest.raises(ConfigError, match="found pair p1 twice"):
        read_system("a", path)


def test_additions_need_every_pair(tmp_path: Path) -> None:
    path = write_system(tmp_path / "scores.tsv", pairs=3)
    additions = tmp_path / "scores" / "additions.tsv"
    additions.write_text("".join(additions.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(ConfigError, match=r"additions.tsv: found no row for pair sub-002_ses-M12"):
        read_system("a", path)


def test_details_that_do_not_follow_the_format_are_named(tmp_path: Path) -> None:
    path = write_system(tmp_path / "scores.tsv", pairs=2)
    header = ["pair", "side", "size_class", "volume_mm3", "hit"]
    write_rows(tmp_path / "scores" / "lesions.tsv", header, [{"pair": "p", "side": "reference", "size_class": "huge"}])
    with pytest.raises(ConfigError, match=r"lesions.tsv: found size class 'huge'; expected one of 3-10"):
        read_system("a", path)


def test_a_threshold_twice_is_named(tmp_path: Path) -> None:
    path = write_system(tmp_path / "scores.tsv", pairs=2)
    curves = tmp_path / "scores" / "curves.tsv"
    curves.write_text(curves.read_text() + curves.read_text().splitlines()[1] + "\n")
    with pytest.raises(ConfigError, match=r"curves.tsv: found a threshold of pair sub-000_ses-M12 twice"):
        read_system("a", path)
