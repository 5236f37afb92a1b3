from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from newlesions.evaluate.forms import json_form
from newlesions.evaluate.pair import Inputs, evaluate_pair
from newlesions.images.files import read_json
from newlesions.images.io import read_volume, write_volume
from newlesions.images.volume import Volume
from newlesions.steps.evaluate import evaluate
from steps.small import AFFINE, LESION, SHAPE, Work, brain

GONE = (slice(14, 17), slice(20, 23), slice(20, 23))


class Scored:
    """A finished pair: one lesion found, one called new that is not, one gone; and its references."""

    def __init__(self, work: Work) -> None:
        self.folder = work.folder.parent / "out"
        change = np.zeros(SHAPE, np.uint8)
        change[LESION], change[18:20, 26, 24], change[GONE] = 1, 1, 3
        self.files = {"dseg": self.write("dseg", change), "mask": self.write("mask", change == 1)}
        self.files["probseg"] = self.write("probseg", np.where(change == 1, np.float32(0.9), 0))
        self.files["brain_mask"] = self.write("brain", brain())
        self.files |= {"preproc": work.harmonised()[1], "halfway": work.halfway()}
        truth = np.zeros(SHAPE, np.uint8)
        truth[LESION] = 1
        self.reference = self.write("reference", truth)
        self.gone = self.write("gone", (change == 3).astype(np.uint8))

    def write(self, name: str, data: np.ndarray, affine: np.ndarray = AFFINE) -> Path:
        path = self.folder / f"{name}.nii.gz"
        write_volume(path, Volume(data, affine))
        return path

    def run(self, **more: Any) -> dict[str, Any]:
        given = {"reference": str(self.reference), "gone_reference": "", "rater_masks": {}, **more}
        scores = self.folder / "scores.json"
        evaluate("sub-01_ses-M12", **given, **self.files, scores=scores)
        result = read_json(scores)
        assert isinstance(result, dict) and result["pair"] == "sub-01_ses-M12"
        return result


@pytest.fixture
def scored(work: Work) -> Scored:
    return Scored(work)


def test_the_result_is_that_of_the_evaluation(scored: Scored) -> None:
    result = scored.run()
    direct = evaluate_pair(Inputs("sub-01_ses-M12", scored.reference, scored.files["mask"], scored.files["probseg"]))
    assert {**result, "lesions": []} == {**json_form(direct), "lesions": []}
    assert result["measures"]["SensL"] == 1
    assert result["measures"]["PPVL"] == 0.5
    assert result["gone"] is None and result["raters"] == []


def test_lesions_are_named_by_region(scored: Scored) -> None:
    regions = [row["region"] for row in scored.run()["lesions"]]
    assert len(regions) == 3 and all(regions)


def test_gone_lesions_and_raters_have_scores_of_their_own(scored: Scored) -> None:
    empty = scored.write("empty", np.zeros(SHAPE, np.uint8))
    result = scored.run(gone_reference=str(scored.gone), rater_masks={"ann": str(scored.reference), "bob": str(empty)})
    assert result["gone"]["Dice"] == 1
    found = {(row["reference"], row["prediction"]) for row in result["raters"]}
    assert {("ann", "prediction"), ("consensus", "ann"), ("ann", "bob"), ("bob", "ann")} <= found


@pytest.mark.parametrize("fault", ["missing", "cut", "moved", "smaller", "soft", "nan"])
@pytest.mark.parametrize("which", ["reference", "gone_reference", "rater"])
def test_a_bad_reference_is_a_reason_and_no_error(scored: Scored, which: str, fault: str) -> None:
    path = scored.folder / "bad.nii.gz"
    data = np.zeros(SHAPE, np.float32)
    data[LESION] = {"soft": 0.4, "nan": np.nan}.get(fault, 1)
    moved = AFFINE + np.eye(4)[:, [1, 2, 3, 0]] if fault == "moved" else AFFINE
    if fault != "missing":
        scored.write("bad", data[:-1] if fault == "smaller" else data, moved)
    if fault == "cut":
        path.write_bytes(path.read_bytes()[:60])
    given = {"rater_masks": {"ann": str(path)}} if which == "rater" else {which: str(path)}
    result = scored.run(**given)
    assert set(result) == {"pair", "failed"}
    assert result["failed"].startswith(f"{path}: found ") and "; expected " in result["failed"]
    assert read_volume(scored.files["mask"]).data.any(), "the pair's own files are left alone"
