from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from newlesions.errors import ConfigError
from newlesions.images.files import read_json
from newlesions.images.io import read_volume
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
