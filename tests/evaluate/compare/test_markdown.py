from __future__ import annotations

from pathlib import Path

from evaluate.compare.synthetic import compared
from newlesions.evaluate.compare.markdown import markdown


def test_the_page_has_every_section_and_links_what_was_drawn(tmp_path: Path) -> None:
    page = markdown(compared(tmp_path, "a_1", "b|2"), {"violin": True, "froc": False}, ["Mind *this*."])
    assert page.startswith("# a\\_1 against b\\|2\n")
    assert "2 systems over 16 pairs: 12 with a lesion in the reference, 4 with an empty reference." in page
    assert "- Mind \\*this\\*." in page
    titles = [line.removeprefix("## ") for line in page.splitlines() if line.startswith("## ")]
    assert titles == [
        "Scores: pairs with a lesion in the reference", "Scores: pairs whose reference is empty",
        "Paired tests (first − second)", "Ranking", "Agreement of volumes and counts (all pairs)",
        "Over all thresholds", "Recall by size", "Figures", "Conventions",
    ]  # fmt: skip
    assert "](violin.svg)" in page and "froc.svg" not in page


def test_tables_have_as_many_cells_in_every_row(tmp_path: Path) -> None:
    page = markdown(compared(tmp_path, "a|b", "c"), {}, []).replace("\\|", "")
    for block in page.split("\n\n"):
        if block.startswith("| "):
            assert len({line.count("|") for line in block.splitlines()}) == 1


def test_one_system_has_neither_tests_nor_ranking(tmp_path: Path) -> None:
    page = markdown(compared(tmp_path, "a"), {}, [])
    assert page.startswith("# a\n\nOne system over 16 pairs")
    assert "## Paired tests" not in page and "## Ranking" not in page and "## Figures" not in page
