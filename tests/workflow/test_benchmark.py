"""`newlesions benchmark` from pairs to a leaderboard, with quick steps; and once with the real ones."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from newlesions import house, settings
from newlesions.benchmark.folders import leaderboard_files
from newlesions.benchmark.preparation import STEPS
from newlesions.cli import main
from newlesions.cohort.pairs import join_raters
from newlesions.cohort.pairs_table import read_pairs, write_pairs
from newlesions.networks import nnunet
from newlesions.report.tables import read_rows
from workflow.conftest import newlesions
from workflow.contract import digests
from workflow.quick import Quick
from workflow.test_networks import CASCADE
from workflow.test_resume import wait_for
from workflow.truth import write_truth_steps

_STEPS = """\
import json, os, time
from newlesions.errors import InputError
from newlesions.images.files import read_json, write_json, write_text

def seconds():
    time.sleep(float(os.environ.get("QUICK_STEP_SECONDS", "0")))

def pace(cases, pace_out, recorded=None, **others):
    seconds()
    write_json(pace_out, dict(seconds_per_step=recorded or 0.25, measured=recorded is None, device="cpu"))

def fold_model(model_out, recipe_out, recipe, learned, networks=None, trees=None, **others):
    seconds()
    seen = {}
    for folder in networks or []:
        seen.update({name: 1 for name in read_json(folder / "seen.json")["pairs"]})
    assert set(seen) <= set(learned), "what a network learned is what its model tells"
    write_text(recipe_out, recipe)
    write_json(model_out, dict(learned=learned))

def fold_scores(pairs, results, scores, judged, kind, model=None, bucket=None, **others):
    seconds()
    learned = read_json(model)["learned"] if model else []
    rows = {}
    for number, pair in enumerate(pairs):
        assert pair["pair"] not in learned
        write_text(results / f"{pair['pair']}.txt", str(kind))
        value = 0.5 + 0.1 * len(str(kind)) / 10 + 0.01 * int(pair["pair"][4:6])
        names = ["Jaccard", "Dice", "Sensitivity", "Specificity", "PPV", "NPV", "RelativeVolumeError",
                 "HausdorffDistance", "ContourMeanDistance", "SurfaceDistance", "PPVL", "SensL", "F1_score"]
        lesion = dict(side="reference", id=1, volume_mm3=20.0, size_class="10-30", region="", x_mm=1.0, y_mm=2.0,
                      z_mm=3.0, hit=1, overlap=0.5)
        rows[pair["pair"]] = dict(pair=pair["pair"], measures=dict.fromkeys(names, round(value, 6)), additions={},
                                  lesions=[lesion], curves=[], gone=None, raters=[])
        if "unscored" in open(pair["reference"]).read():
            rows[pair["pair"]] = dict(failed="a reference that cannot be used")
    write_json(judged, {name: 1.0 for name in rows})
    write_json(scores, rows)

def fold_consensus(pairs, results, scores, judged, how, moments, **others):
    assert bool(moments) == (how == "weights")
    fold_scores(pairs, results, scores, judged, how)

def moments(pairs, moments_out, **others):
    seconds()
    write_json(moments_out, {})

def network(pairs, model_files, report, limits, candidates, digests=None):
    seconds()
    assert {"device", "threads"} <= limits.keys()
    assert read_json(model_files[0])["learned"]
    write_json(report, dict(pairs=[pair["pair"] for pair in pairs]))

def fit_network(cases, member_folder, recipe, stage, seed, limits, members, validation=None, pace=None,
                seconds=None, **others):
    time.sleep(float(os.environ.get("QUICK_STEP_SECONDS", "0")))
    if recipe == "broken":
        raise InputError("a network", "not a number", "numbers")
    pairs = [read_json(path)["pair"] for path in cases]
    steps = int(seconds / read_json(pace)["seconds_per_step"]) if pace else 7
    write_json(member_folder / "facts.json", dict(steps=steps, parameters=10))
    write_json(member_folder / "seen.json", dict(stage=stage, seed=seed, pairs=pairs, earlier=sorted(members)))
    write_text(member_folder / "weights.safetensors", f"{stage} {seed} {steps}")
