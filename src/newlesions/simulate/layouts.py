"""Writing simulated cohorts: as BIDS with references as a derivative, or as MSSEG-2 folders."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from newlesions import __version__
from newlesions.images.files import write_bytes, write_json, write_text
from newlesions.images.grid import isotropic_grid
from newlesions.images.io import nifti_bytes, write_volume
from newlesions.images.resample import resample
from newlesions.images.volume import Affine, Grid, Volume, apply_affine
from newlesions.simulate.lesions import Change
from newlesions.simulate.plan import SubjectPlan
from newlesions.simulate.raters import RATERS, rater_mask
from newlesions.simulate.reference import brain_mask, change_labels, lesion_mask
from newlesions.simulate.subject import Subject, draw_subject, halfway_poses, render

# Noise hardly compresses: more effort than this costs time and saves nothing.
_LEVEL = 3


def write_bids(
    folder: Path | str,
    plans: list[SubjectPlan],
    *,
    workers: int = 1,
    progress: Callable[[str], None] | None = None,
) -> None:
    """Write scans, sidecars and tables as BIDS, references under ``derivatives/reference``.

    Parameters
    ----------
    workers
        Processes that draw subjects side by side; a subject takes about 1.3 GB of memory while it is drawn.
    progress
        Is told the label of each subject that is done.
    """
    folder = Path(folder)
    write_json(folder / "dataset_description.json", _description("Simulated FLAIR pairs", "raw"))
    reference = folder / "derivatives" / "reference"
    write_json(reference / "dataset_description.json", _description("Exact references", "derivative"))
    rows = ["participant_id\tvisits\tno_change", *(f"sub-{p.label}\t{len(p.visits)}\t{p.no_change:d}" for p in plans)]
    write_text(folder / "participants.tsv", "\n".join(rows) + "\n")
    _for_each(partial(_write_bids_subject, folder, reference), plans, workers, progress)


def _for_each(
    write: Callable[[SubjectPlan], str],
    plans: list[SubjectPlan],
    workers: int,
    progress: Callable[[str], None] | None,
) -> None:
    if workers == 1:
        for plan in plans:
            _tell(progress, write(plan))
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for done in pool.map(write, plans):
            _tell(progress, done)


def _tell(progress: Callable[[str], None] | None, label: str) -> None:
    if progress is not None:
        progress(label)


def _description(name: str, kind: str) -> dict[str, Any]:
    return {
        "Name": name,
        "BIDSVersion": "1.10.0",
        "DatasetType": kind,
        "License": "CC0",
        "GeneratedBy": [{"Name": "newlesions simulate", "Version": __version__}],
    }


def _write_bids_subject(folder: Path, reference: Path, plan: SubjectPlan) -> str:
    subject = draw_subject(plan)
    name = f"sub-{plan.label}"
    rows = ["session_id\tacq_time", *(f"ses-{v.label}\t{v.date}T00:00:00" for v in plan.visits)]
    write_text(folder / name / f"{name}_sessions.tsv", "\n".join(rows) + "\n")
    for n, visit in enumerate(plan.visits):
        stem = f"{name}_ses-{visit.label}"
        volume = render(subject, n)
        anat = folder / name / f"ses-{visit.label}" / "anat"
        content = nifti_bytes(volume.data, volume.affine, compressed=True, level=_LEVEL)
        if visit.label in plan.truncated:
            content = content[: len(content) // 2]
        write_bytes(anat / f"{stem}_FLAIR.nii.gz", content)
        write_json(anat / f"{stem}_FLAIR.json", _sidecar(volume))
        anat = reference / name / f"ses-{visit.label}" / "anat"
        brain = volume.with_data(brain_mask(subject, volume.grid, subject.poses[n]))
        write_volume(anat / f"{stem}_space-orig_desc-brain_mask.nii.gz", brain)
        lesions = volume.with_data(lesion_mask(subject, n, volume.grid, subject.poses[n]))
        write_volume(anat / f"{stem}_space-orig_label-lesion_desc-all_mask.nii.gz", lesions)
        if n > 0:
            _write_reference(anat, stem, subject, (n - 1, n), volume.grid, since="")
        if n > 1:
            _write_reference(anat, stem, subject, (0, n), volume.grid, since=f"Since{plan.visits[0].label}")
    return name


def _sidecar(volume: Volume) -> dict[str, Any]:
    return {
        "Modality": "MR",
        "MagneticFieldStrength": 3,
        "ManufacturersModelName": "Simulated",
        "ScanningSequence": "SE_IR",
        "RepetitionTime": 9.0,
        "EchoTime": 0.12,
        "InversionTime": 2.5,
        "MRAcquisitionType": "3D" if np.ptp(volume.spacing) < 0.5 else "2D",
        "SliceThickness": round(float(volume.spacing.max()), 3),
    }


def _write_reference(anat: Path, stem: str, subject: Subject, pair: tuple[int, int], grid: Grid, *, since: str) -> None:
    """Labels, masks of new and gone lesions, table and transforms of a pair of visits, in the later one's own grid."""
    before, after = pair
    labels = Volume(change_labels(subject, before, after, grid, subject.poses[after]), grid.affine)
    lesion = f"{stem}_space-orig_label-lesion_desc"
    write_volume(anat / f"{lesion}-change{since}_dseg.nii.gz", labels)
    for kind in (Change.NEW, Change.GONE):
        name = f"{lesion}-{kind.name.lower()}{since}_mask.nii.gz"
        write_volume(anat / name, labels.with_data(labels.data == kind))
    names = [f"{kind.value}\t{kind.name.lower()}" for kind in Change if kind]
    write_text(anat / f"{lesion}-change{since}_dseg.tsv", "\n".join(["index\tname", *names]) + "\n")
    write_text(anat / f"{stem}_desc-lesions{since}_table.tsv", _lesion_table(subject, before, after))
    baseline_from_halfway, followup_from_halfway, _ = halfway_poses(subject, before, after)
    moved = subject.followup_from_baseline(before, after)
    transforms = {
        "baseline": subject.plan.visits[before].label,
        "followup": subject.plan.visits[after].label,
        "followup_from_baseline": _rows(moved),
        "baseline_from_followup": _rows(subject.followup_from_baseline(after, before)),
        "baseline_from_halfway": _rows(baseline_from_halfway),
        "followup_from_halfway": _rows(followup_from_halfway),
    }
    write_json(anat / f"{stem}_desc-rigid{since}_transforms.json", transforms)


