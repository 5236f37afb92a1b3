"""The images of a pair as the figures need them: on one isotropic RAS grid, cut to the head."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from newlesions.errors import InputError
from newlesions.images.grid import isotropic_grid
from newlesions.images.io import read_volume
from newlesions.images.resample import resample
from newlesions.images.volume import Affine, Array, Grid, Volume, apply_affine
from newlesions.report.figures import bounding_box, difference_window, grey_window

CHANGE_CODES = {"new": 1, "enlarging": 2, "gone": 3, "shrinking": 4}
_HEAD_MARGIN_MM = 25.0
_EVERY_NEIGHBOUR = np.ones((3, 3, 3), bool)


@dataclass(frozen=True)
class PairImages:
    """Both visits, their change and the brain on one grid, all of shape (I, J, K); ``affine`` is to RAS mm.

    ``probability`` is that of a rise from baseline to follow-up, ``fall`` that of a fall. ``reference`` marks the new
    lesions of a reference, where there is one.
    """

    baseline: Array
    followup: Array
    change: Array
    probability: Array
    brain: NDArray[np.bool_]
    affine: Affine
    reference: NDArray[np.bool_] | None = None
    fall: Array | None = None

    @property
    def spacing(self) -> float:
        """Voxel size in mm."""
        return float(self.affine[0, 0])

    @cached_property
    def difference(self) -> Array:
        """Follow-up minus baseline."""
        return self.followup - self.baseline

    @cached_property
    def window(self) -> tuple[float, float]:
        """The grey window that both visits share."""
        return grey_window([self.baseline, self.followup], self.brain)

    @cached_property
    def difference_limit(self) -> float:
        """Half the width of the window of the difference."""
        return difference_window(self.difference, self.brain)

    @cached_property
    def components(self) -> dict[str, Array]:
        """For each kind of change, its 26-connected components as labels from 1."""
        return {kind: ndimage.label(self.change == code, _EVERY_NEIGHBOUR)[0] for kind, code in CHANGE_CODES.items()}


def read_pair_images(
    baseline: Path,
    followup: Path,
    change: Path,
    probability: Path,
    brain: Path,
    reference: tuple[Path, Affine] | None = None,
) -> PairImages:
    """Read five images that share one grid and cut them to the brain and 25 mm around it.

    A grid that is not RAS with cubic voxels is carried onto one that is: labels by the nearest voxel, images linearly.
    So is ``reference``, a mask on a grid of its own, given with the transform from the images' space to its own.

    Raises
    ------
    InputError
        If the grids differ.
    """
    paths = (baseline, followup, change, probability, brain)
    types: tuple[type, ...] = (np.float32, np.float32, np.uint8, np.float32, np.uint8)
    volumes = [read_volume(path, dtype) for path, dtype in zip(paths, types, strict=True)]
    for path, volume in zip(paths, volumes, strict=True):
        if not volume.grid.matches(volumes[0].grid):
            raise InputError(path, f"another grid than {Path(baseline).name}", "all images of a pair on one grid")
    if not _is_display_grid(volumes[0].grid):
        volumes = _on_display_grid(volumes)
    affine = volumes[0].affine.copy()
    inside = (volumes[4].data > 0) | (volumes[2].data > 0)
    box = bounding_box(inside, round(_HEAD_MARGIN_MM / float(affine[0, 0])))
    affine[:3, 3] = apply_affine(affine, np.array([part.start for part in box]))
    first, second, labels, chance, mask = (volume.data[box] for volume in volumes)
    marked = None if reference is None else _carried(*reference, volumes[0].grid)[box]
    # The sign of the probability of change tells rise from fall.
    rise, fall = np.maximum(chance, 0), np.maximum(-chance, 0)
    return PairImages(first, second, labels, rise, mask > 0, affine, marked, fall)


def _carried(path: Path, own_from_images: Affine, grid: Grid) -> NDArray[np.bool_]:
    """A mask from its own grid on ``grid``."""
    mask = read_volume(path)
    return resample(mask.with_data(mask.data > 0), grid, own_from_images, order=1).data >= 0.5


def _is_display_grid(grid: Grid) -> bool:
    spacing = float(grid.spacing[0])
    return bool(np.allclose(grid.affine[:3, :3], np.eye(3) * spacing, atol=1e-3 * spacing))


def _on_display_grid(volumes: list[Volume]) -> list[Volume]:
    source = volumes[0].grid
    grid = isotropic_grid(source.corners(), float(np.clip(source.spacing.min(), 0.7, 1.5)))
    return [resample(volume, grid, order=0 if volume.data.dtype == np.uint8 else 1) for volume in volumes]
