"""larosa2021, which trains nothing, from scans to masks on the tiny cohort."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from workflow.conftest import newlesions, references_of
from workflow.contract import COHORT, SCORES, pair_files, published
from workflow.truth import write_truth_steps


@pytest.mark.slow
def test_a_recipe_without_a_model_runs_and_says_where_tissue_came_from(
    tiny_bids: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bias, brains and registration come from the simulator's truth."""
    write_truth_steps(tmp_path / "site", tiny_bids / "derivatives" / "reference")
    others = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "site"), *others]))
    out = tmp_path / "out"
    labels = ("--participant-label", "active", *references_of(tiny_bids))
    coarse = ("--set", "resample.finest_mm=3.0", "--set", "resample.coarsest_mm=3.0", "--set", "candidates.tissue=mni")
    ended = newlesions("run", tiny_bids, out, *labels, "--recipe", "larosa2021", "--cores", "2", *coarse)
    assert ended.returncode == 0, ended.stdout
    assert published(out) == COHORT | SCORES | pair_files("active")
    facts = json.loads((out / "work/sub-active/ses-M12/pair/candidates.json").read_text())
    assert facts["tissue"] == "mni" and facts["mutual_information"] > 0
    assert set(facts["dropped"]) == {"white_share", "other_share", "contrast", "shape"}
    assert facts["k"] in (1.0, 1.25, 1.5)
    anat = out / "sub-active/ses-M12/anat"
    sidecar = anat / "sub-active_ses-M12_space-orig_label-lesion_desc-newSinceM00_mask.json"
    assert "MNI" in json.loads(sidecar.read_text())["Tissue"]
