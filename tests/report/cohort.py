"""Rows of newlesions.tsv and of group_quality.tsv of made-up pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from newlesions.report.group_table import group_rows

SOUND = {
    "registration_correlation": "0.95",
    "brain_overlap": "0.97",
    "inverse_consistency_mm": "0.2",
    "brain_baseline_ml": "1200",
    "brain_followup_ml": "1198",
    "noise": "2",
}


def row(number: int, **values: str) -> dict[str, str]:
    """The row of newlesions.tsv of a finished pair; ``values`` replace some of its own."""
    subject = f"{number:02d}"
    kinds = {
        f"{kind}_{name}": "0" for kind in ("new", "enlarging", "gone", "shrinking") for name in ("count", "volume_mm3")
    }
    names = {"pair": f"sub-{subject}_ses-M12", "subject": subject, "baseline_session": "M00", "followup_session": "M12"}
    return {**names, "days": "365", "status": "done", "reason": "", **kinds, **SOUND, "warnings": "", **values}


def quality(rows: Sequence[Mapping[str, str]], **values: Any) -> list[dict[str, str]]:
    """The rows of group_quality.tsv of sound pairs of 1 mm scans; ``values`` are further numbers of all of them."""
    numbers = {"moved_x_mm": 0.0, "moved_y_mm": 3.0, "moved_z_mm": 4.0, "rotated_deg": 2.0, "noise_percent": 3.0}
    return group_rows(rows, {one["pair"]: {**one, **numbers, **values} for one in rows if one["status"] == "done"})
