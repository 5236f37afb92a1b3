"""Recipes with networks through the workflow: with quick steps, and once with the real ones on the tiny cohort."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from newlesions import house
from newlesions.cohort.pairs import join_raters, pair_id
from newlesions.cohort.pairs_table import read_pairs, write_pairs
from newlesions.images.io import read_volume, write_volume
from newlesions.report.tables import read_rows
from workflow.conftest import newlesions, references_of
from workflow.contract import COHORT, SCORES, digests, pair_files, published
from workflow.quick import Quick
from workflow.truth import write_truth_steps

CASCADE = """\
id: cascade
title: t
needs_model: true
stages:
  lesions:
    {task: segment_lesions, inputs: [flair], network: {name: unet3d, channels: [4]}, members: {folds: 2}}
  new:
    task: segment_new
    inputs: [lesions(followup) - lesions(baseline)]
    network: {name: unet3d, channels: [4]}
    members: {folds: 2, refit: true}
"""


class Cohort(Quick):
    """Four subjects, of which three have a reference, and a recipe of two stages."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        for subject in ("01", "02", "03", "04"):
            for session in ("M00", "M12"):
                self.scan(subject, session)
            if subject != "04":
                self.reference(subject, "M12")
                self.reference(subject, "M12", kind="all")
        (folder / "cascade.yaml").write_text(CASCADE)
        self.index()

    def index(self) -> None:
        """Write the pairs table."""
        words = ("index", str(self.bids), "-o", "pairs.tsv", "--references", str(self.references))
        assert self.newlesions(*words).wait(timeout=60) == 0

    def train(self, *more: str) -> tuple[int, str]:
        """`newlesions train`, to its end."""
        words = ("train", "--recipe", "cascade.yaml", "--pairs", "pairs.tsv", "--out", "model", "--cores", "2", *more)
        process = self.newlesions(*words)
        said, _ = process.communicate(timeout=180)
        return process.returncode, said


@pytest.fixture
def cohort(tmp_path: Path) -> Cohort:
    return Cohort(tmp_path)


@pytest.fixture
def model(cohort: Cohort) -> Path:
    """A folder that looks like a trained model of the cascade."""
    folder = cohort.folder / "model"
    (folder / "weights").mkdir(parents=True)
    (folder / "weights" / "new_0.safetensors").write_text("weights")
    (folder / "model.json").write_text('{"recipe": "cascade", "kind": "networks"}')
    shutil.copy(cohort.folder / "cascade.yaml", folder / "recipe.yaml")
    return folder


def seen(cohort: Cohort, stage: str, member: int) -> dict[str, list[str]]:
    return json.loads((cohort.folder / "model/work/networks" / stage / str(member) / "seen.json").read_text())


def test_each_stage_is_trained_by_folds_after_those_that_it_needs(cohort: Cohort) -> None:
    code, said = cohort.train()
    assert code == 0, said
    steps = cohort.steps(said)
    assert {name: steps.count(name) for name in ("case", "fit_network", "network_held_out", "assemble_networks")} == {
        "case": 3,
        "fit_network": 5,
        "network_held_out": 3,
        "assemble_networks": 1,
    }
    assert not {"sample", "fit", "refine", "finalise", "report"} & set(steps)
    lesions, new = ([seen(cohort, stage, n)["pairs"] for n in (0, 1)] for stage in ("lesions", "new"))
    assert lesions == new and sorted(lesions[0] + lesions[1]) == [f"sub-0{n}_ses-M12" for n in (1, 2, 3)]
    assert len(seen(cohort, "new", 2)["pairs"]) == 3, "the one that is applied sees all"
    assert seen(cohort, "new", 0)["earlier"] == ["lesions"] and seen(cohort, "lesions", 0)["earlier"] == []
    assert ["mean", "0.500", "0.250"] in [line.split() for line in said.splitlines()]
    code, said = cohort.train("--set", "networks.threads=1", "--set", "networks.device=cpu")
    assert cohort.steps(said) == [], "nothing is left to do, and other hardware makes nothing stale"
    code, said = cohort.train("--set", "networks.steps=3")
    assert cohort.steps(said).count("fit_network") == 5


