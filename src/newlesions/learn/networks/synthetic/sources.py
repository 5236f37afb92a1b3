"""Visits with lesion masks: the material of synthetic pairs, and patches of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from newlesions.detect.refinement.frequency import empty_frequency, frequency_at, frequency_of
from newlesions.detect.regions import Region, regions_on
from newlesions.errors import InputError
from newlesions.images.morphology import Mask, label_lesions
from newlesions.images.volume import Affine, Grid, Volume, apply_affine
from newlesions.networks.case import Image

# How likely a lesion's centre is in a region of MNI, before the patients' own frequency: chosen.
_PRIOR = {Region.WHITE: 1.0, Region.INFRATENTORIAL: 0.2, Region.DEEP_GREY: 0.1}
_FLOOR = 0.02  # of the greatest frequency: where the patients had no lesion
_NORMAL_SD = 2.0  # robust SD of white matter within which tissue is normal
_SMOOTH_VOXELS = 0.8
_GAP_MM = 2.0  # between lesions


@dataclass(frozen=True)
class Source:
    """One visit, prepared as the stage sees it.

    Attributes
    ----------
    image, lesions, brain
        (I, J, K): float16, half the memory; bool (all lesions); bool.
    places
        Relative density of a lesion's centre, 0 to 1, float16, (I, J, K): 0 outside normal-appearing tissue.
    spacing
        The edge of a voxel, mm; the geometric mean of the three where they differ.
    shapes
        The visit's lesions, each in its box, bool.
    """

    image: NDArray[np.float16]
    lesions: Mask
    brain: Mask
    places: NDArray[np.float16]
    spacing: float
    shapes: tuple[Mask, ...]


class Patch(NamedTuple):
    """A part of a `Source`, turned, in float32; ``inside`` is False beyond the source's field of view."""

    image: Image
    lesions: Mask
    brain: Mask
    places: Image
    inside: Mask


def source_of(
    name: str, image: Image, lesions: NDArray[Any], brain: Mask, affine: Affine, frequency: Volume | None, mni: Affine
) -> Source:
    """A visit as material.

    Parameters
    ----------
    name
        Whose, for messages.
    image, lesions, brain
        (I, J, K), on one grid.
    affine
        4x4, from voxels to RAS mm, of cubic voxels.
    frequency
        Of lesions in MNI space (`lesion_frequency`); None: their region alone tells where they are likely.
    mni
        4x4, from those RAS mm to MNI mm.

    Raises
    ------
    InputError
        If there is no brain.
    """
    if not brain.any():
        raise InputError(name, "an empty brain", "a visit with a brain")
    i, j, k = image.shape
    grid = Grid((i, j, k), affine)
    marked = np.asarray(lesions) > 0
    largest = float(np.abs(image).max(initial=0))
    if not largest <= np.finfo(np.float16).max:
        raise InputError(name, f"an image with a value of {largest:g}", "finite values below 65504")
    labels = label_lesions(marked)
    shapes = tuple(labels[box] == n for n, box in enumerate(ndimage.find_objects(labels), start=1))
    places = _places(image.astype(np.float32), marked, brain, grid, frequency, mni)
    half = image.astype(np.float16), places.astype(np.float16)
    return Source(half[0], marked, brain, half[1], float(grid.voxel_volume ** (1 / 3)), shapes)


def lesion_frequency(visits: Iterable[tuple[NDArray[Any], Affine]]) -> Volume:
    """How often lesions lie where in MNI space: mean over ``visits``: masks and 4x4 from their voxels to MNI mm.

    The "probabilistic distribution of MS lesions on the brain in the MNI space" (Kamraoui et al. 2022, section 2.3), of
    the training cases.
    """
    maps = [frequency_of(apply_affine(mni, np.argwhere(mask > 0))).data for mask, mni in visits]
    empty = empty_frequency()
    return empty.with_data(np.mean(maps, axis=0).astype(np.float32)) if maps else empty


