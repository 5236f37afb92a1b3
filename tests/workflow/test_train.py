"""`newlesions train` from pairs to a model, with quick steps."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from newlesions.report.tables import read_rows
from workflow.contract import digests
from workflow.quick import Quick
from workflow.test_resume import wait_for

FILES = {"model.json", "voxel_0.txt", "recipe.yaml", "held_out.tsv", "card.md"}


class Cohort(Quick):
    """Four subjects, of which three have a reference."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        for subject in ("01", "02", "03", "04"):
            for session in ("M00", "M12"):
                self.scan(subject, session)
            if subject != "04":
                self.reference(subject, "M12")

    def index(self) -> None:
        """Write the pairs table."""
        words = ("index", str(self.bids), "-o", "pairs.tsv", "--references", str(self.references))
        assert self.newlesions(*words).wait(timeout=60) == 0

    def start_training(self, *more: str, seconds: float = 0) -> subprocess.Popen[str]:
        words = ("train", "--recipe", "boosted", "--pairs", "pairs.tsv", "--out", "model", "--cores", "2", *more)
        return self.newlesions(*words, seconds=seconds)

    def train(self, *more: str) -> tuple[int, str]:
        process = self.start_training(*more)
        said, _ = process.communicate(timeout=180)
        return process.returncode, said

    @property
    def model(self) -> Path:
        return self.folder / "model"


@pytest.fixture
def cohort(tmp_path: Path) -> Cohort:
    made = Cohort(tmp_path / "one")
    made.index()
    return made


def model_files(folder: Path) -> dict[str, str]:
    """The digests of the model itself."""
    return {name: digest for name, digest in digests(folder).items() if not name.startswith("work/")}


def test_training_ends_with_a_model_its_held_out_scores_and_nothing_left_to_do(cohort: Cohort) -> None:
    code, said = cohort.train()
    assert code == 0, said
    assert "3 pairs of 3 subjects have a reference; 1 without one are left out" in said
    steps = cohort.steps(said)
    assert (steps.count("sample"), steps.count("fit"), steps.count("held_out")) == (3, 4, 3)
    assert not {"finalise", "refine", "report", "table"} & set(steps)
    assert set(model_files(cohort.model)) == FILES
    lines = [line.split() for line in said.splitlines()]
    assert ["sub-02_ses-M12", "0.500", "0.250", "3"] in lines
    assert ["mean", "0.500", "0.250"] in lines
    assert f"newlesions run BIDS_DIR OUT_DIR --model {cohort.model}" in said
    code, said = cohort.train()
    assert code == 0, said
    assert cohort.steps(said) == []
    code, said = cohort.train("--set", "train.rounds=9")
    assert json.loads((cohort.model / "model.json").read_text())["rounds"] == 9
    assert set(cohort.steps(said)) == {"fit", "held_out", "assemble"}


def test_a_trained_model_runs(cohort: Cohort) -> None:
    assert cohort.train()[0] == 0
    code, said = cohort.run("--model", "model")
    assert code == 0, said
    assert cohort.steps(said).count("refine") == 4
    record = json.loads((cohort.out / "provenance.json").read_text())
    assert record["model"]["name"] == "model" and record["recipe"]["stages"]["train"]["rounds"] == 7


def test_a_pair_that_fails_costs_only_itself(cohort: Cohort) -> None:
    cohort.reference("04", "M12", "bad")
    cohort.scan("05", "M00")
    scan = cohort.scan("05", "M12", "broken")
    cohort.reference("05", "M12")
    cohort.index()
    code, said = cohort.train()
    assert code == 1, said
    assert "2 of 5 pairs failed and were left out:" in said
    assert f"sub-05_ses-M12  ingest: {scan.name}: found a broken scan; expected a whole one" in said
    assert "found a bad reference; expected a mask" in said
    rows = read_rows(cohort.model / "held_out.tsv")
    assert [row["pair"] for row in rows] == [f"sub-{name}_ses-M12" for name in ("01", "02", "03")]
    cohort.reference("04", "M12")
    cohort.scan("05", "M12")
    cohort.index()
    code, said = cohort.train()
    assert code == 0, said
    assert len(read_rows(cohort.model / "held_out.tsv")) == 5


def test_too_few_pairs_that_could_be_prepared_make_no_model(cohort: Cohort) -> None:
    cohort.reference("03", "M12", "bad")
    code, said = cohort.train()
    assert code == 1, said
    assert "found 2 subjects with a reference; expected at least 3" in said
    assert not (cohort.model / "model.json").exists()


@pytest.mark.parametrize("step", ["candidates", "fit", "assemble"])
@pytest.mark.slow
def test_a_killed_training_goes_on_to_the_same_bytes(cohort: Cohort, tmp_path: Path, step: str) -> None:
    with cohort.start_training(seconds=0.5) as process:
        wait_for(process, step)
        process.kill()
        process.communicate(timeout=30)
    code, said = cohort.train()
    assert code == 0, said
    assert cohort.steps(said).count("bias") < 6, "what was done is not done again"
    other = Cohort(tmp_path / "other")
    other.index()
    assert other.train()[0] == 0
    assert model_files(cohort.model) == model_files(other.model)


def test_a_wrong_start_is_one_line(cohort: Cohort) -> None:
    table = (cohort.folder / "pairs.tsv").read_text().splitlines()
    (cohort.folder / "two.tsv").write_text("\n".join(table[:3]))
    (cohort.folder / "none.tsv").write_text("\n".join([table[0], table[-1]]))
    for words, line in (
        (["--recipe", "subtraction"], "recipe subtraction: found no section train in its stages; expected a recipe"),
        (["--pairs", "none.tsv"], "none.tsv: found no pair with a reference; expected masks of new lesions"),
        (["--pairs", "two.tsv"], "two.tsv: found 2 subjects with a reference; expected at least 3"),
        (["--pairs", "nonesuch.tsv"], "nonesuch.tsv: found no"),
        (["--set", "train.leaves=1"], "train.leaves: found 1; expected >= 2"),
    ):
        code, said = cohort.train(*words)
        assert code == 2, said
        assert line in said and "Traceback" not in said
    assert not (cohort.model / "model.json").exists()
