"""benchmarks/recipes.py: what it asks of the commands, which are stand-ins, and what it makes of their tables."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from newlesions import house
from newlesions.benchmark.folders import leaderboard_files
from newlesions.cli import parser
from newlesions.cohort.pairs import Pair
from newlesions.cohort.pairs_table import read_pairs, write_pairs
from newlesions.images.files import write_text
from newlesions.images.io import read_volume, write_volume
from newlesions.images.volume import Volume
from newlesions.recipes import measured

TABLE = """\
recipe\tDice\tF1_score\tfalse_lesions\tempty_clean\tnetworks\ttrain_cpu_min\tapply_cpu_s\tremark\treason
subtraction\t0.25\t0.5\t2.000000\t0 of 1\t0\t\t0.041\t\t
ashtari2021\t0.2\tnan\t0.000000\t1 of 1\t5\t0.26\t1.156\tlearning rate raised: new 1e-05 to 0.001\t
masson2021\t\t\t\t\t\t\t\t\tfound no package nnunetv2
"""
COSTS = "recipe\tsteps\nsubtraction\t\nashtari2021\tnew 4-5\n"


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    spec = importlib.util.spec_from_file_location("benchmark_of_recipes", house.root() / "benchmarks" / "recipes.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def index(folder: Path, table: Path) -> None:
    """Pairs of five subjects with a new lesion each."""
    mask = np.zeros((8, 8, 8), np.uint8)
    mask[2:4, 2:4, 2:4] = 1
    pairs = []
    for label in ("01", "02", "03", "04", "05"):
        path = folder / f"{label}.nii.gz"
        write_volume(path, Volume(mask, np.diag([2.0, 2, 2, 1])))
        pair = Pair.of(label, ("M00", "M12"), (f"/{label}a.nii.gz", f"/{label}b.nii.gz"))
        pairs.append(replace(pair, reference=str(path)))
    write_pairs(table, pairs)


def test_from_a_cohort_to_the_table(bench: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def call(words: list[str], codes: tuple[int, ...] = (0,)) -> int:
        asked.append(words)
        if "index" in words:
            index(tmp_path, Path(words[words.index("-o") + 1]))
        if "benchmark" in words:
            parser().parse_args(words[words.index("benchmark") :])
            for name, text in (("table", TABLE), ("costs", COSTS)):
                write_text(tmp_path / "benchmark" / leaderboard_files()[name], text)
            return 1
        return 0

    monkeypatch.setattr(bench, "_call", call)
    words = ["--folder", str(tmp_path), "--out", str(tmp_path / "docs"), "--subjects", "2"]
    assert bench.main(words) == 1, "a recipe is missing"
    scripts = [Path(words[1]).name if words[1] != "-m" else words[3] for words in asked]
    assert scripts == ["simulate_cohort.py", "index", "benchmark", "make_recipe_pages.py"]
    assert "--tiny" in asked[0] and "resample.coarsest_mm=3" in asked[2]
    assert [pair.subject for pair in read_pairs(tmp_path / "extra.tsv")] == ["03", "04", "05"]
    learned = read_pairs(tmp_path / "pairs.tsv")
    assert [pair.subject for pair in learned] == ["01", "02"]
    wide, narrow = (read_volume(path).data.sum() for path in list(learned[0].rater_masks.values())[:2])
    assert wide > narrow == 8
    rows = measured.read(tmp_path / "docs" / "measured.tsv")
    row = rows["ashtari2021"]
    assert row["cohort"] == "2 simulated heads of 4 mm, seed 8, 2 folds" and row["budget_min"] == "0.25"
    assert (row["Dice"], row["F1_score"], row["steps"], row["empty_clean"]) == ("0.200", "", "new 4-5", "1 of 1")
    assert row["remark"] == (
        "learning rate raised: new 1e-05 to 0.001; below the subtraction after so few steps (its own: new 100000)"
    )
    assert rows["subtraction"]["budget_min"] == "" and rows["subtraction"]["remark"] == ""
    assert rows["masson2021"]["remark"] == "found no package nnunetv2" and rows["masson2021"]["Dice"] == ""
    bench.main(words)
    assert sum("index" in words for words in asked) == 1, "the cohort is drawn once"