def draw_patch(rng: np.random.Generator, source: Source, sides: Sequence[int], positive: float) -> Patch:
    """A patch around a lesion voxel (with probability ``positive``) or a voxel of the brain, randomly turned."""
    on_lesion = source.lesions.any() and rng.uniform() < positive
    return _turned(rng, _cut(source, _voxel(rng, source.lesions if on_lesion else source.brain), sides))


def draw_free_patch(rng: np.random.Generator, source: Source, sides: Sequence[int], trials: int = 20) -> Patch:
    """A patch around a voxel of the brain: the first without lesions of ``trials``, else that with the fewest."""
    best, fewest = None, -1
    flat = np.flatnonzero(source.brain)
    for at in flat[rng.integers(len(flat), size=trials)]:
        centre = np.array(np.unravel_index(at, source.brain.shape))
        box, _ = _window(source.brain.shape, centre, sides)
        count = np.count_nonzero(source.lesions[box])
        if best is None or count < fewest:
            best, fewest = centre, int(count)
        if count == 0:
            break
    assert best is not None
    return _turned(rng, _cut(source, best, sides))


def _places(image: Image, lesions: Mask, brain: Mask, grid: Grid, frequency: Volume | None, mni: Affine) -> Image:
    """Where a lesion may begin: MNI's regions times the patients' frequency, in tissue as bright as white matter."""
    codes = regions_on(grid, mni)
    weight = np.zeros(grid.shape, np.float32)
    for region, prior in _PRIOR.items():
        weight[codes == region] = prior
    weight[~brain] = 0
    at = np.argwhere(weight > 0)
    if frequency is not None and frequency.data.any():
        often = frequency_at(frequency, apply_affine(mni @ grid.affine, at))
        weight[tuple(at.T)] *= often / frequency.data.max() + _FLOOR
    white = (codes == Region.WHITE) & brain & ~lesions
    if white.any():
        smooth = ndimage.gaussian_filter(image, _SMOOTH_VOXELS)
        middle = np.median(smooth[white])
        spread = 1.4826 * np.median(np.abs(smooth[white] - middle))
        weight[np.abs(smooth - middle) > _NORMAL_SD * spread] = 0
    weight[ndimage.binary_dilation(lesions, iterations=max(1, round(_GAP_MM / grid.spacing[0])))] = 0
    return weight


def _voxel(rng: np.random.Generator, mask: Mask) -> NDArray[np.intp]:
    flat = np.flatnonzero(mask)
    return np.array(np.unravel_index(flat[rng.integers(len(flat))], mask.shape))


def _window(
    shape: Sequence[int], centre: NDArray[np.intp], sides: Sequence[int]
) -> tuple[tuple[slice, ...], list[tuple[int, int]]]:
    """The part of an array within a window around ``centre``, moved inside, and what is missing at both ends."""
    box, missing = [], []
    for n, at, side in zip(shape, centre, sides, strict=True):
        first = int(np.clip(at - side // 2, 0, max(n - side, 0)))
        box.append(slice(first, min(first + side, n)))
        less = max(side - n, 0)
        missing.append((less // 2, less - less // 2))
    return tuple(box), missing


def _cut(source: Source, centre: NDArray[np.intp], sides: Sequence[int]) -> Patch:
    box, missing = _window(source.brain.shape, centre, sides)
    image = np.pad(source.image[box], missing, mode="edge").astype(np.float32)
    lesions, brain = (np.pad(mask[box], missing) for mask in (source.lesions, source.brain))
    places = np.pad(source.places[box], missing).astype(np.float32)
    inside = np.pad(np.ones_like(source.brain[box]), missing)
    return Patch(image, lesions, brain, places, inside)


def _turned(rng: np.random.Generator, patch: Patch) -> Patch:
    """One of the flips, and of the quarter turns that keep the patch's shape."""
    order = rng.permutation(3)
    if tuple(patch.image.shape[axis] for axis in order) != patch.image.shape:
        order = np.arange(3)
    flipped = tuple(axis for axis in range(3) if rng.integers(2))

    def turned(part: NDArray[Any]) -> NDArray[Any]:
        return np.ascontiguousarray(np.flip(np.transpose(part, order), flipped))

    return Patch(*map(turned, patch))
