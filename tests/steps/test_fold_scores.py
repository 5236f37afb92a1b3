"""The steps of a benchmark: a pace, a fold's model, and its held-out pairs judged and scored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from newlesions.detect.networks.model import NetworkModel
from newlesions.images.files import read_json, write_json
from newlesions.images.io import read_volume, write_volume
from newlesions.models import NETWORKS
from newlesions.recipes.stages import stages_of
from newlesions.settings import read_config, read_recipe
from newlesions.steps import pace as pace_step
from newlesions.steps.fit_network import fit_network
from newlesions.steps.fold_model import fold_model
from newlesions.steps.fold_scores import fold_scores
from newlesions.steps.network import network
from newlesions.steps.pace import pace
from steps.small import LESION, Work, brain, scan
from steps.test_network_training import LIMITS, RECIPE, STAGES, take_case
from steps.test_training import files_of

CANDIDATES = read_config()["candidates"]


def pair_of(work: Work, name: str = "sub-01_ses-M12", **more: Any) -> dict[str, Any]:
    """What `fold_scores` is told of a pair, and its reference."""
    reference = work.folder / f"{name}_reference.nii.gz"
    mask = np.zeros(brain().shape, np.uint8)
    mask[LESION] = 1
    write_volume(reference, scan().with_data(mask))
    told = {key: value for key, value in files_of(work).items() if key != "candidates"}
    files = {key: str(path) for key, path in told.items()} | {"flair": str(work.visit("flair.nii.gz")[1])}
    files["probability"] = str(work.changed()[1])
    given = {"gone_reference": "", "rater_masks": {}, "maps": {}}
    made = {what: str(work.folder / "results" / f"{name}_{what}.nii.gz") for what in ("mask", "probseg", "dseg")}
    return {"pair": name, "reference": str(reference), **given, "files": files, **made, **more}


def judged(work: Work, pairs: list[dict[str, Any]], kind: str | None = None, **more: Any) -> dict[str, Any]:
    paths = {name: work.folder / f"{name}.json" for name in ("scores", "judged")}
    fold_scores(pairs, work.folder / "results", **paths, kind=kind, candidates=CANDIDATES, **more)
    assert set(read_json(paths["judged"])) <= {pair["pair"] for pair in pairs}
    scores: dict[str, Any] = read_json(paths["scores"])
    return scores


def test_candidates_are_scored_on_the_follow_ups_own_grid(work: Work) -> None:
    pair = pair_of(work)
    row = judged(work, [pair])["sub-01_ses-M12"]
    assert row["measures"]["SensL"] == 1.0 and row["measures"]["Dice"] > 0.9
    assert [one["hit"] for one in row["lesions"] if one["side"] == "reference"] == [1]
    mask, chance = (read_volume(Path(pair[what])).data for what in ("mask", "probseg"))
    assert mask.shape == scan().data.shape
    np.testing.assert_array_equal(mask > 0, chance >= 0.5)


def test_a_pair_that_fails_is_recorded_and_the_others_go_on(work: Work) -> None:
    bad = pair_of(work, "sub-02_ses-M12", reference=str(work.folder / "none.nii.gz"))
    gone = pair_of(work, "sub-03_ses-M12")
    gone["files"] = gone["files"] | {"change": str(work.folder / "nothing.nii.gz")}
    rows = judged(work, [bad, gone, pair_of(work)])
    assert "none.nii.gz" in rows["sub-02_ses-M12"]["failed"]
    assert "nothing.nii.gz" in rows["sub-03_ses-M12"]["failed"]
    assert rows["sub-01_ses-M12"]["measures"]["Dice"] > 0.9


def test_from_a_pace_over_a_model_to_scores(work: Work, tmp_path: Path) -> None:
    cases = [take_case(work, name) for name in ("01", "02")]
    measured = tmp_path / "pace.json"
    pace(cases, measured, "mine", STAGES, [], LIMITS)
    held = read_json(measured)
    assert held["measured"] and held["device"] == "cpu" and 0 < held["seconds_per_step"] < 30
    pace(cases, measured, "mine", STAGES, [], LIMITS, recorded=0.5)
    assert read_json(measured) == {"seconds_per_step": 0.5, "measured": False, "device": None}
    folder = tmp_path / "network"
    given = {"recipe": "mine", "stage": "new", "stages": STAGES, "members": {}, "rater": "", "seed": 0}
    fit_network(cases, folder, **given, limits=LIMITS, pace=measured, seconds=0.9)
    assert read_json(folder / "facts.json")["steps"] == 1, "0.9 s at 0.5 s a step, where the recipe has two"
    recipe, model = tmp_path / "mine.yaml", tmp_path / "model"
    recipe.write_text(yaml.safe_dump(RECIPE))
    (model / "weights").mkdir(parents=True)
    (model / "weights" / "stale_0.safetensors").write_text("of an earlier model")
    members = {"new": [{"folder": str(folder), "left_out": []}]}
    limits = {name: LIMITS[name] for name in ("width", "patch", "steps", "tensorboard")}
    files = model / "model.json", model / "recipe.yaml"
    fold_model(*files, str(recipe), STAGES, members, limits, ["sub-07_ses-M12"], [folder])
    assert [path.name for path in (model / "weights").iterdir()] == ["new_0.safetensors"]
    assert NetworkModel.read(model).training["pairs"] == ["sub-07_ses-M12"]
    pair = pair_of(work)
    maps = {which: str(tmp_path / f"{which}.nii.gz") for which in ("rise", "fall")}
    seen = {key: value for key, value in pair["files"].items() if key not in ("flair", "probability")}
    bucket = tmp_path / "bucket.json"
    network([{"pair": pair["pair"], "subject": "01", **seen, **maps}], [files[0]], bucket, LIMITS, CANDIDATES)
    row = judged(work, [pair | {"maps": maps}], NETWORKS, model=files[0], bucket=bucket)[pair["pair"]]
    assert 0 <= row["measures"]["Dice"] <= 1
    stopped = read_json(bucket)
    stopped["pairs"][pair["pair"]]["reason"] = "out of luck"
    write_json(bucket, stopped)
    failed = judged(work, [pair | {"maps": maps}], NETWORKS, model=files[0], bucket=bucket)[pair["pair"]]
    assert "its networks failed (out of luck)" in failed["failed"]


def test_a_stage_without_a_network_has_no_pace_of_its_own(work: Work, tmp_path: Path) -> None:
    stages = {**STAGES, "joined": {"task": "combine", "inputs": ["new"]}}
    pace([take_case(work, "01")], tmp_path / "pace.json", "mine", stages, [], LIMITS)
    assert read_json(tmp_path / "pace.json")["seconds_per_step"] > 0


def test_a_pace_needs_something_to_learn_from(work: Work, tmp_path: Path) -> None:
    empty = work.folder / "empty.nii.gz"
    write_volume(empty, scan().with_data(np.zeros(brain().shape, np.uint8)))
    cases = [take_case(work, "01", masks={"followup_lesions": str(empty)})]
    with pytest.raises(Exception, match="found nothing to learn from"):
        pace(cases, tmp_path / "pace.json", "mine", STAGES, [], LIMITS)


@pytest.mark.parametrize(
    ("seconds", "tried", "expected"),
    [(1.0, [("lesions", 2), ("new", 2), ("new", 8)], 1.0), (30.0, [("lesions", 2), ("new", 2)], 31.5)],
)
def test_a_pace_takes_no_longer_than_it_must(
    seconds: float, tried: list[tuple[str, int]], expected: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Earlier stages need a network, not a pace; and two long steps tell as much as eight."""
    asked = []

    def fit(cases, out, recipe, stage, stages, members, seed, rater, limits):  # type: ignore[no-untyped-def]
        asked.append((stage, limits["steps"]))
        write_json(out / "facts.json", {"device": "cpu", "cpu_seconds": 3.0 + seconds * limits["steps"]})
        (out / pace_step.WEIGHTS).write_text("weights")

    monkeypatch.setattr(pace_step, "fit_network", fit)
    stages = {stage.name: stage.plain() for stage in stages_of(read_recipe("basaran2021"))}
    pace([], tmp_path / "pace.json", "basaran2021", stages, [], {"device": "cpu"})
    assert asked == tried
    assert read_json(tmp_path / "pace.json")["seconds_per_step"] == expected