"""


class Cohort(Quick):
    """Six subjects with references, and recipes: a cascade, and one whose network cannot be trained."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        for number in range(1, 7):
            for session in ("M00", "M12"):
                self.scan(f"{number:02}", session)
            self.reference(f"{number:02}", "M12")
            self.reference(f"{number:02}", "M12", kind="all")
        for name in ("pace", "fold_model", "fold_scores", "fit_network", "network", "fold_consensus", "moments"):
            (folder / "site" / "steps" / f"{name}.py").write_text(_STEPS)
        (folder / "cascade.yaml").write_text(CASCADE)
        (folder / "broken.yaml").write_text(CASCADE.replace("id: cascade", "id: broken").replace("[4]", "[5]"))
        self.index()

    def index(self) -> None:
        """Write the pairs table."""
        words = ("index", str(self.bids), "-o", "pairs.tsv", "--references", str(self.references))
        assert self.newlesions(*words).wait(timeout=300) == 0

    def start_benchmark(self, *more: str, seconds: float = 0) -> subprocess.Popen[str]:
        words = ("benchmark", "--pairs", "pairs.tsv", "--folds", "2", "--out", "bench", "--cores", "2", *more)
        return self.newlesions(*words, seconds=seconds)

    def benchmark(self, *more: str) -> tuple[int, str]:
        """`newlesions benchmark`, to its end."""
        process = self.start_benchmark(*more)
        said, _ = process.communicate(timeout=1800)
        return process.returncode, said

    @property
    def out(self) -> Path:
        return self.folder / "bench"

    @out.setter
    def out(self, path: Path) -> None:
        """The folder of a run, which there is none of here."""

    def table(self, name: str = "table") -> dict[str, dict[str, str]]:
        """A table of the leaderboard by its first column."""
        rows = read_rows(self.out / leaderboard_files()[name])
        return {next(iter(row.values())): row for row in rows}


@pytest.fixture
def cohort(tmp_path: Path) -> Cohort:
    return Cohort(tmp_path)


def counts(said: str) -> dict[str, int]:
    """The jobs that a dry run tells."""
    return {match[1]: int(match[2]) for match in re.finditer(r"^(\w+) +(\d+)$", said, flags=re.MULTILINE)}


def distinct(names: list[str], sections: list[str]) -> int:
    """In how many ways recipes set these sections."""
    config = settings.read_config()
    found = set()
    for name in names:
        merged = settings.merged(config | {"recipe": name, "training": True})
        found.add(json.dumps([merged[section] for section in sections], sort_keys=True))
    return len(found)


FEW = "subtraction,boosted,prados2021,prados2021-stage1,sarica2021,medeirosdesousa2021"


@pytest.mark.parametrize("recipes", [FEW, pytest.param("all", marks=pytest.mark.slow)])
def test_recipes_prepare_each_pair_once_in_each_distinct_way(cohort: Cohort, recipes: str) -> None:
    pairs = read_pairs(cohort.folder / "pairs.tsv")
    raters = ";".join(f"{name}=/{name}.nii.gz" for name in "abcd")
    write_pairs(cohort.folder / "pairs.tsv", [pair.with_values(raters=raters) for pair in pairs])
    fused = ("--consensus", "mean", "weights")
    code, said = cohort.benchmark("--recipes", recipes, "--budget", "1", "--dry-run", *fused)
    names = re.search(r"recipes, 2 folds, training 1 min a fold: (.+)", said)
    assert names is not None, said
    taking_part = names[1].split(", ")
    assert code == (0 if recipes == FEW else 1) and len(taking_part) >= (6 if recipes == FEW else 20)
    jobs, chain = counts(said), ["ingest"]
    for step in STEPS:
        chain.append(step)
        ways = distinct(taking_part, chain)
        assert jobs[step] == ways * (12 if step in ("bias", "brain") else 6), step
        assert ways < len(taking_part)
    assert jobs["fold_scores"] == 2 * len(taking_part)
    assert (jobs["fold_consensus"], jobs["moments"]) == (2 * 2, 2)
    assert not cohort.out.exists(), "nothing is written"


