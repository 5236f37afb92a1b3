from __future__ import annotations

from pathlib import Path

import pytest

from evaluate.compare.synthetic import write_system
from newlesions.cli import main


@pytest.fixture
def systems(tmp_path: Path) -> list[str]:
    """Two systems as arguments: one by its table, one by its results folder; the first has one pair more."""
    first = write_system(tmp_path / "a.tsv", pairs=9, skill=0.0)
    write_system(tmp_path / "out" / "scores.tsv", pairs=8, skill=1.5, seed=2)
    return [f"weak={first}", f"strong={tmp_path / 'out'}"]


def test_it_prints_tables_tests_and_where_the_files_are(
    systems: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "compared"
    assert main(["compare", *systems, "--out", str(out), "--bootstrap", "200"]) == 0
    said = capsys.readouterr().out
    assert "2 systems over 8 pairs: 6 with a lesion in the reference, 2 with an empty reference." in said
    assert "note: 1 pair of weak left out, since another system lacks it: sub-008_ses-M12." in said
    assert "Paired Wilcoxon signed-rank tests" in said and "Ranking by mean" in said
    assert f"md      {out / 'comparison.md'}" in said
    assert f"figures 7 as SVG and PNG in {out}" in said
    assert all((out / f"comparison.{ending}").is_file() for ending in ("md", "tsv", "tex"))


def test_one_system_is_described(systems: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", systems[0], "--out", str(tmp_path / "o"), "--bootstrap", "200"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("One system over 9 pairs")
    assert "Wilcoxon" not in said and "Ranking" not in said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--bootstrap", "5"], "--bootstrap: found 5; expected at least 100 resamples"),
        (["--confidence", "95"], "--confidence: found 95; expected a number between 0 and 1"),
        (["--seed", "-1"], "--seed: found -1; expected 0 or more"),
        (["--measures", "F2"], "--measures: found 'F2'; expected some of Jaccard"),
    ],
)
def test_wrong_options_end_with_2_and_write_nothing(
    words: list[str], message: str, systems: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", *systems, "--out", str(tmp_path / "o"), *words]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert not (tmp_path / "o").exists()


def test_a_missing_table_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    assert main(["compare", f"a={tmp_path / 'empty'}", "--out", str(tmp_path / "o")]) == 2
    assert "scores.tsv: found no readable file; expected a table of scores" in capsys.readouterr().err
