"""Cohorts with references, with quick steps: scores beside the results, and references that cannot be used."""

from __future__ import annotations

import json

import pytest

from newlesions.report.tables import read_rows
from workflow.contract import COHORT, SCORES, pair_files, published
from workflow.quick import Quick


@pytest.fixture
def scored(quick: Quick) -> Quick:
    """Two pairs, each with a reference."""
    for session in ("M00", "M12"):
        quick.scan("02", session)
    for subject in ("01", "02"):
        quick.reference(subject, "M12")
    return quick


def run(cohort: Quick, *more: str) -> tuple[int, str]:
    return cohort.run("--references", str(cohort.references), *more)


def rows(cohort: Quick, name: str) -> dict[str, dict[str, str]]:
    return {row["pair"]: row for row in read_rows(cohort.out / name)}


def test_scores_stand_beside_the_results_and_a_second_run_has_nothing_to_do(scored: Quick) -> None:
    code, said = run(scored)
    assert code == 0, said
    assert published(scored.out) == COHORT | SCORES | pair_files("01") | pair_files("02")
    assert [row["F1_score"] for row in rows(scored, "scores.tsv").values()] == ["0.250000", "0.250000"]
    header, first = (line.split() for line in said.splitlines() if line.startswith(("pair ", "sub-01_ses-M12 ")))
    assert header[-2:] == ["Dice", "F1"] and first[-2:] == ["0.500", "0.250"]
    record = (scored.out / "provenance.json").read_text()
    (reference,) = json.loads(record)["pairs"][0]["references"]
    assert reference["file"].startswith("sub-01_ses-M12") and len(reference["sha256"]) == 64
    assert str(scored.folder) not in record
    code, said = run(scored)
    assert code == 0 and scored.steps(said) == [], said


def test_a_changed_reference_scores_its_pair_again(scored: Quick) -> None:
    run(scored)
    scored.reference("02", "M12", "good and better")
    code, said = run(scored)
    assert code == 0, said
    assert sorted(scored.steps(said)) == ["report", "scores", "table"]
    assert rows(scored, "scores.tsv")["sub-02_ses-M12"]["F1_score"] == "0.750000"


def test_a_bad_reference_costs_its_pair_the_scores_and_nothing_else(scored: Quick) -> None:
    path = scored.reference("02", "M12", "bad")
    code, said = run(scored)
    assert code == 1, said
    assert published(scored.out) == COHORT | SCORES | pair_files("01") | pair_files("02")
    table = rows(scored, "newlesions.tsv")
    assert {row["status"] for row in table.values()} == {"done"}
    assert table["sub-01_ses-M12"]["reason"] == ""
    assert table["sub-02_ses-M12"]["reason"] == f"evaluate: {path.name}: found bad; expected a mask"
    assert list(rows(scored, "scores.tsv")) == ["sub-01_ses-M12"]
    assert f"1 of 2 pairs could not be scored:\n  sub-02_ses-M12  evaluate: {path.name}: found bad" in said
    assert run(scored)[0] == 1, "the same again is no better"
    scored.reference("02", "M12", "good")
    code, said = run(scored)
    assert code == 0, said
    assert list(rows(scored, "scores.tsv")) == ["sub-01_ses-M12", "sub-02_ses-M12"]


@pytest.mark.slow
def test_a_missing_reference_is_named(scored: Quick) -> None:
    path = scored.reference("02", "M12")
    path.unlink()
    path.symlink_to("not-fetched")
    code, said = run(scored)
    assert code == 1, said
    assert "found no such file" in rows(scored, "newlesions.tsv")["sub-02_ses-M12"]["reason"]
    assert rows(scored, "newlesions.tsv")["sub-02_ses-M12"]["status"] == "done"


def test_a_failed_pair_leaves_the_scores_of_the_others(scored: Quick) -> None:
    assert run(scored)[0] == 0
    scored.scan("02", "M12", "broken")
    code, said = run(scored)
    assert code == 1, said
    assert [row["status"] for row in rows(scored, "newlesions.tsv").values()] == ["done", "failed"]
    assert list(rows(scored, "scores.tsv")) == ["sub-01_ses-M12"]
    assert published(scored.out) >= COHORT | SCORES | pair_files("01")


def test_without_references_old_scores_are_not_shown(scored: Quick) -> None:
    run(scored)
    code, said = scored.run()
    assert code == 0, said
    assert "has another reference" in said
    assert "Dice" not in said
    assert "scores" not in scored.steps(said)
