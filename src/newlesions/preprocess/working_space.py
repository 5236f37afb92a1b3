"""The working space of a pair: one isotropic grid in halfway space, each scan carried there in one interpolation."""

from __future__ import annotations

from dataclasses import dataclass

from newlesions.images.grid import working_spacing
from newlesions.images.morphology import Mask
from newlesions.images.resample import resample
from newlesions.images.volume import Affine, Volume
from newlesions.preprocess.halfway import brain_grid, mask_on, view_of


@dataclass(frozen=True)
class WorkingPair:
    """Both visits on one isotropic RAS grid in halfway space, and the brain that both show."""

    baseline: Volume
    followup: Volume
    brain: Volume


def to_working_space(
    baseline: Volume,
    followup: Volume,
    brains: tuple[Volume, Volume],
    to_baseline: Affine,
    to_followup: Affine,
    *,
    finest_mm: float,
    coarsest_mm: float,
    order: int = 3,
) -> WorkingPair:
    """Resample both visits from their own grids, each exactly once.

    Parameters
    ----------
    baseline, followup
        Bias-corrected scans on their own grids.
    brains
        Their brain masks (bool, same grids).
    to_baseline, to_followup
        4x4, from halfway RAS mm to each scan's.
    finest_mm, coarsest_mm
        Bounds of the cubic voxel size, which follows the scans' own voxels.
    order
        Spline order.

    Returns
    -------
    WorkingPair
        ``brain`` is where both visits have a brain and both have voxels: what one of them does not show cannot have
        changed.
    """
    spacing = working_spacing([baseline.spacing, followup.spacing], finest_mm, coarsest_mm)
    grid = brain_grid(*brains, to_baseline, to_followup, spacing)
    first, second = (
        resample(volume, grid, matrix, order=order)
        for volume, matrix in ((baseline, to_baseline), (followup, to_followup))
    )
    masks = [mask_on(brain, grid, matrix) for brain, matrix in zip(brains, (to_baseline, to_followup), strict=True)]
    seen = _seen_by_both(masks, baseline, followup, first, to_baseline, to_followup)
    return WorkingPair(first, second, Volume(seen, grid.affine))


def _seen_by_both(
    masks: list[Mask], baseline: Volume, followup: Volume, target: Volume, to_baseline: Affine, to_followup: Affine
) -> Mask:
    views = [
        mask_on(view_of(volume), target.grid, matrix)
        for volume, matrix in ((baseline, to_baseline), (followup, to_followup))
    ]
    return masks[0] & masks[1] & views[0] & views[1]
