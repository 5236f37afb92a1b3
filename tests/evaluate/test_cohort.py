from __future__ import annotations

import os

import pytest

from newlesions.errors import ConfigError
from newlesions.evaluate import cohort
from newlesions.evaluate.cohort import Outcome, evaluate_cohort, read_inputs
from newlesions.evaluate.pair import Inputs, Options

LARGE = ((2, 6),) * 3


def table(folder, *rows):
    path = folder / "pairs.tsv"
    path.write_text("".join("\t".join(row) + "\n" for row in rows))
    return path


def test_paths_are_taken_from_the_tables_folder_or_from_here(save, tmp_path, monkeypatch):
    beside = save("beside", LARGE)
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "only.nii").touch()
    monkeypatch.chdir(tmp_path / "here")
    header = ("pair", "prediction", "reference", "probability", "rater_ann", "rater_bob", "note")
    inputs = read_inputs(table(tmp_path, header, ("p", "beside.nii.gz", "only.nii", "", "/x/ann.nii", "", "ignored")))[
        0
    ]
    assert inputs.prediction == beside
    assert inputs.reference.resolve() == tmp_path / "here" / "only.nii"
    assert inputs.probability is None
    assert {name: str(path) for name, path in inputs.raters.items()} == {"ann": "/x/ann.nii"}


def test_a_pairs_table_and_a_pattern_make_the_inputs(save, tmp_path):
    mine = save("mine-013", LARGE)
    raters = "expert1=/x/one.nii.gz;expert2=/x/two.nii.gz"
    path = table(tmp_path, ("pair", "subject", "reference", "raters"), ("sub-013", "013", "/x/truth.nii.gz", raters))
    (inputs,) = read_inputs(path, {"prediction": "mine-{subject}.nii.gz"})
    assert inputs.prediction == mine
    assert {name: str(rater) for name, rater in inputs.raters.items()} == {
        "expert1": "/x/one.nii.gz",
        "expert2": "/x/two.nii.gz",
    }
    (inputs,) = read_inputs(path, {"prediction": "mine-{subject}.nii.gz", "reference": "/y/{subject}.nii.gz"})
    assert str(inputs.reference) == "/y/013.nii.gz"


@pytest.mark.parametrize("pattern", ["{participant}.nii.gz", "{", "{0}", "{subject.x}"])
def test_a_pattern_of_unknown_columns_is_refused(tmp_path, pattern):
    path = table(tmp_path, ("pair", "subject", "reference"), ("sub-013", "013", "r.nii.gz"))
    with pytest.raises(ConfigError, match=r"--prediction: found .*expected columns of"):
        read_inputs(path, {"prediction": pattern})


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ([("pair", "reference"), ("a", "b")], "found no column prediction"),
        ([("pair", "reference", "prediction")], "found no row"),
        ([("pair", "reference", "prediction"), ("a", "b", " ")], "line 2: found no prediction"),
        ([("pair", "reference", "prediction"), ("a", "b", "c"), ("a", "b", "c")], "found a more than once"),
    ],
)
def test_tables_that_cannot_be_used(tmp_path, rows, found):
    with pytest.raises(ConfigError, match=found):
        read_inputs(table(tmp_path, *rows))


@pytest.mark.parametrize("cores", [1, 2])
def test_a_pair_that_cannot_be_scored_leaves_the_others(save, tmp_path, cores):
    good, none = save("good", LARGE), tmp_path / "none.nii.gz"
    pairs = [Inputs(str(n), good, none if n == 3 else good) for n in range(20)]
    outcomes = list(evaluate_cohort(pairs, Options(details=False), cores))
    assert [outcome.pair for outcome in outcomes] == [str(n) for n in range(20)]
    assert [outcome.pair for outcome in outcomes if outcome.result is None] == ["3"]
    assert outcomes[3].reason.startswith(f"{none}: found no such file")
    assert outcomes[4].result["measures"]["Dice"] == 1


def die(inputs, options):
    os._exit(9)


def test_a_killed_process_is_named_and_ends(save, monkeypatch):
    good = save("good", LARGE)
    monkeypatch.setattr(cohort, "_outcome", die)
    outcomes = list(evaluate_cohort([Inputs(str(n), good, good) for n in range(40)], Options(), 2))
    assert len(outcomes) == 40
    assert {(o.result, o.reason) for o in outcomes} == {(None, Outcome("", None, cohort.KILLED).reason)}
