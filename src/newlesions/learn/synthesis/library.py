"""Lesion shapes and places learned from masks of other patients in MNI space."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cc3d
import numpy as np
from scipy import ndimage

from newlesions.errors import InputError
from newlesions.images.io import read_volume
from newlesions.images.morphology import Mask, bounding_box
from newlesions.images.resample import resample
from newlesions.images.volume import Grid, Volume
from newlesions.simulate.fields import Field

# Smaller components show the voxels of their mask rather than a shape; larger ones are several lesions run together.
_SMALLEST, _LARGEST = 40, 5000
# A shape is scaled by at most this factor in volume, as long as there is one that near.
_SCALE = 3.0
_FREQUENCY_MM = 4.0  # SD of the Gaussian over the frequency map: 29 patients leave most voxels at 0 or 1


@dataclass(frozen=True)
class Library:
    """Shapes of lesions and where lesions lie.

    Attributes
    ----------
    shapes
        Masks, bool (i, j, k) with cubic voxels of 1 mm along RAS, each one lesion.
    frequency
        In MNI space, float32 in [0, 1]: how often a lesion lies there, relative to the most frequent place.
    """

    shapes: tuple[Mask, ...]
    frequency: Volume

    def draw(self, rng: np.random.Generator, volume: float) -> Mask:
        """One of the shapes whose volume is within a factor 3 of ``volume`` (mm3), or the nearest in volume."""
        ratio = np.abs(np.log([shape.sum() / volume for shape in self.shapes]))
        near = np.flatnonzero(ratio <= max(np.log(_SCALE), float(ratio.min())))
        return self.shapes[int(rng.choice(near))]


def read_library(folder: Path | str) -> Library:
    """Read every ``*_mask.nii*`` below ``folder``: lesion masks on one grid in MNI space.

    Raises
    ------
    InputError
        If there is no mask, the masks lie on different grids, or no lesion is large enough to have a shape.
    """
    paths = sorted(Path(folder).rglob("*_mask.nii*"))
    if not paths:
        raise InputError(folder, "no *_mask.nii.gz", "lesion masks in MNI space")
    masks = []
    for path in paths:
        mask = read_volume(path, dtype=np.uint8)
        masks.append(mask.with_data(mask.data > 0))
        if not mask.grid.matches(masks[0].grid):
            raise InputError(path, f"a grid of {mask.data.shape} voxels", f"that of {paths[0].name}")
    return make_library(masks, folder)


def make_library(masks: list[Volume], name: Path | str = "masks") -> Library:
    """Cut ``masks`` (bool, MNI space, one grid) into lesions and sum them up.

    Raises
    ------
    InputError
        If no lesion is large enough to have a shape; ``name`` says where.
    """
    grid = _ras(masks[0].grid)
    total = np.zeros(masks[0].data.shape, dtype=np.uint8)
    shapes: list[Mask] = []
    for mask in masks:
        total += mask.data
        if mask.data.any():
            shapes += _cut(_box_on(mask))
    if not shapes:
        raise InputError(name, "no lesion in the masks", f"lesions of {_SMALLEST} to {_LARGEST} mm3")
    frequency = resample(masks[0].with_data(total), grid, order=1).data
    return Library(tuple(shapes), Volume(_smoothed(frequency), grid.affine))


def _box_on(mask: Volume) -> Mask:
    """The part of ``mask`` that is not empty, with RAS axes and voxels of 1 mm."""
    box = bounding_box(mask.data, margin=1)
    affine = mask.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ np.array([side.start for side in box], dtype=float)
    part = Volume(mask.data[box].astype(np.uint8), affine)
    return resample(part, _ras(part.grid), order=0).data > 0


def _cut(mask: Mask) -> list[Mask]:
    """The lesions in ``mask`` that are large enough to have a shape and small enough to be one."""
    labels = np.asarray(cc3d.connected_components(mask, connectivity=18))
    cut = []
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        shape = labels[box] == label
        if _SMALLEST <= shape.sum() <= _LARGEST:
            cut.append(shape)
    return cut


def _ras(grid: Grid) -> Grid:
    """The RAS grid of 1 mm over the same field of view."""
    corners = grid.corners()
    affine = np.eye(4)
    affine[:3, 3] = corners.min(axis=0)
    i, j, k = (np.rint(np.ptp(corners, axis=0)).astype(int) + 1).tolist()
    return Grid((i, j, k), affine)


def _smoothed(total: Field) -> Field:
    smooth = ndimage.gaussian_filter(total, _FREQUENCY_MM)
    return np.asarray(smooth / max(float(smooth.max()), 1e-6), dtype=np.float32)
