"""The step `leaderboard` on a small benchmark: two recipes as they ship, two folds, scores of masks made by hand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from newlesions import house
from newlesions.benchmark import folders
from newlesions.benchmark.plan import Conditions, Consensus, Entrant, folds_of, make_plan
from newlesions.cohort.pairs import Pair
from newlesions.evaluate.forms import json_form
from newlesions.evaluate.pair import Inputs, evaluate_pair
from newlesions.images.files import read_json, write_json, write_text
from newlesions.images.io import write_volume
from newlesions.images.volume import Volume
from newlesions.report.tables import read_rows
from newlesions.settings import merged, read_config, read_recipe
from newlesions.steps.leaderboard import leaderboard

RECIPES = ("subtraction", "larosa2021")
SUBJECTS = tuple(f"{number:02}" for number in range(1, 9))
EMPTY = "08"
ABOUT = {
    "pairs": 8, "subjects": 8, "folds": 2, "seed": 0, "minutes": 1.0, "limits": [], "failed_pairs": {},
    "left_out": {"masson2021": "found no package nnunetv2"}, "remarks": {"larosa2021": "a remark"},
}  # fmt: skip


FUSED = "consensus-mean"


def masks(number: int, empty: bool) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Two lesions, of which `subtraction` finds both and `larosa2021` the first; and where the reference is empty,
    a false one by the latter."""
    reference, seen = np.zeros((24, 20, 16), np.uint8), {name: np.zeros((24, 20, 16), np.uint8) for name in RECIPES}
    if empty:
        seen["larosa2021"][2:5, 2:5, 2:5] = 1
        return reference, seen
    for mask in (reference, *seen.values()):
        mask[4:8, 4:8, 4:8] = 1
    for mask in (reference, seen["subtraction"]):
        mask[14:17, 12:15, 8 : 10 + number % 3] = 1
    return reference, seen