@pytest.mark.slow
def test_pairs_of_the_second_table_train_every_network_and_validate_none(cohort: Cohort) -> None:
    cohort.reference("04", "M12")
    cohort.reference("04", "M12", kind="all")
    cohort.index()
    *pairs, extra = read_pairs(cohort.folder / "pairs.tsv")
    write_pairs(cohort.folder / "pairs.tsv", pairs)
    write_pairs(cohort.folder / "extra.tsv", [extra])
    code, said = cohort.train("--extra-pairs", "extra.tsv")
    assert code == 0, said
    assert "extra.tsv: 1 pairs of 1 subjects have a reference" in said
    for stage in ("lesions", "new"):
        trained = [seen(cohort, stage, n)["pairs"] for n in (0, 1)]
        assert sorted(trained[0] + trained[1]) == sorted([f"sub-0{n}_ses-M12" for n in (1, 2, 3)] + [extra.pair] * 2)
    assert [row["pair"] for row in read_rows(cohort.folder / "model/held_out.tsv")] == [one.pair for one in pairs]
    assert cohort.steps(cohort.train("--extra-pairs", "extra.tsv")[1]) == [], "nothing is left to do"


@pytest.mark.slow
def test_pairs_without_a_reference_train_what_learns_without_labels(cohort: Cohort) -> None:
    recipe = (
        CASCADE
        + """\
    start: {stage: features, part: encoder}
  features:
    task: restore
    inputs: [baseline, followup]
    network: {name: autoencoder, channels: [4]}
    members: {folds: 2}
"""
    )
    recipe = recipe.replace("inputs: [lesions(followup) - lesions(baseline)]", "inputs: [baseline, followup]")
    recipe = recipe.replace("network: {name: unet3d, channels: [4]}\n    members: {folds: 2, refit",
                            "network: {name: similarity, channels: [4]}\n    members: {folds: 2, refit")  # fmt: skip
    (cohort.folder / "cascade.yaml").write_text(recipe)
    code, said = cohort.train()
    assert code == 0, said
    assert "pairs.tsv: 1 pairs without one train what learns without labels" in said
    every = [f"sub-0{n}_ses-M12" for n in (1, 2, 3)]
    for stage, more in (("features", ["sub-04_ses-M12"] * 2), ("new", [])):
        trained = [seen(cohort, stage, n)["pairs"] for n in (0, 1)]
        assert sorted(trained[0] + trained[1]) == sorted(every + more)
    assert [row["pair"] for row in read_rows(cohort.folder / "model/held_out.tsv")] == every
    assert cohort.steps(cohort.train()[1]) == [], "nothing is left to do"


def test_a_pair_that_fails_in_training_costs_only_itself(cohort: Cohort) -> None:
    cohort.reference("04", "M12", "bad")
    cohort.index()
    code, said = cohort.train()
    assert code == 1, said
    assert "1 of 4 pairs failed and were left out:" in said and "found a bad reference; expected a mask" in said
    assert len(read_rows(cohort.folder / "model" / "held_out.tsv")) == 3


def test_a_trained_model_runs_bucket_by_bucket(cohort: Cohort, model: Path) -> None:
    code, said = cohort.run("--model", "model", "--set", "networks.bucket=2")
    assert code == 0, said
    steps = cohort.steps(said)
    assert (steps.count("network"), steps.count("decide"), steps.count("refine")) == (2, 4, 0)
    record = json.loads((cohort.out / "provenance.json").read_text())
    assert sorted(record["model"]["files"]) == ["model.json", "weights/new_0.safetensors"]
    assert "networks" not in record["settings"] and record["recipe"]["id"] == "cascade"
    assert cohort.steps(cohort.run("--model", "model", "--set", "networks.bucket=2")[1]) == []
    (model / "weights" / "new_0.safetensors").write_text("others")
    code, said = cohort.run("--model", "model", "--set", "networks.bucket=2")
    assert code == 0, said
    assert set(cohort.steps(said)) == {"network", "decide", "finalise", "report", "table"}