def _rows(matrix: Affine) -> list[list[float]]:
    return [[round(float(value), 9) + 0.0 for value in row] for row in matrix]


def _lesion_table(subject: Subject, before: int, after: int) -> str:
    """Every lesion that is there at either visit: kind, volumes (mm3), centroid in the follow-up's RAS mm."""
    rows = ["kind\tbefore_mm3\tafter_mm3\tx_mm\ty_mm\tz_mm\tcontrast"]
    voxel = subject.anatomy.spacing**3
    world_from_voxel = subject.poses[after] @ subject.anatomy.affine
    for lesion in subject.lesions:
        masks = lesion.mask(before), lesion.mask(after)
        seen = masks[0] | masks[1]
        if not seen.any():
            continue
        centre = apply_affine(world_from_voxel, np.argwhere(seen).mean(axis=0) + lesion.first)
        change = lesion.change(before, after)
        kind = change.name.lower() if change else "unchanged"
        volumes = "\t".join(f"{mask.sum() * voxel:.0f}" for mask in masks)
        place = "\t".join(f"{value:.2f}" for value in centre)
        rows.append(f"{kind}\t{volumes}\t{place}\t{lesion.contrast:.3f}")
    return "\n".join(rows) + "\n"


def write_msseg2(
    folder: Path | str,
    plans: list[SubjectPlan],
    *,
    spacing: float = 1.0,
    raters: int = RATERS,
    workers: int = 1,
    progress: Callable[[str], None] | None = None,
) -> None:
    """Write the first two visits of each subject as an MSSEG-2 folder, named ``001`` and on.

    Both scans are rendered in their own grids and resampled once to one isotropic halfway grid of ``spacing`` mm;
    ``ground_truth`` marks the new lesions there, ``ground_truth_expert<N>`` what each of the ``raters`` marks.
    """
    numbered = [replace(plan, label=f"{number:03d}") for number, plan in enumerate(plans, start=1)]
    _for_each(partial(_write_msseg2_subject, Path(folder), spacing, raters), numbered, workers, progress)


def _write_msseg2_subject(folder: Path, spacing: float, raters: int, plan: SubjectPlan) -> str:
    subject = draw_subject(plan)
    baseline_from_halfway, followup_from_halfway, halfway_from_subject = halfway_poses(subject, 0, 1)
    anatomy = subject.anatomy
    points = apply_affine(halfway_from_subject @ anatomy.affine, anatomy.brain_points())
    grid = isotropic_grid(points, spacing, margin=22.0)
    for visit, transform in enumerate((baseline_from_halfway, followup_from_halfway)):
        carried = resample(render(subject, visit), grid, transform, order=1)
        scan = carried.with_data(np.clip(np.rint(carried.data), 0, 32767).astype(np.int16))
        write_volume(folder / plan.label / f"flair_time0{visit + 1}_on_middle_space.nii.gz", scan, level=_LEVEL)
    labels = change_labels(subject, 0, 1, grid, halfway_from_subject)
    write_volume(folder / plan.label / "ground_truth.nii.gz", Volume(labels == Change.NEW, grid.affine))
    for rater in range(1, raters + 1):
        mask = rater_mask(subject, rater, grid, halfway_from_subject)
        write_volume(folder / plan.label / f"ground_truth_expert{rater}.nii.gz", Volume(mask, grid.affine))
    return plan.label
