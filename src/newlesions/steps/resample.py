"""Both visits onto the working grid: files in, files out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from newlesions.images.grid import spacing_near, working_spacing
from newlesions.images.io import read_volume, write_volume
from newlesions.preprocess.halfway import brain_grid
from newlesions.preprocess.template import brain_grid_in_mni
from newlesions.preprocess.working_space import to_working_space
from newlesions.steps.names import read_matrices
from newlesions.steps.working import MNI, WorkingSpace, write_working


def resample(
    baseline: Path,
    followup: Path,
    baseline_brain: Path,
    followup_brain: Path,
    halfway: Path,
    resampled_baseline: Path,
    resampled_followup: Path,
    brain: Path,
    working: Path,
    settings: Mapping[str, Any],
) -> None:
    """Write both visits (float32) and their common brain (uint8) on the working grid, and where that grid lies."""
    visits = read_volume(baseline), read_volume(followup)
    brains = read_volume(baseline_brain, dtype=np.bool_), read_volume(followup_brain, dtype=np.bool_)
    matrices = read_matrices(halfway)
    edges = [visit.spacing for visit in visits]
    if settings["near_mm"] is None:
        spacing = working_spacing(edges, settings["finest_mm"], settings["coarsest_mm"])
    else:
        spacing = spacing_near(edges, settings["near_mm"], settings["tolerance_mm"])
    in_halfway = brain_grid(*brains, matrices["baseline_from_halfway"], matrices["followup_from_halfway"], spacing)
    space = WorkingSpace.of(settings["space"], matrices, in_halfway)
    pair = to_working_space(
        *visits,
        brains,
        space.baseline_from_working,
        space.followup_from_working,
        brain_grid_in_mni(spacing) if space.space == MNI else in_halfway,
        match_resolution=settings["match_resolution"],
    )
    write_volume(resampled_baseline, pair.baseline, level=1)
    write_volume(resampled_followup, pair.followup, level=1)
    write_volume(brain, pair.brain)
    write_working(working, space)
