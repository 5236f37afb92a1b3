"""The steps around a classifier, from the work files of small pairs to a model and its use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from newlesions.cohort.pairs import Pair
from newlesions.cohort.pairs_table import write_pairs
from newlesions.cohort.results import model_files
from newlesions.detect.refinement.model import Model
from newlesions.errors import InputError
from newlesions.images.files import read_json, sha256, write_json
from newlesions.images.io import read_volume, write_volume
from newlesions.images.volume import Volume
from newlesions.learn.boosting.samples import read_samples
from newlesions.report.tables import read_rows
from newlesions.settings import read_config, read_recipe, settle
from newlesions.steps.assemble import assemble
from newlesions.steps.candidates import candidates
from newlesions.steps.fit import fit
from newlesions.steps.held_out import held_out
from newlesions.steps.refine import refine
from newlesions.steps.sample import sample
from steps.small import LESION, Work, brain, scan, settings

PAPER = {
    "features": "neighbours",
    "region": "brain",
    "lesions": False,
    "inner_folds": 2,
    "rounds": 20,
    "min_leaf": 5,
    "even_lesions": 0.0,
}
PLAIN = settings("candidates", brighter_than=0.0)


def train_settings(**more: Any) -> dict[str, Any]:
    return {**settings("train"), **PAPER, "threshold": 0.2, "min_voxels": 3, **more}


def files_of(work: Work) -> dict[str, Any]:
    """What `read_pair_data` takes, for a pair whose candidates are found."""
    baseline, followup, mask = work.harmonised()
    change = work.pair / "change.nii.gz"
    working = work.working()
    candidates(baseline, followup, mask, working, change, work.pair / "p.nii.gz", work.pair / "candidates.json", PLAIN)
    reports = dict(zip(("baseline_report", "followup_report"), work.visit("ingest.json"), strict=True))
    return {
        "baseline": baseline,
        "followup": followup,
        "brain": mask,
        "change": change,
        "working": working,
        **reports,
        "candidates": PLAIN,
    }


def reference_of(work: Work, where: tuple[slice, ...] = LESION) -> Path:
    mask = np.zeros(brain().shape, np.uint8)
    mask[where] = 1
    path = work.folder / "reference.nii.gz"
    write_volume(path, scan().with_data(mask))
    return path


def take_samples(work: Work, subject: str, **more: Any) -> Path:
    path = work.folder / f"{subject}.npz"
    given: dict[str, Any] = {"reference": str(reference_of(work)), "settings": train_settings(), **more}
    flair = work.visit("flair.nii.gz")[1]
    sample(f"sub-{subject}_ses-M12", subject, **given, **files_of(work), flair=flair, samples=path)
    return path


def test_samples_hold_the_lesion_and_a_draw_of_the_rest(work: Work) -> None:
    taken = read_samples(take_samples(work, "01", settings=train_settings(negatives=500)))
    assert (taken.pair, taken.subject) == ("sub-01_ses-M12", "01")
    assert int(taken.label.sum()) == 27
    assert 500 < taken.label.size < 1500
    assert taken.features.shape == (taken.label.size, 21)


def test_the_reference_is_carried_to_the_working_grid(work: Work) -> None:
    whole = read_samples(take_samples(work, "01")).truth
    moved = np.eye(4)
    moved[0, 3] = 4.0  # the follow-up's own space lies one voxel to the right of the working space
    files = files_of(work) | {"working": work.working(followup_from_halfway=moved.tolist())}
    path, flair = work.folder / "moved.npz", work.visit("flair.nii.gz")[1]
    reference = str(reference_of(work))
    sample("sub-01_ses-M12", "01", reference, **files, flair=flair, samples=path, settings=train_settings())
    shape = brain().shape
    one_back = np.ravel_multi_index(np.array(np.unravel_index(whole, shape)) - [[1], [0], [0]], shape)
    np.testing.assert_array_equal(read_samples(path).truth, one_back)


def test_a_reference_on_another_grid_costs_the_pair(work: Work) -> None:
    other = work.folder / "other.nii.gz"
    write_volume(other, Volume(np.zeros((10, 10, 10), np.uint8), np.eye(4)))
    with pytest.raises(InputError, match=r"other\.nii\.gz: found 10x10x10 voxels; expected the grid of the follow-up"):
        take_samples(work, "01", reference=str(other))
    with pytest.raises(InputError, match=r"nonesuch\.nii: found no such file"):
        take_samples(work, "01", reference="nonesuch.nii")


@pytest.fixture
def trained(work: Work) -> tuple[Path, list[Path]]:
    """A model of three subjects, who are the same head, and their samples."""
    samples = [take_samples(work, subject) for subject in ("01", "02", "03")]
    folder = work.folder / "folds" / "all" / "model"
    fit(samples, folder, recipe="prados2021", settings=train_settings())
    return folder, samples


def test_a_model_finds_the_lesion_that_it_learned(work: Work, trained: tuple[Path, list[Path]]) -> None:
    folder, _ = trained
    row, files = work.folder / "row.json", files_of(work)
    flair, reference = work.visit("flair.nii.gz")[1], str(reference_of(work))
    held_out("sub-01_ses-M12", "01", reference, **files, flair=flair, model_folder=folder, row=row)
    scores = read_json(row)
    assert scores["pair"] == "sub-01_ses-M12" and scores["Dice"] > 0.9
    outputs = [work.pair / name for name in ("refined_change.nii.gz", "refined_probability.nii.gz", "refine.json")]
    names = ("refined_change", "refined_probability", "facts")
    model = sorted(folder.iterdir())
    refine(**files, model_files=model, **dict(zip(names, outputs, strict=True)), digests={"model.json": "0"})
    change, signed = read_volume(outputs[0], np.uint8), read_volume(outputs[1])
    assert (change.data[LESION] == 1).mean() > 0.9
    assert signed.data[LESION].min() > 0.2 and abs(signed.data).max() <= 1
    facts = read_json(outputs[2])
    assert facts["model"] == {"model.json": "0"}
    assert facts["lesions"][0]["id"] == 1 and facts["lesions"][0]["kind"] in ("new", "enlarging")


def test_the_assembled_model_says_what_it_is_made_from(work: Work, trained: tuple[Path, list[Path]]) -> None:
    folder, _ = trained
    out = work.folder / "model"
    (out).mkdir()
    (out / "voxel_7.txt").write_text("of an earlier, larger model")
    scans = ("/data/ann/a_FLAIR.nii", "/data/ann/b_FLAIR.nii")
    pairs = [Pair.of(name, ("M00", "M12"), scans) for name in ("01", "02", "03")]
    reference = str(reference_of(work))
    pairs = [pair.with_values(reference=reference, baseline_sha256="a" * 64) for pair in pairs]
    write_pairs(work.folder / "pairs.tsv", pairs)
    rows = []
    for pair in pairs:
        rows.append(work.folder / f"{pair.pair}.json")
        write_json(rows[-1], {"pair": pair.pair, "subject": pair.subject, "Dice": 0.5, "PPVL": None})
    config = settle(read_config() | {"recipe": "prados2021", "training": True})
    assemble(work.folder / "pairs.tsv", folder, rows, **model_files(out), settings=config)
    model = Model.read(out)
    assert model.recipe == "prados2021"
    digests = {"baseline": "a" * 64, "followup": "", "reference": sha256(reference)}
    assert model.training["data"][0] == {"pair": "sub-01_ses-M12", **digests}
    assert "lightgbm" in model.training["libraries"]
    assert not (out / "voxel_7.txt").exists()
    assert [row["PPVL"] for row in read_rows(out / "held_out.tsv")] == ["n/a"] * 3
    assert not any("/data/ann" in path.read_text() for path in out.iterdir() if path.suffix != ".gz")
    recipe = read_recipe(str(out / "recipe.yaml"))
    assert recipe["needs_model"] and recipe["stages"]["train"] == config["train"]
    assert recipe["preprocess"]["resample"] == config["resample"]
    assert yaml.safe_load((out / "recipe.yaml").read_text())["chosen"], "the reasons stay"