@pytest.mark.slow
def test_a_benchmark_ends_with_a_leaderboard_and_nothing_left_to_do(cohort: Cohort) -> None:
    words = ("--recipes", "subtraction,boosted", "cascade.yaml", "--budget", "1", "--consensus", "mean", "weights")
    code, said = cohort.benchmark(*words)
    assert code == 0, said
    steps = cohort.steps(said)
    assert (steps.count("fold_consensus"), steps.count("moments")) == (4, 2)
    assert {name: steps.count(name) for name in ("bias", "halfway", "case", "pace", "fit_network", "fit")} == {
        "bias": 12, "halfway": 6, "case": 6, "pace": 2, "fit_network": 6, "fit": 2,
    }  # fmt: skip
    assert (steps.count("fold_scores"), steps.count("leaderboard")) == (6, 1)
    table = cohort.table()
    assert set(table) == {"subtraction", "boosted", "cascade", "consensus-mean", "consensus-weights"}
    assert {row["name"] for row in read_rows(cohort.out / leaderboard_files(fused=True)["consensus"])} == set(table)
    assert {row["pairs"] for row in table.values()} == {"6"} and {row["failed"] for row in table.values()} == {"0"}
    assert table["cascade"]["networks"] == "3" and table["subtraction"]["networks"] == "0"
    page = (cohort.out / "leaderboard" / "index.html").read_text()
    assert "cascade" in page and "Is a consensus better?" in page
    assert not re.search(r'(?:src|href)="(?!data:|#)', page), "nothing from elsewhere"
    networks = cohort.table("costs")
    assert networks["cascade"]["steps"] == "lesions 80, new 80", "60 s / 3 networks / 0.25 s"
    before = digests(cohort.out)
    code, said = cohort.benchmark(*words)
    assert (code, cohort.steps(said)) == (0, []), said
    assert digests(cohort.out) == before
    code, said = cohort.benchmark("--recipes", "subtraction", "--budget", "1")
    assert set(cohort.steps(said)) == {"leaderboard"}, "what is there is taken"
    assert not (cohort.out / leaderboard_files(fused=True)["consensus"]).exists(), "nothing of an earlier leaderboard"
    code, said = cohort.benchmark("--recipes", "cascade.yaml", "--budget", "2")
    assert set(cohort.steps(said)) == {"fit_network", "fold_model", "network", "fold_scores", "leaderboard"}


@pytest.mark.slow
def test_a_killed_benchmark_goes_on_to_the_same_results(cohort: Cohort, tmp_path: Path) -> None:
    words = ("--recipes", "subtraction", "cascade.yaml", "--budget", "1")
    with cohort.start_benchmark(*words, seconds=0.5) as process:
        wait_for(process, "fit_network")
        process.kill()
        process.communicate(timeout=60)
    code, said = cohort.benchmark(*words)
    assert code == 0, said
    assert "bias" not in cohort.steps(said), "what was done is not done again"
    other = Cohort(tmp_path / "other")
    assert other.benchmark(*words)[0] == 0
    assert results(cohort) == results(other)


def results(cohort: Cohort) -> dict[str, str]:
    """The digests of models, masks, scores and of the tables that tell no times."""
    untimed = ("recipes/", "leaderboard/scores/", "leaderboard/comparison.tsv", "leaderboard/ranking.tsv")
    return {name: digest for name, digest in digests(cohort.out).items() if name.startswith(untimed)}


@pytest.mark.slow
def test_what_fails_costs_itself_alone_and_is_told(cohort: Cohort) -> None:
    scan = cohort.scan("06", "M12", "broken")
    cohort.reference("05", "M12", "good but unscored")
    for session in ("M00", "M12"):
        cohort.scan("07", session)
    cohort.reference("07", "M12")
    cohort.reference("07", "M12", kind="all")
    cohort.index()
    code, said = cohort.benchmark("--recipes", "subtraction", "cascade.yaml", "broken.yaml", "--budget", "paper")
    assert code == 1, said
    assert f"sub-06_ses-M12  ingest: {scan.name}: found a broken scan; expected a whole one" in said
    table = cohort.table()
    assert "fit_network: a network: found not a number" in table["broken"]["reason"]
    assert table["broken"]["pairs"] == "" and table["cascade"]["pairs"] == "5"
    assert table["cascade"]["failed"] == "1" and table["cascade"]["reason"] == "a reference that cannot be used"
    page = (cohort.out / "leaderboard" / "index.html").read_text()
    assert "broken scan" in page and "not a number" in page


