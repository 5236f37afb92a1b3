from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from newlesions.errors import ConfigError
from newlesions.images.files import read_json
from newlesions.images.io import read_volume
from newlesions.preprocess import samseg
from newlesions.settings import read_recipe
from newlesions.steps import candidates as step
from newlesions.steps.candidates import candidates
from steps.small import LESION, Work, brain, scan, settings


def run(work: Work, **more: object) -> tuple[Path, Path, Path]:
    outputs = work.pair / "change.nii.gz", work.pair / "probability.nii.gz", work.pair / "candidates.json"
    candidates(*work.harmonised(), work.working(), *outputs, settings("candidates", **more))
    return outputs


def test_classes_signed_probability_and_facts_are_written(work: Work) -> None:
    change, probability, facts = run(work, brighter_than=0.0)
    classes, signed = read_volume(change, np.uint8), read_volume(probability)
    assert classes.grid.matches(scan().grid) and signed.grid.matches(scan().grid)
    assert (classes.data[LESION] > 0).mean() > 0.7
    assert not classes.data[~brain()].any() and not signed.data[~brain()].any()
    assert -1 <= signed.data.min() < 0 < signed.data.max() <= 1
    assert read_json(facts)["k"] == settings("candidates")["k"]


def test_the_settings_are_obeyed_and_checked(work: Work) -> None:
    change, _, facts = run(work, k=500.0)
    assert not read_volume(change).data.any()
    assert read_json(facts)["new_clusters"] == 0
    with pytest.raises(ConfigError, match="unknown settings colour"):
        run(work, colour="red")


def larosa(**more: object) -> dict[str, object]:
    """What larosa2021 sets, for voxels of 4 mm."""
    recipe = read_recipe("larosa2021")["stages"]["candidates"]
    return recipe | {"white_share": 0.0, "other_share": 1.0, "other_share_mni": 1.0, "tissue": "mni"} | more


def test_without_samseg_tissue_is_mnis_and_the_facts_say_so(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samseg, "missing_for_samseg", lambda: "much")
    change, _, facts = run(work, **larosa(tissue="auto"))
    told = read_json(facts)
    assert told["tissue"] == "mni" and told["mutual_information"] > 0
    assert (read_volume(change, np.uint8).data[LESION] == 1).all()
    assert set(told["dropped"]) == {"white_share", "other_share", "contrast", "shape"}
    assert "tissue" not in read_json(run(work)[2]), "only where it mattered"


def test_samsegs_tissue_is_taken_where_it_is_installed(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    labels = [np.full(brain().shape, 2, np.int32) for _ in range(2)]
    monkeypatch.setattr(samseg, "missing_for_samseg", lambda: "")
    monkeypatch.setattr(step, "segment_pair", lambda *visits, **more: labels)
    strict = larosa(tissue="auto", white_share=0.1, other_share=0.0)
    change, _, facts = run(work, **strict)
    assert read_json(facts)["tissue"] == "samseg" and read_json(facts)["dropped"]["other_share"] == 0
    assert (read_volume(change, np.uint8).data[LESION] == 1).all(), "all is white matter"
    labels[0][LESION[0].start, LESION[1], LESION[2]] = 3  # cortex at baseline
    change, _, facts = run(work, **strict)
    assert read_json(facts)["dropped"]["other_share"] == 1 and not read_volume(change, np.uint8).data[LESION].any()
