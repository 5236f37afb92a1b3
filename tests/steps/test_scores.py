from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from newlesions.cohort.pairs import Pair
from newlesions.cohort.pairs_table import write_pairs
from newlesions.cohort.results import page_file, score_files, scores_file, summary_file
from newlesions.images.files import write_json, write_text
from newlesions.report.tables import read_rows
from newlesions.steps.scores import scores

PAIRS = [
    Pair.of(name, ("M00", "M12"), (f"/data/{name}a.nii", f"/data/{name}b.nii")).with_values(
        reference=f"/data/{name}.nii"
    )
    for name in ("01", "02", "03")
]


def result(pair: Pair, dice: float = 0.5) -> dict[str, Any]:
    counts = {"true_voxels": 5, "predicted_voxels": 10, "reference_voxels": 10}
    lesions = {"found": 1, "reference": 2, "true": 1, "predicted": 1}
    curve = [{"threshold": threshold, **counts, **lesions} for threshold in (0.5, 0.9, "mask")]
    return {
        "pair": pair.pair, "measures": {"Dice": dice, "F1_score": "nan"}, "additions": {"assd_mm": 1.0}, "lesions": [],
        "curves": curve, "gone": None, "raters": [],
    }  # fmt: skip


def finish(out: Path, pair: Pair, content: dict[str, Any]) -> Path:
    write_json(summary_file(out, pair), {"new_count": 1})
    write_text(page_file(out, pair), "page")
    write_json(scores_file(out, pair), content)
    return scores_file(out, pair)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    write_pairs(tmp_path / "pairs.tsv", PAIRS)
    return tmp_path / "out"


def run(out: Path, *results: Path) -> dict[str, Path]:
    files: dict[str, Any] = score_files(out)
    scores(pairs=out.parent / "pairs.tsv", results=results, **files)
    return files


def test_every_file_is_written_where_it_was_asked_for(out: Path) -> None:
    files = run(out, finish(out, PAIRS[0], result(PAIRS[0])), finish(out, PAIRS[1], result(PAIRS[1], 0.25)))
    written = {
        path for path in out.rglob("*") if path.is_file() and "work" not in path.parts and path.suffix != ".html"
    }
    assert written == set(files.values())
    assert [(row["pair"], row["Dice"], row["F1_score"]) for row in read_rows(files["table"])] == [
        ("sub-01_ses-M12", "0.500000", "nan"),
        ("sub-02_ses-M12", "0.250000", "nan"),
    ]
    for name in ("froc", "precision_recall"):
        assert "<svg" in files[name].read_text() and "Nothing to draw" not in files[name].read_text()


def test_a_pair_without_scores_is_left_out(out: Path) -> None:
    sources = [finish(out, PAIRS[0], result(PAIRS[0])), finish(out, PAIRS[1], {"pair": "x", "failed": "no mask"})]
    assert [row["pair"] for row in read_rows(run(out, *sources)["table"])] == ["sub-01_ses-M12"]


def test_after_failures_the_finished_pairs_are_looked_for(out: Path) -> None:
    finish(out, PAIRS[0], result(PAIRS[0]))
    finish(out, PAIRS[1], result(PAIRS[1]))
    write_text(out / "work" / "logs" / "halfway" / f"{PAIRS[1].pair}.log", "ERROR: two heads\n")
    assert [row["pair"] for row in read_rows(run(out)["table"])] == ["sub-01_ses-M12"]


def test_where_nothing_was_scored_the_files_are_there_and_say_so(out: Path) -> None:
    files = run(out)
    assert all(path.is_file() for path in files.values())
    assert read_rows(files["table"]) == []
    assert "Nothing to draw" in files["froc"].read_text()
