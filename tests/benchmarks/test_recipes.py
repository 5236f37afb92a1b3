"""The order of things in benchmarks/recipes.py: the commands are stand-ins that write what the real ones write."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import yaml

from newlesions import house
from newlesions.cohort.pairs import Pair
from newlesions.cohort.pairs_table import read_pairs, write_pairs
from newlesions.errors import ConfigError
from newlesions.images.files import read_json, write_json, write_text
from newlesions.images.io import write_volume
from newlesions.images.volume import Volume
from newlesions.networks import nnunet
from newlesions.recipes import measured

UNCHANGED = ("03",)
PACES = {"lesions": 0.5, "new": 0.25}


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    spec = importlib.util.spec_from_file_location("benchmark_of_recipes", house.root() / "benchmarks" / "recipes.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


class Commands:
    """What the commands write that the benchmark reads; what they were asked."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.asked, self.fails = folder, list[list[str]](), ""

    def call(self, words: Sequence[str], log: Path) -> float:
        if "--pace" in words:
            call = Path(words[-1])
            write_json(call, read_json(call) | {"paces": PACES})
        return 1.0

    def newlesions(self, words: Sequence[str], log: Path) -> float:
        self.asked.append(list(words))
        getattr(self, words[0])(list(words))
        return 120.0

    def index(self, words: list[str]) -> None:
        pairs = []
        for label in ("01", "02", "03", "04", "05", "06"):
            mask = np.zeros((8, 8, 8), np.uint8)
            mask[2:4, 2:4, 2:4] = label not in UNCHANGED
            path = self.folder / f"{label}.nii.gz"
            write_volume(path, Volume(mask, np.diag([2.0, 2, 2, 1])))
            pair = Pair.of(label, ("M00", "M12"), (f"/{label}a.nii.gz", f"/{label}b.nii.gz"))
            pairs.append(replace(pair, reference=str(path)))
        write_pairs(words[3], pairs)

    def train(self, words: list[str]) -> None:
        recipe, out = (Path(words[words.index(name) + 1]) for name in ("--recipe", "--out"))
        content = yaml.safe_load(recipe.read_text())
        if content["id"] == self.fails:
            raise ConfigError("found no good day")
        assert not (out / "weights").exists(), "that of the recipe before is gone"
        write_json(out / "model.json", {"recipe": content["id"], "kind": "networks"})
        write_text(out / "recipe.yaml", f"id: {content['id']}\n")
        write_text(out / "weights" / f"{content['id']}.safetensors", "weights")
        for stage, entry in content["stages"].items():
            steps = entry["optimise"]["steps"]
            for number in range(entry["members"]["folds"]):
                facts = {"steps": steps, "batch": 2, "cpu_seconds": steps * PACES[stage]}
                write_json(out / "work" / "networks" / stage / str(number) / "facts.json", facts)

    def run(self, words: list[str]) -> None:
        pairs, out = read_pairs(words[1]), Path(words[2])
        model = words[words.index("--model") + 1] if "--model" in words else None
        name = read_json(Path(model) / "model.json")["recipe"] if model else words[words.index("--recipe") + 1]
        write_json(out / "provenance.json", {"recipe": {"id": name}})
        write_json(out / "work" / "config.json", {"override": {"refine": {"model": model}} if model else {}})
        lines = [f"{pair.pair}: 9.0 s (4.0 s of CPU), after 0.1 s for its files" for pair in pairs]
        write_text(out / "work" / "logs" / "network" / "0-of-1.log", "\n".join(lines))
        for pair in pairs:
            write_text(out / "work" / "benchmarks" / "candidates" / f"{pair.pair}.tsv", "s\tcpu_time\n9\t3.0\n")

    def evaluate(self, words: list[str]) -> None:
        table = Path(words[words.index("--out") + 1])
        rows = [line.split("\t")[0] for line in (self.folder / "evaluate.tsv").read_text().splitlines()[1:]]
        empty = [name for name in rows if name[4:6] in UNCHANGED]
        scores = [f"{name}\t{'' if name in empty else 0.25 * n}\t0.5" for n, name in enumerate(rows)]
        write_text(table, "\n".join(["pair\tDice\tF1_score", *scores]) + "\n")
        details = table.with_suffix("")
        write_text(details / "empty_references.tsv", "pair\tNbTestedLesions\n" + "".join(f"{n}\t1\n" for n in empty))
        found = [f"{name}\t{side}\t{hit}" for name in rows for side in ("predicted", "reference") for hit in (0, 1)]
        write_text(details / "lesions.tsv", "\n".join(["pair\tside\thit", *found]) + "\n")


