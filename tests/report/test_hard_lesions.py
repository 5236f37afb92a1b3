from __future__ import annotations

from pathlib import Path

import numpy as np

from newlesions.images.io import write_volume
from newlesions.images.volume import Volume
from newlesions.report.hard_lesions import Pictures, Scans

AFFINE = np.diag([2.0, 2.0, 2.0, 1.0])
SHAPE = (60, 60, 40)
LESION = (slice(30, 34), slice(28, 33), slice(18, 22))


def write(path: Path, data: np.ndarray) -> Path:
    write_volume(path, Volume(data, AFFINE))
    return path


def scans(folder: Path, shift_mm: float = 0.0) -> Scans:
    brain = np.zeros(SHAPE, np.uint8)
    brain[8:52, 8:52, 5:35] = 1
    tissue = (100 * brain + np.random.default_rng(0).normal(0, 3, SHAPE)).astype(np.float32)
    after, mask = tissue.copy(), np.zeros(SHAPE, np.uint8)
    after[LESION], mask[LESION] = 200, 1
    baseline_from_followup = np.eye(4)
    baseline_from_followup[0, 3] = shift_mm
    paths = {name: write(folder / f"{name}.nii.gz", data)
             for name, data in (("before", tissue), ("after", after), ("brain", brain), ("mask", mask))}  # fmt: skip
    nothing = write(folder / "nothing.nii.gz", np.zeros(SHAPE, np.uint8))
    return Scans(
        paths["before"], paths["after"], paths["brain"], paths["brain"], baseline_from_followup, paths["mask"],
        {"finds": paths["mask"], "blind": nothing},
    )  # fmt: skip


def test_four_pictures_of_a_lesion_with_the_reference_and_what_systems_marked(tmp_path: Path) -> None:
    pictures = Pictures(scans(tmp_path))
    before, after, reference, marked = pictures.of("lesion 1", (63.0, 60.0, 39.0), {"finds": True, "blind": False})
    assert before.source != after.source == reference.source == marked.source
    assert [one.kind for one in reference.outlines] == ["reference"]
    assert [(one.kind, one.faint) for one in marked.outlines] == [("new", False)], "who marks nothing is not drawn"
    assert marked.caption == "Follow-up, marked by 1" and "lesion 1" in marked.alt
    (missed,) = pictures.of("lesion 1", (63.0, 60.0, 39.0), {"finds": False})[3].outlines
    assert missed.faint
    again = Pictures(scans(tmp_path)).of("lesion 1", (63.0, 60.0, 39.0), {"finds": True, "blind": False})
    assert [one.source for one in again] == [before.source, after.source, after.source, after.source]


def test_the_baseline_is_carried_to_the_follow_ups_place(tmp_path: Path) -> None:
    still, moved = (Pictures(scans(tmp_path, shift)).of("lesion", (63.0, 60.0, 39.0), {}) for shift in (0.0, 30.0))
    assert still[0].source != moved[0].source and still[1].source == moved[1].source
