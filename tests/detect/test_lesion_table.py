from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from newlesions.detect.carry import Lesions, carry, separate
from newlesions.detect.classes import ENLARGING, GONE, KINDS, NEW, SHRINKING
from newlesions.detect.lesion_table import COLUMNS, contrast, lesion_rows, totals
from newlesions.images.transforms import rigid_exp
from newlesions.images.volume import Grid, Volume, apply_affine

WORKING = Grid((40, 40, 40), np.array([[1.0, 0, 0, -20], [0, 1, 0, -20], [0, 0, 1, -20], [0, 0, 0, 1]]))
OWN = Grid((60, 60, 14), np.array([[-0.75, 0, 0, 22], [0, 0.75, 0, -22], [0, 0, 3.0, -20], [0, 0, 0, 1]]))
HALFWAY_FROM_OWN = rigid_exp(np.array([0.02, -0.05, 0.1, 1.0, 2.0, -1.0]))
MNI_FROM_HALFWAY = np.diag([1.1, 1.1, 1.1, 1.0]) + np.pad([[0.0], [-18], [10]], ((0, 1), (3, 0)))
BRAIN = np.ones(WORKING.shape, dtype=bool)
PLACES = {NEW: (5, 5, 5), ENLARGING: (25, 5, 15), GONE: (5, 25, 25), SHRINKING: (25, 25, 10)}


def change() -> np.ndarray:
    """A cube of 6 mm for each kind, and a smaller new one."""
    codes = np.zeros(WORKING.shape, dtype=np.uint8)
    for kind, place in PLACES.items():
        codes[tuple(slice(n, n + 6) for n in place)] = kind
    codes[33:37, 5:9, 30:34] = NEW
    return codes


def rows(own_grid: Grid = OWN) -> tuple[list[dict[str, Any]], Lesions, Lesions]:
    """The table of a pair in which tissue is 50, and what rose or fell 80 in the visit that shows it."""
    codes = change()
    working = separate(codes)
    own = carry(working, WORKING, own_grid, HALFWAY_FROM_OWN)
    after = np.where(np.isin(codes, (NEW, ENLARGING)), 80, 50).astype(np.float32)
    before = np.where(np.isin(codes, (GONE, SHRINKING)), 80, 50).astype(np.float32)
    signed = np.select([after > before, before > after], [0.75, -0.75], 0.0).astype(np.float32)
    table = lesion_rows(
        own,
        Volume(np.zeros(own_grid.shape, dtype=np.float32), own_grid.affine),
        working,
        Volume(before, WORKING.affine),
        Volume(after, WORKING.affine),
        signed,
        BRAIN,
        ["deep white"] * len(working.kinds),
        HALFWAY_FROM_OWN,
        MNI_FROM_HALFWAY,
    )
    return table, own, working


def test_each_lesion_has_a_row_in_the_order_of_kind_and_size() -> None:
    table, own, _ = rows()
    assert [tuple(row) for row in table] == [COLUMNS] * 5
    assert [row["id"] for row in table] == [1, 2, 3, 4, 5]
    assert [row["kind"] for row in table] == ["new", "new", "enlarging", "gone", "shrinking"]
    assert table[0]["volume_mm3"] > table[1]["volume_mm3"]
    assert own.kinds == (NEW, NEW, ENLARGING, GONE, SHRINKING)


def test_sizes_and_totals_are_those_of_the_mask() -> None:
    table, own, _ = rows()
    mask, summary = own.change(), totals(table)
    for row in table:
        assert row["voxels"] == np.count_nonzero(own.labels == row["id"]) > 0
        assert row["volume_mm3"] == pytest.approx(row["voxels"] * OWN.voxel_volume, abs=0.006)
    for code, kind in KINDS.items():
        assert summary[f"{kind}_count"] == (2 if code == NEW else 1)
        expected = np.count_nonzero(mask == code) * OWN.voxel_volume
        assert summary[f"{kind}_volume_mm3"] == pytest.approx(expected, abs=0.02)
    assert list(summary) == [f"{kind}_{what}" for kind in KINDS.values() for what in ("count", "volume_mm3")]


def test_an_empty_table_has_totals_of_nought() -> None:
    assert set(totals([]).values()) == {0}


def test_places_are_centroids_in_the_follow_ups_space_and_in_mni() -> None:
    table, own, _ = rows()
    for row in table:
        centre = apply_affine(OWN.affine, np.argwhere(own.labels == row["id"])).mean(axis=0)
        np.testing.assert_allclose([row["x_mm"], row["y_mm"], row["z_mm"]], centre, atol=0.006)
        mni = apply_affine(MNI_FROM_HALFWAY @ HALFWAY_FROM_OWN, centre)
        np.testing.assert_allclose([row["mni_x_mm"], row["mni_y_mm"], row["mni_z_mm"]], mni, atol=0.006)
    drawn = apply_affine(WORKING.affine, np.array(PLACES[GONE]) + 2.5)
    found = apply_affine(HALFWAY_FROM_OWN, [table[3][f"{axis}_mm"] for axis in "xyz"])
    np.testing.assert_allclose(found, drawn, atol=0.7)


def test_intensities_are_those_of_both_visits() -> None:
    for row in rows()[0]:
        brighter = (50, 80) if row["kind"] in ("new", "enlarging") else (80, 50)
        assert (row["intensity_before"], row["intensity_after"]) == brighter
        assert row["probability"] == pytest.approx(0.75)
        assert row["contrast"] == pytest.approx(0.6)


def test_a_lesion_beyond_the_scan_keeps_its_row_without_voxels() -> None:
    part = Grid((60, 24, 14), OWN.affine)  # the front is not shown
    table, own, working = rows(part)
    assert len(table) == 5
    hidden = [row for row in table if row["voxels"] == 0]
    assert {row["kind"] for row in hidden} == {"gone", "shrinking"}
    for row in hidden:
        assert row["volume_mm3"] == 0
        centre = apply_affine(WORKING.affine, np.argwhere(working.labels == row["id"])).mean(axis=0)
        place = [row[f"{axis}_mm"] for axis in "xyz"]
        np.testing.assert_allclose(apply_affine(HALFWAY_FROM_OWN, place), centre, atol=0.01)
    assert not np.isin(own.change(), (GONE, SHRINKING)).any()


def test_contrast_looks_at_brain_that_is_no_lesion() -> None:
    labels = np.zeros((20, 20, 20), dtype=np.int32)
    labels[8:11, 8:11, 8:11], labels[11:14, 8:11, 8:11] = 1, 2
    data = np.full(labels.shape, 40, dtype=np.float32)
    data[labels == 1], data[labels == 2], data[:, :, 11:] = 60, 1000, 0
    image, box = Volume(data, np.eye(4)), (slice(8, 11),) * 3
    brain = np.ones(labels.shape, dtype=bool)
    brain[:, :, 11:] = False
    assert contrast(image, labels, 1, box, brain) == pytest.approx(0.5)
    assert contrast(image, labels, 1, box, labels > 0) == 0.0, "no tissue around"
