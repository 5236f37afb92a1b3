"""The steps that train networks, from the work files of small pairs to a model's folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from newlesions.cohort.pairs import Pair
from newlesions.cohort.pairs_table import write_pairs
from newlesions.cohort.results import model_files
from newlesions.detect.networks.model import NetworkModel
from newlesions.errors import ConfigError, InputError
from newlesions.images.files import read_json, sha256
from newlesions.images.io import write_volume
from newlesions.images.volume import Grid, Volume
from newlesions.networks.case import read_case
from newlesions.recipes.stages import stages_of
from newlesions.report.tables import read_rows
from newlesions.settings import read_config, read_recipe
from newlesions.steps.assemble_networks import assemble_networks
from newlesions.steps.case import case
from newlesions.steps.fit_network import fit_network, of_rater
from newlesions.steps.network_held_out import network_held_out
from newlesions.steps.pair_data import read_lesions, read_share
from steps.small import LESION, Work, brain, scan
from steps.test_training import files_of

RECIPE = {
    "id": "mine",
    "title": "t",
    "needs_model": True,
    "stages": {
        "new": {
            "task": "segment_new",
            "inputs": ["baseline", "followup - baseline"],
            "network": {"name": "unet3d", "channels": [4, 8]},
            "sample": {"patch": [8, 8, 8], "batch": 1},
            "optimise": {"steps": 2},
            "members": {"folds": 2},
        }
    },
}
LIMITS = {"width": 1.0, "patch": 1.0, "steps": None, "tensorboard": False, "device": "cpu", "threads": 1}
STAGES = {"new": stages_of(RECIPE)[0].plain()}


def masks_of(work: Work) -> dict[str, str]:
    """The lesion as new, as one of the follow-up, and elsewhere as one of the baseline."""
    made = {}
    for name, where in (("new", LESION), ("followup_lesions", LESION), ("baseline_lesions", (slice(20, 23),) * 3)):
        mask = np.zeros(brain().shape, np.uint8)
        mask[where] = 1
        path = work.folder / f"{name}.nii.gz"
        write_volume(path, scan().with_data(mask))
        made[name] = str(path)
    return made


def take_case(work: Work, subject: str, **more: Any) -> Path:
    path = work.folder / f"{subject}.npz"
    before, after = work.visit("flair.nii.gz")
    given: dict[str, Any] = {"masks": masks_of(work), **more}
    names = {"flair": after, "baseline_flair": before, "case_out": path}
    case(f"sub-{subject}_ses-M12", subject, **given, **files_of(work), **names)
    return path


def test_a_case_holds_the_crop_and_its_masks(work: Work) -> None:
    held = read_case(take_case(work, "01"))
    assert held.subject == "01" and set(held.masks) == {"new", "followup_lesions", "baseline_lesions", "share_new"}
    whole = held.uncropped(held.masks["new"])
    assert whole.shape == brain().shape
    expected = np.zeros(brain().shape, bool)
    expected[LESION] = True
    assert 2 * (expected & (whole > 0)).sum() > 0.9 * (expected.sum() + (whole > 0).sum())
    assert not (held.masks["baseline_lesions"] & held.masks["new"]).any()
    share = held.masks["share_new"]
    np.testing.assert_array_equal(share >= 127.5, held.masks["new"] > 0)
    assert share.sum() / 255 == pytest.approx(expected.sum(), rel=0.1)


def test_a_share_is_how_much_of_a_voxel_the_mask_covers(tmp_path: Path) -> None:
    own = scan()
    mask = own.with_data(np.zeros(own.data.shape, np.uint8))
    mask.data[4:6, 4:8, 4:8] = 1
    write_volume(tmp_path / "mask.nii.gz", mask)
    write_volume(tmp_path / "flair.nii.gz", own)
    between = own.affine.copy()
    between[:3, 3] += own.affine[:3, 0] / 2
    grid = Grid(own.data.shape, between)
    paths = (tmp_path / "mask.nii.gz", tmp_path / "flair.nii.gz")
    share = read_share(*paths, np.eye(4), grid, "the follow-up")
    np.testing.assert_allclose(share[3:6, 5, 5], [0.5, 1, 0.5], atol=1e-6)
    np.testing.assert_array_equal(read_lesions(*paths, np.eye(4), grid, "the follow-up"), share >= 0.5)


def test_a_mask_on_another_grid_is_named(work: Work) -> None:
    small = work.folder / "small.nii.gz"
    write_volume(small, Volume(brain()[:-1].astype(np.uint8), scan().affine))
    for name, whose in (("new", "the follow-up"), ("baseline_lesions", "the baseline")):
        with pytest.raises(InputError, match=f"small.nii.gz.*{whose}"):
            take_case(work, "01", masks={name: str(small)})


def test_one_raters_mask_takes_the_place_of_the_reference(work: Work, tmp_path: Path) -> None:
    masks = masks_of(work)
    path = take_case(work, "01", masks={"new": masks["new"], "rater_ann": masks["baseline_lesions"]})
    (written,) = of_rater([path], "ann", tmp_path / "rated")
    held = read_case(written)
    np.testing.assert_array_equal(held.masks["new"], held.masks["rater_ann"])
    assert "share_new" not in held.masks, "that of the reference is not the rater's"
    with pytest.raises(ConfigError, match="found no mask of rater bob"):
        of_rater([path], "bob", tmp_path / "rated")


def test_from_cases_to_a_model_and_its_scores(work: Work, tmp_path: Path) -> None:
    cases = [take_case(work, name) for name in ("01", "02")]
    rows = []
    for number, (trained, held) in enumerate([(0, 1), (1, 0)]):
        folder = tmp_path / "networks" / str(number)
        given = {"recipe": "mine", "stage": "new", "stages": STAGES, "members": {}, "rater": "", "limits": LIMITS}
        fit_network([cases[trained]], folder, seed=number, validation=[cases[held]], **given)
        assert {"weights.safetensors", "log.tsv", "curve.svg", "facts.json"} <= {path.name for path in folder.iterdir()}
        rows.append({"folder": str(folder), "left_out": [f"0{held + 1}"]})
    members = {"new": rows}
    scores = []
    config = read_config()
    for path in cases:
        scores.append(tmp_path / f"{path.stem}.json")
        limits = {name: LIMITS[name] for name in ("width", "patch", "steps", "device", "threads")}
        network_held_out(path, scores[-1], "mine", STAGES, members, limits, config["candidates"])
        assert 0 <= read_json(scores[-1])["Dice"] <= 1
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(RECIPE))
    pairs = [
        Pair.of(name, ("M00", "M12"), ("a.nii", "b.nii")).with_values(reference=masks_of(work)["new"])
        for name in ("01", "02")
    ]
    write_pairs(tmp_path / "pairs.tsv", pairs)
    out = tmp_path / "model"
    (out / "weights").mkdir(parents=True)
    (out / "weights" / "stale_0.safetensors").write_text("of an earlier training")
    settings = config | {"recipe": str(tmp_path / "mine.yaml")}
    files: dict[str, Any] = model_files(out)
    assemble_networks(tmp_path / "pairs.tsv", scores, **files, stages=STAGES, members=members, settings=settings)
    assert sorted(path.name for path in (out / "weights").iterdir()) == ["new_0.safetensors", "new_1.safetensors"]
    model = NetworkModel.read(out)
    assert [one.left_out for one in model.members["new"]] == [("02",), ("01",)]
    assert model.training["data"][0]["reference"] == sha256(masks_of(work)["new"])
    held = read_recipe(str(out / "recipe.yaml"))
    assert held["stages"]["new"] == RECIPE["stages"]["new"] and held["stages"]["candidates"] == config["candidates"]
    assert [row["pair"] for row in read_rows(out / "held_out.tsv")] == ["sub-01_ses-M12", "sub-02_ses-M12"]
    assert str(tmp_path) not in (out / "model.json").read_text()
    assert "2 networks `unet3d`, one per fold of subjects" in (out / "card.md").read_text()


def test_a_subject_that_every_network_knows_has_no_scores(work: Work, tmp_path: Path) -> None:
    path = take_case(work, "01")
    members = {"new": [{"folder": str(tmp_path / "none"), "left_out": ["02"]}]}
    network_held_out(path, tmp_path / "row.json", "mine", STAGES, members, LIMITS, read_config()["candidates"])
    assert read_json(tmp_path / "row.json") == {"pair": "sub-01_ses-M12", "subject": "01"}
