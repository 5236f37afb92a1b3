"""What classifiers see of a pair, and what is right: from the work folder's files to arrays."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from newlesions.detect.settings import SubtractionSettings
from newlesions.evaluate.masks import check_same_grid, read_mask
from newlesions.images.files import read_json
from newlesions.images.io import read_volume
from newlesions.images.morphology import Mask
from newlesions.images.resample import resample
from newlesions.images.volume import Affine, Grid, Volume
from newlesions.steps.working import read_working

if TYPE_CHECKING:
    from newlesions.detect.features.pair import PairData


def read_pair_data(
    baseline: Path,
    followup: Path,
    brain: Path,
    change: Path,
    working: Path,
    baseline_report: Path,
    followup_report: Path,
    candidates: Mapping[str, Any],
    rise: Path | str | None = None,
    fall: Path | str | None = None,
) -> PairData:
    """The pair on its working grid.

    Parameters
    ----------
    baseline, followup, brain, change
        The harmonised images, the brain that both show, and the classes of the candidates.
    working
        Where the working grid lies.
    baseline_report, followup_report
        The input checks' reports, which tell the scans' voxel sizes.
    candidates
        The settings of the candidates.
    rise, fall
        What a network says of both directions, where the recipe has one.
    """
    from newlesions.detect.features.pair import PairData

    before, after = read_volume(baseline), read_volume(followup)
    return PairData(
        before=before.data,
        after=after.data,
        brain=read_volume(brain, dtype=np.bool_).data,
        change=read_volume(change, dtype=np.uint8).data,
        grid=before.grid,
        mni_from_working=read_working(working).mni_from_working,
        slice_mm=(_thickest(baseline_report), _thickest(followup_report)),
        settings=SubtractionSettings.of(candidates),
        network=(read_volume(rise).data, read_volume(fall).data) if rise and fall else None,
    )


def read_truth(reference: Path, flair: Path, working: Path, grid: Grid) -> Mask:
    """A mask of new lesions on the working grid: interpolated linearly, from 0.5 on.

    Parameters
    ----------
    reference
        The mask, on the follow-up's own grid, that of ``flair``.
    working
        Where the working grid lies.
    grid
        The working grid.

    Raises
    ------
    InputError
        If the reference is no mask on that grid.
    """
    return read_lesions(reference, flair, read_working(working).followup_from_working, grid, "the follow-up")


def read_lesions(path: Path, flair: Path, own_from_working: Affine, grid: Grid, whose: str) -> Mask:
    """A mask of lesions on the working grid, where `read_share` is at least 0.5."""
    return read_share(path, flair, own_from_working, grid, whose) >= 0.5


def read_share(path: Path, flair: Path, own_from_working: Affine, grid: Grid, whose: str) -> NDArray[np.float32]:
    """How much of each voxel of the working grid a mask of lesions covers, by linear interpolation.

    Parameters
    ----------
    path
        The mask, on the own grid of a visit, that of ``flair``.
    own_from_working
        4x4, from the working space's RAS mm to the visit's.
    grid
        The working grid, or a part of it.
    whose
        How a message calls the visit.

    Raises
    ------
    InputError
        If the file is no mask on that grid.
    """
    mask = read_mask(path)
    check_same_grid(path, mask.grid, read_volume(flair).grid, whose)
    inside = Volume((mask.labels > 0).astype(np.float32), mask.affine)
    return resample(inside, grid, own_from_working, order=1).data


def _thickest(report: Path) -> float:
    return float(max(read_json(report)["spacing_mm"]))
