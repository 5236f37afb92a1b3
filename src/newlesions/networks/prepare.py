"""A case as a stage sees it: on the stage's voxels, with the stage's intensities, and the way back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from newlesions.detect.classes import ENLARGING, NEW
from newlesions.errors import ConfigError, InputError
from newlesions.images.morphology import Mask
from newlesions.images.resample import resample
from newlesions.images.volume import Grid, Volume
from newlesions.networks.case import Case, Image, share_of
from newlesions.networks.stages import Prepare


@dataclass(frozen=True)
class Prepared:
    """What `prepare` made of a case.

    Attributes
    ----------
    case
        The case itself.
    grid
        The stage's grid, (I, J, K).
    images
        ``baseline`` and ``followup``, normalised, float32, (I, J, K).
    brain
        bool, (I, J, K).
    candidates
        Voxels of the subtraction's new and enlarging candidates, bool, (I, J, K).
    masks
        Those of the case, uint8 (0, 1), (I, J, K).
    """

    case: Case
    grid: Grid
    images: dict[str, Image]
    brain: Mask
    candidates: Mask
    masks: dict[str, NDArray[np.uint8]]

    @property
    def spacing(self) -> NDArray[np.float64]:
        """Voxel edges in mm, (3,)."""
        return self.grid.spacing

    def onto(self, array: NDArray[Any]) -> NDArray[Any]:
        """``array`` of the case's grid on the stage's, linearly, float32; itself where the grids are the same."""
        return _carried(array, self.case.grid, self.grid, antialias=True)

    def back(self, array: NDArray[Any]) -> NDArray[Any]:
        """``array`` of the stage's grid on the case's, linearly, float32; itself where the grids are the same.

        Not smoothed on the way to coarser voxels, which would lower the probability of small lesions.
        """
        return _carried(array, self.grid, self.case.grid, antialias=False)


def prepare(case: Case, how: Prepare) -> Prepared:
    """Bring a case onto a stage's grid and normalise its images, each on its own.

    Images and masks are carried over linearly, as ashtari2021 says (p. 48; the other papers do not); masks are then
    cut at one half.

    Raises
    ------
    ConfigError
        On an unknown way to normalise or a spacing that is not positive.
    InputError
        When the pair has no brain, or an image is the same everywhere in it.
    """
    if how.normalise not in NORMALISATIONS:
        raise ConfigError(f"prepare: normalise is {how.normalise}; known: {', '.join(NORMALISATIONS)}")
    if not case.brain.any():
        raise InputError(case.pair, "a brain mask without voxels", "a brain")
    grid = case.grid if how.spacing_mm is None else _grid(case.grid, how.spacing_mm)
    brain = _mask(case.brain, case.grid, grid).astype(bool)
    return Prepared(
        case,
        grid,
        images={
            name: _normalised(case.pair, name, _carried(image, case.grid, grid, antialias=True), brain, how)
            for name, image in (("baseline", case.baseline), ("followup", case.followup))
        },
        brain=brain,
        candidates=_mask(np.isin(case.change, (NEW, ENLARGING)), case.grid, grid).astype(bool),
        masks={
            name: _mask(mask, case.grid, grid) for name, mask in case.masks.items() if not name.startswith(share_of(""))
        },
    )


def _normalised(pair: str, name: str, image: Image, brain: Mask, how: Prepare) -> Image:
    image = np.where(brain, image, np.float32(0)) if how.mask else image.astype(np.float32)
    if how.percentiles is not None:
        image = np.clip(image, *np.percentile(image, how.percentiles)).astype(np.float32)
    inside = image[brain]
    if inside.size == 0 or inside.min() == inside.max():
        raise InputError(pair, f"a {name} without contrast in the brain", "an image whose intensities differ")
    if how.normalise == "median_brain" and np.median(inside) <= 0:
        raise InputError(pair, f"a {name} whose median in the brain is not above 0", "positive intensities")
    return NORMALISATIONS[how.normalise](image, inside).astype(np.float32)


def _zscore(image: Image, inside: Image) -> Image:
    return (image - image.mean(dtype=np.float64)) / image.std(dtype=np.float64)


def _zscore_brain(image: Image, inside: Image) -> Image:
    return (image - inside.mean(dtype=np.float64)) / inside.std(dtype=np.float64)


def _zscore_nonzero(image: Image, inside: Image) -> Image:
    there = image != 0
    values = image[there]
    return np.where(there, (image - values.mean(dtype=np.float64)) / values.std(dtype=np.float64), 0)


def _zscore_positive(image: Image, inside: Image) -> Image:
    return np.maximum(_zscore_brain(image, inside), 0)


def _zscore_slices(image: Image, inside: Image) -> Image:
    centred = image - image.mean((0, 1), dtype=np.float64)
    sd = np.sqrt(np.square(centred).mean((0, 1)))
    return np.divide(centred, sd, out=np.zeros_like(centred), where=sd > 0)


def _median_brain(image: Image, inside: Image) -> Image:
    return image / np.median(inside) - 1


def _minmax(image: Image, inside: Image) -> Image:
    low, high = float(image.min()), float(image.max())
    return (image - low) / (high - low)


def _symmetric(image: Image, inside: Image) -> Image:
    return 2 * _minmax(image, inside) - 1


def _none(image: Image, inside: Image) -> Image:
    return image


NORMALISATIONS: dict[str, Callable[[Image, Image], Image]] = {
    "zscore": _zscore,
    "zscore_brain": _zscore_brain,
    "zscore_nonzero": _zscore_nonzero,
    "zscore_positive": _zscore_positive,
    "zscore_slices": _zscore_slices,
    "median_brain": _median_brain,
    "minmax": _minmax,
    "symmetric": _symmetric,
    "none": _none,
}
"""Of an image, (I, J, K), by itself and its brain's values, (n,)."""


def _grid(grid: Grid, spacing_mm: float | tuple[float, float, float]) -> Grid:
    """Voxels of ``spacing_mm`` over the same field of view, with the same centre and axes."""
    wanted = np.broadcast_to(np.asarray(spacing_mm, dtype=np.float64), 3)
    if (wanted <= 0).any():
        raise ConfigError(f"prepare: spacing_mm is {spacing_mm}; expected one or three positive numbers")
    step = wanted / grid.spacing
    before = np.asarray(grid.shape)
    i, j, k = (int(n) for n in np.maximum(1, np.round(before / step)))
    to_voxels = np.diag([*step, 1.0])
    to_voxels[:3, 3] = (before - 1) / 2 - step * (np.array([i, j, k]) - 1) / 2
    return Grid((i, j, k), grid.affine @ to_voxels)


def _carried(array: NDArray[Any], source: Grid, target: Grid, *, antialias: bool) -> NDArray[Any]:
    if source.matches(target):
        return array
    return resample(Volume(array, source.affine), target, order=1, antialias=antialias).data


def _mask(mask: NDArray[Any], source: Grid, target: Grid) -> NDArray[np.uint8]:
    if source.matches(target):
        return mask.astype(np.uint8)
    return (_carried(mask.astype(np.float32), source, target, antialias=True) >= 0.5).astype(np.uint8)
