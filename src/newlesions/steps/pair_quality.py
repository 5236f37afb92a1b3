"""What the steps measured of a pair's quality, under the names of its summary and of group_quality.tsv."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def of_visit(visit: str, brain: Mapping[str, Any], scan: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers of one visit (``baseline`` or ``followup``) from its brain.json and its ingest.json."""
    spacing = sorted(float(size) for size in scan["spacing_mm"])
    return {
        f"brain_{visit}_ml": round(brain["volume_ml"], 1),
        f"snr_{visit}": brain["snr"],
        f"inu_range_{visit}": brain["inu_range"],
        f"brain_cut_{visit}_cm2": brain["cut_cm2"],
        f"in_plane_{visit}_mm": spacing[0],
        f"slice_{visit}_mm": spacing[-1],
    }


def of_pair(registration: Mapping[str, Any], harmonised: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers about both visits together: ``quality`` of halfway.json, and harmonise.json."""
    x, y, z = registration["moved_mm"]
    return {
        "registration_correlation": registration["correlation"],
        "brain_overlap": registration["brain_overlap"],
        "inverse_consistency_mm": registration["inverse_consistency_mm"],
        "moved_x_mm": x,
        "moved_y_mm": y,
        "moved_z_mm": z,
        "rotated_deg": registration["rotated_deg"],
        # None where the setting harmonise.differential_bias_mm is 0.
        "differential_bias_sd": harmonised.get("differential_bias_sd"),
        "histogram_overlap": harmonised["histograms"]["after"]["overlap"],
    }
