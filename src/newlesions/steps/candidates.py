"""The candidates of a pair: files in, files out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from newlesions.detect.settings import SubtractionSettings
from newlesions.images.files import write_json
from newlesions.images.io import read_volume, write_volume
from newlesions.steps.working import read_working


def candidates(
    baseline: Path,
    followup: Path,
    brain: Path,
    working: Path,
    change: Path,
    probability: Path,
    facts: Path,
    settings: Mapping[str, Any],
) -> None:
    """Write the classes of change (uint8) and the signed probability of change (float32), on the working grid."""
    from newlesions.detect.candidates import find_candidates

    before = read_volume(baseline)
    found = find_candidates(
        before,
        read_volume(followup),
        read_volume(brain, dtype=np.bool_).data,
        read_working(working).mni_from_working,
        SubtractionSettings.of(settings),
    )
    write_volume(change, before.with_data(found.change))
    write_volume(probability, before.with_data(found.signed), level=1)
    write_json(facts, found.facts)
