"""Both visits onto the working grid: files in, files out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from newlesions.errors import ConfigError
from newlesions.images.grid import Edges, native_spacing, spacing_near, working_spacing
from newlesions.images.io import read_volume, write_volume
from newlesions.images.volume import Grid
from newlesions.preprocess.deform import SYN, deformation
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
    spacing = _spacing([visit.grid for visit in visits], settings)
    in_halfway = brain_grid(*brains, matrices["baseline_from_halfway"], matrices["followup_from_halfway"], spacing)
    space = WorkingSpace.of(settings["space"], matrices, in_halfway)
    grid = brain_grid_in_mni(float(np.max(spacing))) if space.space == MNI else in_halfway
    matrices_to = space.baseline_from_working, space.followup_from_working
    how = {"match_resolution": settings["match_resolution"]}
    pair = to_working_space(*visits, brains, *matrices_to, grid, **how)
    if settings["deform"] == SYN:
        moved = deformation(pair.followup, pair.baseline, pair.brain.data > 0, settings["deform_mm"])
        pair = to_working_space(*visits, brains, *matrices_to, grid, moved=moved, **how)
    write_volume(resampled_baseline, pair.baseline, level=1)
    write_volume(resampled_followup, pair.followup, level=1)
    write_volume(brain, pair.brain)
    write_working(working, space)


def _spacing(grids: Sequence[Grid], settings: Mapping[str, Any]) -> Edges:
    """The edges of the working voxel, mm.

    Raises
    ------
    ConfigError
        If voxels that are no cubes are asked for in MNI space, or near a given edge.
    """
    bounds = settings["finest_mm"], settings["coarsest_mm"]
    if not settings["cubic"]:
        if settings["space"] == MNI or settings["near_mm"] is not None:
            raise ConfigError("resample.cubic is false; expected space: halfway and near_mm: null with it")
        return native_spacing(grids, *bounds)
    edges = [grid.spacing for grid in grids]
    if settings["near_mm"] is None:
        return working_spacing(edges, *bounds)
    return spacing_near(edges, settings["near_mm"], settings["tolerance_mm"])
