"""Writing what was converted as a BIDS folder that tells nobody's name, date or place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from newlesions import __version__
from newlesions.cohort.labels import natural_key
from newlesions.dicom.plan import Scan, image_file, session_rows
from newlesions.dicom.table import TAKE, Row
from newlesions.errors import ConfigError
from newlesions.images.files import read_json, write_json, write_text
from newlesions.images.io import write_volume
from newlesions.images.volume import Volume

_MAKER = "newlesions dicom"
_DESCRIPTION = "dataset_description.json"


def check_target(bids: Path) -> None:
    """Refuse a folder that holds something else.

    Raises
    ------
    ConfigError
        If ``bids`` is no folder, or is not empty and not this command's.
    """
    if not bids.exists():
        return
    if not bids.is_dir():
        raise ConfigError(f"{bids}: found a file; expected a folder, or nothing yet")
    if any(bids.iterdir()) and not _is_ours(bids / _DESCRIPTION):
        raise ConfigError(f"{bids}: found files of other origin; expected a new folder, or one of an earlier run")


def _is_ours(description: Path) -> bool:
    if not description.is_file():
        return False
    try:
        content = read_json(description)
    except ValueError:
        return False
    made = content.get("GeneratedBy") if isinstance(content, dict) else None
    return isinstance(made, list) and any(isinstance(one, dict) and one.get("Name") == _MAKER for one in made)


def write_description(bids: Path) -> None:
    """Write the description of the folder; it marks the folder as this command's."""
    content = {
        "Name": "FLAIR scans, converted from DICOM and pseudonymised",
        "BIDSVersion": "1.10.0",
        "DatasetType": "raw",
        "GeneratedBy": [{"Name": _MAKER, "Version": __version__}],
    }
    write_json(bids / _DESCRIPTION, content)


def write_scan(bids: Path, scan: Scan, volume: Volume, sidecar: dict[str, Any]) -> None:
    """Write one scan: the sidecar, then the image, whose presence tells that both are done."""
    image = bids / scan.image
    write_json(image.with_name(image.name.replace(".nii.gz", ".json")), sidecar)
    write_volume(image, volume)


def remove_outdated(bids: Path, before: Sequence[Row], key: Sequence[Row]) -> None:
    """Remove the scans of the key of ``before`` that are no longer taken, or whose series has other images now."""
    now = {(row.subject, row.session): row for row in key if row.use == TAKE}
    for row in before:
        taken = now.get((row.subject, row.session))
        if row.use == TAKE and (taken is None or (taken.series_uid, taken.images) != (row.series_uid, row.images)):
            image = bids / image_file(row.subject, row.session)
            image.unlink(missing_ok=True)
            image.with_name(image.name.replace(".nii.gz", ".json")).unlink(missing_ok=True)


def write_tables(bids: Path, key: Sequence[Row]) -> None:
    """Write the subjects and sessions of the scans that are there, with dates that are shifted to begin in 1900."""
    there = [row for row in key if row.use == TAKE and (bids / image_file(row.subject, row.session)).is_file()]
    sessions = session_rows([row for row in key if row.use != TAKE or row in there])
    subjects = sorted(sessions, key=natural_key)
    write_text(bids / "participants.tsv", "\n".join(["participant_id", *(f"sub-{label}" for label in subjects)]) + "\n")
    for subject in subjects:
        rows = [f"ses-{label}\t{date}T00:00:00" for label, date in sessions[subject]]
        path = bids / f"sub-{subject}" / f"sub-{subject}_sessions.tsv"
        write_text(path, "\n".join(["session_id\tacq_time", *rows]) + "\n")