@pytest.fixture
def commands(bench: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    made = Commands(tmp_path)
    monkeypatch.setattr(bench, "_call", made.call)
    monkeypatch.setattr(bench, "_newlesions", made.newlesions)
    return made


def start(bench: ModuleType, folder: Path, *words: str) -> tuple[int, dict[str, measured.Row]]:
    told = ("--minutes", "2", "--folder", str(folder), "--out", str(folder / "docs"))
    return bench.main([*words, *told]), measured.read(folder / "docs" / "measured.tsv")


def test_budget_scores_and_costs_of_a_recipe(bench: ModuleType, tmp_path: Path, commands: Commands) -> None:
    code, rows = start(bench, tmp_path, "basaran2021")
    assert code == 0 and sorted(rows) == ["basaran2021", "subtraction"]
    row = rows["basaran2021"]
    assert row["networks"] == "4" and row["steps"] == "lesions 60, new 120" and row["train_cpu_min"] == "2.0"
    assert row["patches_per_s"] == "6" and row["apply_s"] == "4" and row["budget_min"] == "2"
    assert row["remark"] == "learning rate raised: lesions 0.0001 to 0.001, new 0.0001 to 0.001"
    # Changed pairs 01 and 05, unchanged 03: one false lesion each.
    assert row["Dice"] == "0.125" and row["F1_score"] == "0.500"
    assert row["false_lesions"] == "1.0" and row["empty_clean"] == "0 of 1"
    plain = rows["subtraction"]
    assert plain["budget_min"] == "" and plain["apply_s"] == "3" and plain["Dice"] == "0.125"
    assert [pair.subject for pair in read_pairs(tmp_path / "train.tsv")] == ["02", "04", "06"]
    assert len(read_pairs(tmp_path / "train.tsv")[0].rater_masks) == 4
    asked = {words[0]: words for words in commands.asked if words[0] != "run" or "--model" in words}
    assert "networks.width=0.25" in asked["train"] and "resample.finest_mm=2" in asked["run"]
    plain_run = next(words for words in commands.asked if words[0] == "run" and "--recipe" in words)
    assert not any("resample" in word for word in plain_run), "as it ships"


def test_tiny_scans_have_a_grid_that_the_settings_allow(bench: ModuleType, tmp_path: Path, commands: Commands) -> None:
    code, rows = start(bench, tmp_path, "basaran2021", "--tiny")
    assert code == 0 and "a grid of 3 mm" in rows["basaran2021"]["limits"]
    assert all(f"resample.{name}_mm=3" in commands.asked[-2] for name in ("finest", "coarsest"))


def test_what_is_done_is_not_repeated_and_what_failed_is(bench: ModuleType, tmp_path: Path, commands: Commands) -> None:
    commands.fails = "ashtari2021"
    code, rows = start(bench, tmp_path, "basaran2021", "ashtari2021")
    assert code == 1 and rows["ashtari2021"]["remark"] == "failed: found no good day"
    assert rows["ashtari2021"]["Dice"] == "" and rows["basaran2021"]["Dice"]
    before, commands.fails = len(commands.asked), ""
    code, rows = start(bench, tmp_path, "basaran2021", "ashtari2021")
    assert code == 0 and rows["ashtari2021"]["Dice"]
    assert [words[0] for words in commands.asked[before:]] == ["train", "run", "evaluate"]
    start(bench, tmp_path, "basaran2021", "ashtari2021", "--width", "0.5")
    assert len(commands.asked) > before + 6, "other conditions, other rows"
    with pytest.raises(SystemExit, match="expected simulated heads of 2 mm, 5 subjects"):
        start(bench, tmp_path, "basaran2021", "--subjects", "5")


def test_a_recipe_whose_extra_is_absent_says_so(
    bench: ModuleType, tmp_path: Path, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nnunet, "is_installed", lambda: False)
    code, rows = start(bench, tmp_path, "martinezheras2023")
    assert code == 0 and rows["martinezheras2023"]["Dice"] == ""
    assert "nnunetv2" in rows["martinezheras2023"]["remark"]
    assert not any(words[0] == "train" for words in commands.asked)


def test_results_of_another_recipe_are_not_taken(bench: ModuleType, tmp_path: Path, commands: Commands) -> None:
    def other(words: Sequence[Any]) -> None:
        Commands.run(commands, list(words))
        write_json(Path(words[2]) / "provenance.json", {"recipe": {"id": "another"}})

    commands.run = other  # type: ignore[method-assign]
    code, rows = start(bench, tmp_path, "basaran2021")
    assert code == 1 and "found results of another; expected those of basaran2021" in json.dumps(rows)
