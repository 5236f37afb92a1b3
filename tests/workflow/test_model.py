"""Runs with a trained model, with quick steps: which steps, which files, and what is refused."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from newlesions import house
from newlesions.report.tables import read_rows
from workflow.contract import COHORT, pair_files, published
from workflow.quick import Quick


@pytest.fixture
def model(quick: Quick) -> Path:
    """A folder that looks like a trained model of the recipe `boosted`."""
    folder = quick.folder / "models" / "mine"
    folder.mkdir(parents=True)
    (folder / "model.json").write_text('{"recipe": "boosted"}')
    (folder / "voxel_0.txt").write_text("trees")
    shutil.copy(house.recipes()["boosted"], folder / "recipe.yaml")
    return folder


def test_a_run_with_a_model_refines_and_says_which_model_it_was(quick: Quick, model: Path) -> None:
    code, said = quick.run("--model", "models/mine")
    assert code == 0, said
    assert f"model {model}, recipe boosted" in said
    steps = quick.steps(said)
    assert steps.index("candidates") < steps.index("refine") < steps.index("finalise")
    assert published(quick.out) == COHORT | pair_files("01")
    record = json.loads((quick.out / "provenance.json").read_text())
    assert record["recipe"]["id"] == "boosted"
    assert record["model"]["name"] == record["settings"]["refine"]["model"] == "mine"
    assert sorted(record["model"]["files"]) == ["model.json", "voxel_0.txt"]
    assert str(quick.folder) not in json.dumps(record)
    assert "mine" in json.loads((quick.out / "work" / "config.json").read_text())["override"]["refine"]["model"]
    for path in model.iterdir():
        os.utime(path)
    assert quick.steps(quick.run("--model", "models/mine")[1]) == []


def test_a_changed_model_reruns_what_follows_and_a_run_without_it_too(quick: Quick, model: Path) -> None:
    assert quick.run("--model", str(model))[0] == 0
    (model / "voxel_0.txt").write_text("other trees")
    code, said = quick.run("--model", str(model))
    assert code == 0, said
    assert sorted(quick.steps(said)) == ["finalise", "refine", "report", "table"]
    log = quick.out / "work" / "logs" / "refine" / "sub-01_ses-M12.log"
    log.write_text("ERROR: of an earlier run")
    code, said = quick.run()
    assert code == 0, said
    assert sorted(quick.steps(said)) == ["finalise", "report", "table"]
    assert [row["status"] for row in read_rows(quick.out / "newlesions.tsv")] == ["done"]


def test_what_fits_not_starts_nothing(quick: Quick, model: Path) -> None:
    for words, line in (
        (
            ["--recipe", "prados2021"],
            "recipe prados2021: found no model; expected --model MODEL_DIR, which `newlesions",
        ),
        (["--recipe", "subtraction", "--model", str(model)], "found a model of recipe boosted; expected one of recipe"),
        (["--model", "nonesuch"], "nonesuch: found no model.json there; expected the folder that `newlesions train`"),
        (["--set", f"refine.model={model}"], "found a model of recipe boosted; expected one of recipe subtraction"),
    ):
        code, said = quick.run(*words)
        assert code == 2, said
        assert line in said and said.count("\n") == 1
    assert not quick.out.exists()
