"""Writing synthetic pairs as BIDS, with references as a derivative, as simulated cohorts have them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from newlesions import __version__
from newlesions.images.files import write_json, write_text
from newlesions.images.io import write_volume
from newlesions.images.volume import Volume
from newlesions.learn.synthesis.pair import SyntheticPair
from newlesions.simulate.lesions import Change

SESSIONS = ("M00", "M12")
_LEVEL = 3  # of compression: noise hardly compresses
_TOP = 2000.0  # the value of the 99.9th percentile where a scan's own values are too small for whole numbers
_COLUMNS = ("new", "enlarging", "gone", "shrinking")


def write_descriptions(folder: Path) -> None:
    """The two ``dataset_description.json``."""
    write_json(folder / "dataset_description.json", _description("Real FLAIR scans with synthetic lesions", "raw"))
    reference = folder / "derivatives" / "reference"
    write_json(reference / "dataset_description.json", _description("References of synthetic lesions", "derivative"))


def write_participants(folder: Path, rows: list[dict[str, str | int]]) -> None:
    """``participants.tsv``; each row has what `write_pair` returned."""
    names = list(rows[0])
    lines = ["\t".join(names), *("\t".join(str(row[name]) for name in names) for row in rows)]
    write_text(folder / "participants.tsv", "\n".join(lines) + "\n")


def write_pair(folder: Path, label: str, source: str, scan: str, pair: SyntheticPair) -> dict[str, str | int]:
    """Write one pair as subject ``label``, sessions M00 and M12, and return its row of ``participants.tsv``.

    Parameters
    ----------
    source
        The real subject: pairs of one ``source`` belong on one side of every split.
    scan
        The real scan or pair within that subject.
    """
    name = f"sub-{label}"
    reference = folder / "derivatives" / "reference"
    for visit, (session, image, brain) in enumerate(
        (
            (SESSIONS[0], pair.baseline, pair.baseline_brain),
            (SESSIONS[1], pair.followup, pair.followup_brain),
        )
    ):
        stem = f"{name}_ses-{session}"
        anat = folder / name / f"ses-{session}" / "anat"
        write_volume(anat / f"{stem}_FLAIR.nii.gz", _whole(image), level=_LEVEL)
        write_json(anat / f"{stem}_FLAIR.json", _sidecar(image))
        given = reference / name / f"ses-{session}" / "anat"
        write_volume(given / f"{stem}_space-orig_desc-brain_mask.nii.gz", brain)
        if pair.masks is not None:
            lesions = image.with_data(pair.masks[visit])
            write_volume(given / f"{stem}_space-orig_label-lesion_desc-all_mask.nii.gz", lesions)
    stem = f"{name}_ses-{SESSIONS[1]}"
    lesion = reference / name / f"ses-{SESSIONS[1]}" / "anat" / f"{stem}_space-orig_label-lesion_desc"
    labels = pair.followup.with_data(pair.labels)
    write_volume(Path(f"{lesion}-change_dseg.nii.gz"), labels)
    for kind in (Change.NEW, Change.GONE):
        write_volume(Path(f"{lesion}-{kind.name.lower()}_mask.nii.gz"), labels.with_data(labels.data == kind))
    names = [f"{kind.value}\t{kind.name.lower()}" for kind in Change if kind]
    write_text(Path(f"{lesion}-change_dseg.tsv"), "\n".join(["index\tname", *names]) + "\n")
    moved = [[round(float(value), 9) + 0.0 for value in row] for row in pair.followup_from_baseline]
    write_json(lesion.with_name(f"{stem}_desc-rigid_transforms.json"), {"followup_from_baseline": moved})
    counts = {kind: pair.count(Change[kind.upper()]) for kind in _COLUMNS}
    return {"participant_id": name, "source": source, "scan": scan, **counts, "stable": pair.count(Change.NONE)}


def _whole(image: Volume) -> Volume:
    """int16, rescaled where whole numbers would be too coarse or too large."""
    top = float(np.percentile(image.data, 99.9))
    gain = 1.0 if 500 <= top <= 15000 else _TOP / max(top, 1e-6)
    return image.with_data(np.clip(np.rint(image.data * gain), 0, 32767).astype(np.int16))


def _sidecar(image: Volume) -> dict[str, Any]:
    return {
        "Modality": "MR",
        "MRAcquisitionType": "3D" if np.ptp(image.spacing) < 0.5 else "2D",
        "SliceThickness": round(float(image.spacing.max()), 3),
    }


def _description(name: str, kind: str) -> dict[str, Any]:
    return {
        "Name": name,
        "BIDSVersion": "1.10.0",
        "DatasetType": kind,
        "GeneratedBy": [{"Name": "newlesions synthesis", "Version": __version__}],
    }
