from __future__ import annotations

import json

from newlesions.detect.lesion_table import COLUMNS
from newlesions.steps.sidecars import LESION_COLUMNS, brain_sidecar, image_sidecar, lesion_sidecar


def test_each_space_is_told() -> None:
    assert lesion_sidecar("new lesions")["SpatialReference"] == brain_sidecar("atlas")["SpatialReference"]
    assert "halfway" in lesion_sidecar("new lesions", space="halfway")["SpatialReference"]
    assert lesion_sidecar("new lesions", space="halfway")["SpatialReference"] == image_sidecar()["SpatialReference"]


def test_a_given_mask_is_called_manual() -> None:
    assert [brain_sidecar(backend)["Manual"] for backend in ("given", "atlas", "hd-bet")] == [True, False, False]
    assert lesion_sidecar("new lesions")["Manual"] is False


def test_every_column_is_described_and_lengths_have_units() -> None:
    assert tuple(LESION_COLUMNS) == COLUMNS
    for name, column in LESION_COLUMNS.items():
        assert column["Description"]
        assert ("Units" in column) == name.endswith(("_mm", "_mm3"))


def test_sidecars_are_json() -> None:
    for sidecar in (lesion_sidecar("x"), brain_sidecar("bet"), image_sidecar(), LESION_COLUMNS):
        assert json.loads(json.dumps(sidecar)) == sidecar
