from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from newlesions import house
from newlesions.recipes import measured
from newlesions.recipes.page import INDEX, Entry, index, make, page
from newlesions.recipes.stages import network_entries
from newlesions.settings import read_recipe

DOCS = house.root() / "docs" / "recipes"
ROW = dict.fromkeys(measured.COLUMNS, "") | {"recipe": "ashtari2021", "cohort": "ten heads", "Dice": "0.512"}


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return make(house.recipes(), DOCS / "measured.tsv")


def test_the_pages_in_the_documents_are_what_the_recipes_make(pages: dict[str, str]) -> None:
    there = {path.stem: path.read_text(encoding="utf-8") for path in DOCS.glob("*.md")}
    assert sorted(there) == sorted(pages)
    stale = [name for name, text in pages.items() if there[name] != text]
    assert not stale, f"run scripts/make_recipe_pages.py: {', '.join(stale)}"


def test_every_recipe_stands_in_the_index(pages: dict[str, str]) -> None:
    rows = [line for line in pages[INDEX].split("## Equal budgets")[0].splitlines() if line.startswith("| [")]
    assert [row.split("`")[1] for row in rows] == list(house.recipes())
    by_name = dict(zip(house.recipes(), rows, strict=True))
    assert "26.27 M" in by_name["ashtari2021"] and "p. 45-52" in by_name["ashtari2021"]
    assert "needs the extra nnunetv2" in by_name["martinezheras2023"]
    assert "ships trained" in by_name["boosted"] and "needs no training" in by_name["subtraction"]


def test_all_that_a_file_says_stands_on_its_page(pages: dict[str, str]) -> None:
    for name in house.recipes():
        recipe, text = read_recipe(name), pages[name]
        words = [row["says"] for row in recipe.get("stated", [])] + [row["reason"] for row in recipe.get("chosen", [])]
        for said in words:
            assert " ".join(said.split()).replace("|", "\\|").replace("<", "&lt;") in text, name
        for stage, entry in network_entries(recipe).items():
            part = text.split(f"## Stage `{stage}`")[1].split("\n## ")[0]
            assert entry.get("network", {"name": "several stages"})["name"] in part
            assert all(one["name"] in part for one in [*entry.get("augment", []), *entry.get("loss", [])])
        assert all(line.count("|") >= 3 for line in text.splitlines() if line.startswith("|"))


def test_what_is_counted_and_in_which_order(pages: dict[str, str]) -> None:
    text = pages["kamraoui2022"]
    assert "`lesions` 5 x 5,301,411 weights; `inpaint` 1 x 5,301,473 weights" in text
    assert "| weights of all | 137.13 M |" in text
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    assert headings[:3] == ["## Stages", "## From scans to images", "## Stage `lesions`"]
    assert all(page.count("\n## What the paper reported\n") <= 1 for page in pages.values())
    assert "begins with synthetic (whole, encoder frozen)" in text
    assert "affine (p 0.15, degrees 15, scale [0.9, 1.1])" in pages["ashtari2021"]
    steps = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ") and line.count("|") == 5]
    assert [step for step in steps if step][:6] == ["step", "---", "bias", "brain", "halfway", "resample"]


def test_measured_values_are_shown_and_absent_ones_are_a_dash() -> None:
    entry = Entry.of("ashtari2021")
    assert "## Measured\n\nNothing yet.\n" in page(entry, None)
    text = page(entry, ROW)
    assert "| Dice | 0.512 |" in text and "| F1_score | — |" in text
    whole = index([entry], {"ashtari2021": ROW})
    assert "- trained and scored on: ten heads" in whole and "| ashtari2021 | — |" in whole
    assert "Equal budgets" not in index([entry], {})


def test_entries_that_are_not_known_yet_are_shown_too(tmp_path: Path) -> None:
    entry = Entry.of("subtraction")
    more: dict[str, Any] = {**entry.recipe, "extra_pairs": {"from": "elsewhere"}}
    assert "| extra_pairs | {from elsewhere} |" in page(Entry("subtraction", more, []), None)
