from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from newlesions.errors import InputError
from newlesions.images.files import read_json, write_json
from newlesions.images.io import write_volume
from newlesions.steps.halfway import halfway
from newlesions.steps.names import read_matrices
from steps.small import Work, report, scan, settings


def run(work: Work, **more: object) -> Path:
    """The step on scans that are aligned, so that nothing is registered."""
    out = work.pair / "halfway.json"
    names = {"": "bias.nii.gz", "_brain": "brain.nii.gz", "_facts": "brain.json", "_report": "ingest.json"}
    files: dict[str, Any] = {}
    for end, name in names.items():
        files[f"baseline{end}"], files[f"followup{end}"] = work.visit(name)
    halfway(**files, halfway=out, settings=settings("halfway", **more), aligned=True, pair="sub-01_ses-M12")
    return out


def test_matrices_and_quality_are_written(work: Work) -> None:
    out = run(work)
    content = read_json(out)
    assert content["aligned"] is True
    assert content["quality"]["correlation"] > 0.7
    assert content["quality"]["brain_overlap"] == 1
    assert content["quality"]["inverse_consistency_mm"] == 0
    assert content["quality"]["moved_mm"] == [0, 0, 0] and content["quality"]["rotated_deg"] == 0
    for name in ("baseline_from_halfway", "followup_from_halfway", "mni_from_halfway"):
        np.testing.assert_allclose(read_matrices(out)[name], np.eye(4), atol=1e-9)


def test_two_different_heads_are_refused_by_the_pairs_name(work: Work) -> None:
    volume = scan()
    other = np.random.default_rng(0).permutation(volume.data.ravel()).reshape(volume.data.shape)
    write_volume(work.sessions[1] / "bias.nii.gz", volume.with_data(other))
    with pytest.raises(InputError, match=r"^sub-01_ses-M12: found two brains that do not fit each other"):
        run(work)
    assert not (work.pair / "halfway.json").exists()


def test_the_limit_is_a_setting(work: Work) -> None:
    with pytest.raises(InputError, match=r"expected two scans of one head \(at least 1\.00\)"):
        run(work, min_correlation=0.9999)


def test_the_same_voxels_twice_are_refused(work: Work) -> None:
    write_json(work.sessions[1] / "ingest.json", report("ses-M12", 0).as_dict())
    with pytest.raises(InputError, match="same"):
        run(work)