def test_a_wrong_start_is_one_line(
    cohort: Cohort, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(cohort.folder)
    table = (cohort.folder / "pairs.tsv").read_text().splitlines()
    (cohort.folder / "four.tsv").write_text("\n".join(table[:5]) + "\n")
    start = ["benchmark", "--pairs", "pairs.tsv", "--folds", "2", "--out", "bench", "--budget", "1", "--recipes"]
    for words, line in (
        (["nonesuch"], "recipe: found 'nonesuch'; expected one of"),
        (["subtraction,subtraction", "cascade.yaml", "./cascade.yaml"], "--recipes: found cascade twice"),
        (["subtraction", "--pairs", "four.tsv"], "found 4 subjects with a reference, of which a fold leaves 2"),
        (["subtraction", "--paces", "pairs.tsv"], "expected the paces.tsv of a benchmark"),
        (["dalbis2021-b"], "found none that can take part (dalbis2021-b: found one table of pairs"),
        (["subtraction", "--set", "candidates.k=-1"], "candidates.k"),
        (["subtraction", "--bootstrap", "9"], "expected at least 100 resamples"),
        (["subtraction", "--consensus", "mean"], "--consensus: found 1 recipes to fuse; expected at least 2"),
        (["subtraction", "--consensus-of", "subtraction"], "found no --consensus beside it"),
        (
            ["subtraction,boosted", "--consensus", "mean", "--consensus-of", "larosa2021"],
            "found 'larosa2021'; expected",
        ),
    ):
        assert main([*start, *words]) == 2
        assert line in capsys.readouterr().err
    for words in (["--folds", "1"], ["--budget", "soon"], ["--budget", "0"], ["--seed", "-1"], ["--patch", "0"]):
        with pytest.raises(SystemExit) as ended:
            main([*start, "subtraction", *words])
        assert ended.value.code == 2


# The real steps on the tiny cohort: all recipes, few steps; bias, brains and registration come from the simulator.


def tiny_cohort(folder: Path) -> Path:
    """The table of six simulated heads with masks of four raters; beside it a second one, of a further subject."""
    bids, masks = folder / "bids", folder / "bids" / "derivatives" / "reference"
    script = house.root() / "scripts" / "simulate_cohort.py"
    words = [sys.executable, str(script), str(bids), "--subjects", "7", "--seed", "8", "--tiny", "--workers", "1"]
    subprocess.run(words, check=True, capture_output=True)
    ended = newlesions("index", bids, "-o", folder / "found.tsv", "--references", masks)
    assert ended.returncode == 0, ended.stdout
    pairs = [
        pair.with_values(raters=join_raters(dict.fromkeys("abcd", pair.reference)))
        for pair in read_pairs(folder / "found.tsv")
    ]
    last = pairs[-1].subject
    write_pairs(folder / "pairs.tsv", [pair for pair in pairs if pair.subject != last])
    write_pairs(folder / "extra.tsv", [pair for pair in pairs if pair.subject == last])
    write_truth_steps(folder / "site", masks)
    return folder / "pairs.tsv"


def planned(said: str) -> int:
    """How many jobs a run says that it has."""
    return int(re.findall(r"^\[ *\d+/(\d+)\]", said, flags=re.MULTILINE)[-1])


@pytest.mark.slow
def test_all_recipes_on_the_tiny_cohort_interrupted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tiny_cohort(tmp_path)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'site'}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    small = ["--patch", "16", "--batch", "4", "--members", "2", "--raise-rates", "--set", "networks.width=0.1"]
    small += ["--consensus", "mean", "weights", "--consensus-of", "subtraction,boosted,larosa2021"]
    for setting in (
        "networks.steps=2", "networks.threads=1", "resample.finest_mm=3", "resample.coarsest_mm=3",
        "resample.near_mm=null", "train.lesions=false", "train.inner_folds=2", "train.rounds=20",
    ):  # fmt: skip
        small += ["--set", setting]
    out = tmp_path / "bench"
    words = ["--pairs", str(table), "--extra-pairs", str(tmp_path / "extra.tsv"), "--recipes", "all", "--folds", "2"]
    words += ["--budget", "0.1", "--out", str(out), "--cores", "2", *small]
    command = [sys.executable, "-m", "newlesions", "benchmark", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        begun = wait_for(process, "fit_network")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=120)
    assert process.returncode == 130
    ended = newlesions("benchmark", *words)
    rows = {row["recipe"]: row for row in read_rows(out / leaderboard_files()["table"])}
    missing = {name: row["reason"] for name, row in rows.items() if not row["pairs"]}
    absent = {} if nnunet.is_installed() else {"martinezheras2023", "masson2021"}
    assert set(missing) == set(absent), ended.stdout
    assert ended.returncode == (1 if missing else 0), ended.stdout
    assert set(rows) == {*house.recipes(), "consensus-mean", "consensus-weights"}
    assert {row["pairs"] for name, row in rows.items() if name not in missing} == {str(len(read_pairs(table)))}
    assert planned(ended.stdout) < planned(begun), "what was done is not done again"
    page = (out / "leaderboard" / "index.html").read_text()
    assert not re.search(r'(?:src|href)="(?!data:|#)', page)
    for name in ("Hardest", "What the papers reported", "FROC"):
        assert name.lower() in page.lower()
    again = newlesions("benchmark", *words)
    assert "fit_network" not in again.stdout.split("leaderboard")[0].replace("FAILED", ""), "nothing is left to do"