@pytest.fixture
def benchmark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished benchmark but for its leaderboard, which is the working directory."""
    monkeypatch.chdir(tmp_path)
    return made_benchmark(tmp_path)


def made_benchmark(tmp_path: Path, fused: bool = False) -> Path:
    """With ``fused``, there is a consensus that says what `subtraction` does."""
    pairs = []
    for subject in SUBJECTS:
        reference = tmp_path / "references" / f"{subject}.nii.gz"
        write_volume(reference, Volume(masks(int(subject), subject == EMPTY)[0], np.eye(4)))
        pair = Pair.of(subject, ("M00", "M12"), (f"/{subject}a.nii.gz", f"/{subject}b.nii.gz"))
        pairs.append(pair.with_values(reference=str(reference)))
    conditions = Conditions("2")
    entrants = [Entrant(name, read_recipe(name), merged(read_config() | {"recipe": name})) for name in RECIPES]
    plan = make_plan(pairs, entrants, conditions, consensus=[Consensus("mean", RECIPES)] if fused else [])
    fold_of = folds_of(pairs, conditions)
    write_json(tmp_path / folders.PLAN, plan)
    rows: dict[str, dict[str, Any]] = {}
    for pair in pairs:
        fold = fold_of[pair.subject]
        seen = masks(int(pair.subject), pair.subject == EMPTY)[1]
        for name, mask in (seen | ({FUSED: seen["subtraction"]} if fused else {})).items():
            path = tmp_path / folders.result_file(name, fold, pair.pair, "mask")
            write_volume(path, Volume(mask, np.eye(4)))
            row = json_form(evaluate_pair(Inputs(pair.pair, Path(pair.reference), path, raters={})))
            rows.setdefault(folders.scores_file(name, fold), {})[pair.pair] = row
    for name, some in rows.items():
        write_json(tmp_path / name, some)
    for name in RECIPES:
        write_text(tmp_path / folders.recipe_file(name), house.recipes()[name].read_text())
    return tmp_path


def make(benchmark: Path, fused: bool = False) -> dict[str, Path]:
    """Run the step; what it wrote."""
    files = {name: Path(path) for name, path in folders.leaderboard_files(fused).items()}
    leaderboard([], folders.PLAN, ABOUT, {"resamples": 200, "seed": 0}, False, **files)
    return {name: benchmark / path for name, path in files.items()}


def test_recipes_stand_in_the_order_of_their_scores(benchmark: Path) -> None:
    files = make(benchmark)
    rows = read_rows(files["table"])
    assert [row["recipe"] for row in rows] == ["subtraction", "larosa2021", "masson2021"]
    best, other, missing = rows
    assert best["Dice"] == best["F1_score"] == "1.000000" and best["rank"] == "1.000000" and best["pairs"] == "8"
    assert other["SensL"] == "0.500000" and other["remark"] == "a remark"
    assert best["empty_clean"] == "1 of 1" and other["empty_clean"] == "0 of 1" and other["false_lesions"] == "1.000000"
    assert missing["reason"] == "found no package nnunetv2" and not missing["pairs"]
    assert [row["recipe"] for row in read_rows(files["costs"])] == ["subtraction", "larosa2021"]
    lesions = read_rows(files["lesions"])
    assert len(lesions) == 14 and [row["finders"] for row in lesions[:8]] == 7 * ["1"] + ["2"]
    assert {row["subtraction"] for row in lesions} == {"1"} and lesions[0]["larosa2021"] == "0"
    assert {row["recipe"] for row in read_rows(files["reported"])} == {"larosa2021"}
    scores = read_rows(benchmark / "leaderboard/scores/larosa2021.tsv")
    assert [row["pair"] for row in scores] == [f"sub-{subject}_ses-M12" for subject in SUBJECTS]


def test_the_page_has_everything_within(benchmark: Path) -> None:
    text = make(benchmark)["page"].read_text()
    assert not re.search(r'(?:src|href)="(?!data:|#)', text)
    assert "found by 1 of 2: subtraction" in text and "found no package nnunetv2" in text
    drawn = {path.stem for path in (benchmark / "leaderboard" / "figures").iterdir()}
    assert {"forest", "ranking", "lesions"} <= drawn


def test_a_pair_that_could_not_be_scored_is_left_out_and_told(benchmark: Path) -> None:
    path = benchmark / folders.scores_file("larosa2021", folds_of(
        [Pair.of(one, ("M00", "M12"), ("a", "b")) for one in SUBJECTS], Conditions("2"))["03"])  # fmt: skip
    write_json(path, read_json(path) | {"sub-03_ses-M12": {"failed": "a reference that cannot be used"}})
    files = make(benchmark)
    row = {row["recipe"]: row for row in read_rows(files["table"])}["larosa2021"]
    assert (row["pairs"], row["failed"], row["reason"]) == ("7", "1", "a reference that cannot be used")
    assert "larosa2021 could not be scored on 1 pairs; sub-03_ses-M12" in files["page"].read_text()


def test_where_nothing_was_scored_there_is_no_leaderboard(benchmark: Path) -> None:
    for name in RECIPES:
        for fold in ("1", "2"):
            path = benchmark / folders.scores_file(name, fold)
            write_json(path, {pair: {"failed": "nothing"} for pair in read_json(path)})
    with pytest.raises(ValueError, match="no recipe scored any pair"):
        make(benchmark)
    assert not (benchmark / "leaderboard" / "index.html").exists()


def test_a_consensus_stands_among_the_recipes_with_its_evidence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made_benchmark(tmp_path, fused=True)
    files = make(tmp_path, fused=True)
    rows = {row["recipe"]: row for row in read_rows(files["table"])}
    assert rows[FUSED]["Dice"] == "1.000000" and rows[FUSED]["title"] == f"consensus (mean) of {', '.join(RECIPES)}"
    table = {(row["name"], row["measure"]): row for row in read_rows(files["consensus"])}
    assert table[FUSED, "Dice"]["kind"] == "consensus" and table["larosa2021", "Dice"]["kind"] == "system"
    assert float(table[FUSED, "Dice"]["difference"]) == 0.0 and float(table["larosa2021", "Dice"]["difference"]) < 0
    text = files["page"].read_text()
    assert "Is a consensus better?" in text and f"{FUSED}: in Dice it is not shown to beat the best single" in text
    assert FUSED not in {row["recipe"] for row in read_rows(files["reported"])}
