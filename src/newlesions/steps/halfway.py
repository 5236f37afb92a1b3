"""The halfway space of a pair: files in, files out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from newlesions.cohort.checks import ScanReport, check_pair
from newlesions.images.files import read_json, write_json
from newlesions.images.io import read_volume
from newlesions.images.transforms import movement
from newlesions.images.volume import apply_affine
from newlesions.steps.names import matrix_rows

_MIDDLE_OF_THE_BRAIN = np.array([0.0, -18.0, 8.0])  # MNI, mm


def halfway(
    baseline: Path,
    followup: Path,
    baseline_brain: Path,
    followup_brain: Path,
    baseline_facts: Path,
    followup_facts: Path,
    baseline_report: Path,
    followup_report: Path,
    halfway: Path,
    settings: Mapping[str, Any],
    aligned: bool,
    pair: str,
) -> None:
    """Write ``halfway.json``: the pair's matrices, how well they fit, and how the head moved in the scanner.

    Raises
    ------
    InputError
        If both visits hold the same voxels, or two different heads.
    """
    from newlesions.preprocess.halfway import Visit, check_same_head, find_halfway

    check_pair(ScanReport.from_dict(read_json(baseline_report)), ScanReport.from_dict(read_json(followup_report)))
    visits = [
        Visit(read_volume(image), read_volume(brain, dtype=np.bool_), np.array(read_json(facts)["mni_from_scan"]))
        for image, brain, facts in (
            (baseline, baseline_brain, baseline_facts),
            (followup, followup_brain, followup_facts),
        )
    ]
    found = find_halfway(visits[0], visits[1], aligned=aligned)
    check_same_head(
        found, pair, min_correlation=settings["min_correlation"], max_distance_mm=settings["max_distance_mm"]
    )
    middle = apply_affine(np.asarray(np.linalg.inv(found.mni_from_halfway)), _MIDDLE_OF_THE_BRAIN)
    way, angle = movement(found.baseline_from_halfway, found.followup_from_halfway, middle)
    write_json(
        halfway,
        {
            "baseline_from_halfway": matrix_rows(found.baseline_from_halfway),
            "followup_from_halfway": matrix_rows(found.followup_from_halfway),
            "mni_from_halfway": matrix_rows(found.mni_from_halfway),
            "aligned": aligned,
            "quality": {
                "correlation": round(found.correlation, 4),
                "brain_overlap": round(found.brain_overlap, 4),
                "inverse_consistency_mm": round(found.inverse_consistency_mm, 4),
                "moved_mm": [round(float(part), 2) + 0.0 for part in way],
                "rotated_deg": round(angle, 2),
            },
        },
    )
