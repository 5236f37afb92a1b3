"""Both visits onto the working grid: files in, files out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from newlesions.images.io import read_volume, write_volume
from newlesions.preprocess.working_space import to_working_space
from newlesions.steps.names import read_matrices


def resample(
    baseline: Path,
    followup: Path,
    baseline_brain: Path,
    followup_brain: Path,
    halfway: Path,
    resampled_baseline: Path,
    resampled_followup: Path,
    brain: Path,
    settings: Mapping[str, Any],
) -> None:
    """Write both visits (float32) and their common brain (uint8) on the working grid in halfway space."""
    matrices = read_matrices(halfway)
    pair = to_working_space(
        read_volume(baseline),
        read_volume(followup),
        (read_volume(baseline_brain, dtype=np.bool_), read_volume(followup_brain, dtype=np.bool_)),
        matrices["baseline_from_halfway"],
        matrices["followup_from_halfway"],
        finest_mm=settings["finest_mm"],
        coarsest_mm=settings["coarsest_mm"],
        match_resolution=settings["match_resolution"],
    )
    write_volume(resampled_baseline, pair.baseline, level=1)
    write_volume(resampled_followup, pair.followup, level=1)
    write_volume(brain, pair.brain)