def test_a_pair_that_fails_before_the_networks_leaves_its_bucket(cohort: Cohort, model: Path) -> None:
    scan = cohort.scan("02", "M12", "broken")
    code, said = cohort.run("--model", "model", "--references", str(cohort.references))
    assert code == 1, said
    assert "going on without sub-02_ses-M12" in said
    rows = {row["pair"]: row for row in read_rows(cohort.out / "newlesions.tsv")}
    assert [row["status"] for row in rows.values()] == ["done", "failed", "done", "done"]
    assert rows["sub-02_ses-M12"]["reason"] == f"ingest: {scan.name}: found a broken scan; expected a whole one"
    assert {row["pair"] for row in read_rows(cohort.out / "scores.tsv")} == {"sub-01_ses-M12", "sub-03_ses-M12"}
    cohort.scan("02", "M12")
    code, said = cohort.run("--model", "model", "--references", str(cohort.references), "--only-failed")
    assert code == 0, said
    assert [row["status"] for row in read_rows(cohort.out / "newlesions.tsv")] == ["done"] * 4
    assert {row["pair"] for row in read_rows(cohort.out / "scores.tsv")} == {f"sub-0{n}_ses-M12" for n in (1, 2, 3)}
    assert cohort.steps(said).count("decide") == 1, "the pair by itself, in the job of its bucket"


def test_a_bucket_that_fails_as_a_whole_is_told(cohort: Cohort, model: Path) -> None:
    step = cohort.folder / "site" / "steps" / "network.py"
    step.write_text("def network(**arguments):\n    raise MemoryError('the device is full')\n")
    code, said = cohort.run("--model", "model")
    assert code == 1, said
    assert {row["reason"] for row in read_rows(cohort.out / "newlesions.tsv")} == {
        "network: MemoryError: the device is full"
    }


def test_what_fits_not_starts_nothing(cohort: Cohort) -> None:
    recipe = cohort.folder / "cascade.yaml"
    recipe.write_text(CASCADE + "    uses: [inpaint]\n")
    code, said = cohort.train()
    assert code == 2, said
    assert "stages.new.uses: found 'inpaint'; expected one of lesions, new" in said
    recipe.write_text(CASCADE)
    code, said = cohort.train("--set", "networks.width=2")
    assert code == 2 and "networks.width: found 2; expected <= 1" in said
    recipe.write_text(CASCADE.replace("name: unet3d", "name: unet4d", 1))
    code, said = cohort.train()
    assert code == 2 and "recipe cascade: stages.lesions: there is no network unet4d; known: " in said
    recipe.write_text(CASCADE)
    lines = (cohort.folder / "pairs.tsv").read_text().splitlines()
    place = lines[0].split("\t").index("followup_lesions")
    rows = [line.split("\t") for line in lines]
    without = ["\t".join([*row[:place], *row[place + 1 :]]) for row in rows]
    (cohort.folder / "pairs.tsv").write_text("\n".join(without) + "\n")
    code, said = cohort.train()
    assert code == 2 and "found no mask of all lesions of a visit, from which stage lesions learns" in said
    code, said = cohort.run("--recipe", str(recipe))
    assert code == 2, said
    assert "recipe cascade: found no model; expected --model MODEL_DIR" in said


SMALL = """\
id: small
title: a small network
needs_model: true
preprocess:
  resample: {finest_mm: 3.0, coarsest_mm: 3.0}
stages:
  new:
    task: segment_new
    inputs: [baseline, followup - baseline]
    network: {name: unet3d, channels: [16, 32]}
    sample: {patch: [64, 64, 64], batch: 2}
    loss: [{name: dice}, {name: ce}]
    optimise: {lr: 1.0e-2, steps: 1000}
    members: {folds: 2}
"""
TINY = ("--set", "networks.width=0.1", "--set", "networks.patch=0.25", "--set", "networks.steps=2")


