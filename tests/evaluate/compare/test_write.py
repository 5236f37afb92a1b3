from __future__ import annotations

from pathlib import Path

import pytest

from evaluate.compare.synthetic import compared, scored, write_scores
from newlesions.errors import ConfigError
from newlesions.evaluate.compare.bootstrap import Bootstrap
from newlesions.evaluate.compare.comparison import compare
from newlesions.evaluate.compare.read import read_system
from newlesions.evaluate.compare.write import write

NAMES = ["bland_altman_count", "bland_altman_volume", "froc", "precision_recall", "ranking", "size_recall", "violin"]


def test_equal_scores_give_equal_files(tmp_path: Path) -> None:
    first = write(compared(tmp_path, "a", "b"), tmp_path / "one")
    write(compared(tmp_path, "a", "b"), tmp_path / "two")
    assert [path.name for path in first.tables] == ["comparison.md", "comparison.tsv", "comparison.tex"]
    assert sorted({path.stem for path in first.figures}) == NAMES
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert len(files) == 3 + 2 * len(NAMES)
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name


def test_figures_that_cannot_be_drawn_are_told_and_old_ones_removed(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "froc.svg").write_text("of an earlier comparison")
    path = write_scores(tmp_path / "a.tsv", [scored("p1", 0.4)])
    written = write(compare([read_system("a", path)], Bootstrap(100)), tmp_path / "out")
    assert sorted(path.name for path in written.figures) == ["violin.png", "violin.svg"]
    assert not (tmp_path / "out" / "froc.svg").exists()
    for name in set(NAMES) - {"violin"}:
        assert any(note.startswith(f"No figure {name}: ") for note in written.notes)
    page = (tmp_path / "out" / "comparison.md").read_text()
    assert "- No figure froc: " in page.replace("\\", "")


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    with pytest.raises(ConfigError, match="out: found a file; expected a folder"):
        write(compared(tmp_path, "a"), tmp_path / "out")