@pytest.fixture(scope="module")
def site(tiny_bids: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which bias, brains and registration come from the simulator's truth: networks are tested."""
    folder = tmp_path_factory.mktemp("site")
    write_truth_steps(folder, tiny_bids / "derivatives" / "reference")
    return {"PYTHONPATH": os.pathsep.join([str(folder), *os.environ.get("PYTHONPATH", "").split(os.pathsep)])}


@pytest.fixture(scope="module")
def tiny_pairs(tiny_bids: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("table") / "pairs.tsv"
    labels = ("--participant-label", "active", "stable", "threevisits")
    ended = newlesions("index", tiny_bids, "-o", path, *references_of(tiny_bids), *labels)
    assert ended.returncode == 0, ended.stdout
    assert "with masks of all lesions of both visits: 4 pairs" in ended.stdout
    return path


def trained(recipe: Path | str, pairs: Path, out: Path, *more: str, scored: int = 4) -> None:
    ended = newlesions("train", "--recipe", recipe, "--pairs", pairs, "--out", out, "--cores", "2", *TINY, *more)
    assert ended.returncode == 0, ended.stdout
    assert {"model.json", "recipe.yaml", "held_out.tsv", "card.md", "weights"} <= {path.name for path in out.iterdir()}
    assert len(read_rows(out / "held_out.tsv")) == scored


def applied(bids: Path, model: Path, out: Path, *more: str) -> None:
    labels = ("--participant-label", "active", *references_of(bids))
    ended = newlesions("run", bids, out, *labels, "--model", model, "--cores", "2", *more)
    assert ended.returncode == 0, ended.stdout
    assert published(out) == COHORT | SCORES | pair_files("active")
    anat = out / "sub-active/ses-M12/anat/sub-active_ses-M12_space-orig_label-lesion_desc"
    mask, chance = (read_volume(f"{anat}-newSinceM00_{name}.nii.gz").data for name in ("mask", "probseg"))
    assert set(mask.ravel().tolist()) <= {0, 1} and 0 <= chance.min() <= chance.max() <= 1
    facts = json.loads((out / "work/sub-active/ses-M12/pair/refine.json").read_text())
    assert facts["looked_at_voxels"] > 1000 and "model.json" in facts["model"]


def test_training_and_running_with_the_real_steps(
    tiny_bids: Path, tiny_pairs: Path, site: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", site["PYTHONPATH"])
    recipe, model = tmp_path / "small.yaml", tmp_path / "model"
    recipe.write_text(SMALL)
    trained(recipe, tiny_pairs, model)
    assert "10 % of its channels, 25 % of its patches' sides, at most 2 steps" in (model / "card.md").read_text()
    weights = {name: digest for name, digest in digests(model).items() if name.startswith("weights/")}
    assert sorted(weights) == ["weights/new_0.safetensors", "weights/new_1.safetensors"]
    assert len(set(weights.values())) == 2
    applied(tiny_bids, model, tmp_path / "out")


RECIPES = [
    "andresen2021",
    "andresen2021-ncr",
    "andresen2021-ncrsupervised",
    "andresen2021-nomap",
    "andresen2021-unregistered",
    "ashtari2021",
    "basaran2021",
    "cabezas2021",
    "dalbis2021-a",
    "dalbis2021-b",
    "efird2021",
    "fenneteau2021",
    "gibicar2021",
    "hamzaoui2021",
    "kamraoui2021-drawerase",
    "kamraoui2021-iqda",
    "kamraoui2021-lesionwise",
    "kamraoui2022",
    "kang2021",
    "loehr2021",
    "macar2021-attention",
    "macar2021-ensemble",
    "macar2021-unet",
    "martinezheras2023",
    "masson2021",
    "mckinley2021",
    "medeirosdesousa2021",
    "nichyporuk2021",
    "preloznik2021",
    "salem2021",
    "sarica2021",
    "schmidtmengin2021",
    "siddiquee2021",
    "zhang2021",
]
NNUNET = ("martinezheras2023", "masson2021")
FEWER = {
    "folds: 3": "folds: 2",
    "folds: 4": "folds: 2",
    "folds: 5": "folds: 2",
    "folds: 6": "folds: 3",
    "folds: 10": "folds: 3",
    "seeds: 5": "seeds: 2",
}
"""How many networks there are is tested with the recipes; two or three of each stage are trained here. Three where
changed pairs alone train, or a stage needs one, so that there is one beside the subject that is left out."""
OF_ITS_OWN = {
    "spacing_mm: [0.5, 0.98, 0.98], ": "",
    "spacing_mm: [1.0, 0.5, 0.5], ": "",
    "batch: 2048": "batch: 8",
    "batch: 32": "batch: 4",
    "near_mm: 1.0": "near_mm: null",
    "deform_mm: 2.0": "deform_mm: 6.0",
    **FEWER,
}
"""What of a recipe is not small by the settings of the trial."""


@pytest.fixture(scope="module")
def rated_pairs(tiny_pairs: Path) -> Path:
    """The same pairs with masks of four raters: one sees nothing, one less, two what the reference has."""
    folder, pairs = tiny_pairs.parent / "raters", []
    for pair in read_pairs(tiny_pairs):
        reference = read_volume(pair.reference)
        less = reference.data.copy()
        less[::2] = 0
        for name, mask in (("none", 0 * less), ("less", less)):
            write_volume(folder / f"{pair.pair}_{name}.nii.gz", reference.with_data(mask))
        masks = {name: str(folder / f"{pair.pair}_{name}.nii.gz") for name in ("none", "less")}
        raters = join_raters(masks | dict.fromkeys(("third", "fourth"), pair.reference))
        pairs.append(pair.with_values(raters=raters))
    write_pairs(folder / "pairs.tsv", pairs)
    return folder / "pairs.tsv"


def without_one(table: Path, reference: Path, folder: Path) -> list[Path]:
    """Two tables: all pairs but one of `threevisits`, and that pair as if it were another subject's, ``extra``.

    The steps that take the truth find what they need of that subject in the folder ``reference``.
    """
    pairs = read_pairs(table)
    for path in (reference / "sub-threevisits").rglob("*.*"):
        copied = Path(str(path).replace("sub-threevisits", "sub-extra"))
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copied)
    (first, *_) = [pair for pair in pairs if pair.subject == "threevisits"]
    moved = replace(first, subject="extra", pair=pair_id("extra", first.followup_session))
    tables = [folder / "pairs.tsv", folder / "extra.tsv"]
    write_pairs(tables[0], [pair for pair in pairs if pair != first])
    write_pairs(tables[1], [moved])
    return tables


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_with_networks_trains_and_runs(
    name: str, tiny_bids: Path, rated_pairs: Path, site: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At 3 mm and on few voxels; what is left of the recipe is its stages, its networks and its losses."""
    if name in NNUNET:
        pytest.importorskip("nnunetv2", reason="an optional extra")
    monkeypatch.setenv("PYTHONPATH", site["PYTHONPATH"])
    recipe = tmp_path / f"{name}.yaml"
    text = house.recipes()[name].read_text(encoding="utf-8")
    for old, new in OF_ITS_OWN.items():
        text = text.replace(old, new)
    recipe.write_text(text)
    coarse = ("--set", "resample.finest_mm=3.0", "--set", "resample.coarsest_mm=3.0")
    if name == "dalbis2021-b":
        tables = without_one(rated_pairs, tiny_bids / "derivatives" / "reference", tmp_path)
        trained(recipe, tables[0], tmp_path / "model", "--extra-pairs", str(tables[1]), *coarse, scored=3)
        assert "1 further pairs of other subjects" in (tmp_path / "model" / "card.md").read_text()
    else:
        trained(recipe, rated_pairs, tmp_path / "model", *coarse)
    applied(tiny_bids, tmp_path / "model", tmp_path / "out")
    shutil.rmtree(tmp_path / "model" / "work")


@pytest.mark.slow
def test_a_recipe_of_networks_and_trees_trains_and_runs(
    tiny_bids: Path, tiny_pairs: Path, site: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ours. The tiny cohort has too few lesions for the classifier of whole lesions."""
    monkeypatch.setenv("PYTHONPATH", site["PYTHONPATH"])
    model = tmp_path / "model"
    coarse = ("--set", "resample.finest_mm=3.0", "--set", "resample.coarsest_mm=3.0")
    words = ("train", "--recipe", "newlesions", "--pairs", tiny_pairs, "--out", model, "--cores", "2", *TINY, *coarse)
    ended = newlesions(
        *words, "--set", "train.lesions=false", "--set", "train.inner_folds=2", "--set", "train.folds=loo"
    )
    assert ended.returncode == 0, ended.stdout
    names = {str(path.relative_to(model)) for path in model.rglob("*") if "work" not in path.parts}
    assert {"model.json", "voxel_0.txt", "voxel_1.txt", "network/model.json"} <= names
    weights = [name for name in names if name.endswith(".safetensors")]
    assert len(weights) == 1, "only the network of all pairs is applied"
    assert len(read_rows(model / "held_out.tsv")) == 4
    applied(tiny_bids, model, tmp_path / "out")
