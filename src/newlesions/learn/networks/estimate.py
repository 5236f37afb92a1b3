"""Pairs of masks whose lesion-wise F1 is known: what a network of the task ``estimate_f1`` learns from.

Kamraoui et al. (MSSEG-2 proceedings p. 31) train it on "mask pairs (i.e. representing the predicted mask and the
ground-truth mask) and their respective lesion-wise metric", of "a balanced distribution of values in the range [0,1]",
"altered with gaussian blur and small random intensity changes". Where the pairs come from they do not say. Here lesions
of the references and made-up ones lie at random in a patch; the prediction finds some of them, misses others and has
some of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from newlesions.errors import ConfigError
from newlesions.images.morphology import Mask, bounding_box, label_lesions
from newlesions.learn.networks.batch import Element
from newlesions.learn.networks.centres import thrown
from newlesions.learn.networks.sample import Maker
from newlesions.learn.networks.synthetic.holes import blob, hole, known_shape, stamp
from newlesions.networks.case import Case
from newlesions.networks.prepare import prepare
from newlesions.networks.stages import Stage
from newlesions.simulate.lesions import LesionSizes

Range = tuple[float, float]

_GAP = 2  # voxels between lesions
_NEAR = 0.05  # how far the F1 of the drawn numbers of lesions may be from the one that is wanted


@dataclass(frozen=True)
class EstimateSettings:
    """``sample.options.estimate``: amounts that the paper does not state.

    Attributes
    ----------
    most
        Lesions of a mask, at most.
    empty
        The share of pairs whose reference has no lesion: half of them with an empty prediction (F1 of 1).
    own_shapes
        The share of lesions that have the shape of one of the references; others are blobs.
    shift
        How far a found lesion may lie from the reference's, voxels along each axis.
    blur
        SD of the Gaussian over the prediction, voxels.
    level
        The probability within a lesion of the prediction, before the blur.
    haze
        The probability where the prediction has no lesion.
    noise
        SD of the noise on the prediction, which is cut to 0 and 1.
    """

    most: int = 6
    empty: float = 0.1
    own_shapes: float = 0.5
    shift: int = 2
    blur: Range = (0.4, 1.2)
    level: Range = (0.7, 1.0)
    haze: Range = (0.0, 0.05)
    noise: float = 0.02

    @classmethod
    def of(cls, stage: Stage) -> EstimateSettings:
        """From a stage.

        Raises
        ------
        ConfigError
            If an entry is unknown.
        """
        entries = dict(stage.sample.options.get("estimate", {}))
        known = [entry.name for entry in fields(cls)]
        for name, value in entries.items():
            if name not in known:
                raise ConfigError(f"sample.options.estimate: found {name!r}; known are {', '.join(known)}")
            entries[name] = tuple(value) if isinstance(value, list) else value
        return cls(**entries)


def lesion_f1(reference: Mask, prediction: Mask) -> float:
    """The lesion-wise F1 of two masks, 0 to 1 (proceedings p. 31, equation 4).

    2 s p / (s + p), where s is the share of the reference's lesions that intersect one of the prediction and p the
    share of the prediction's that intersect one of the reference; lesions are connected over corners. 0 where nothing
    intersects. Both empty: 1, since there was nothing to find; the paper does not say.
    """
    if not reference.any() and not prediction.any():
        return 1.0
    shares = [_met(label_lesions(one), other) for one, other in ((reference, prediction), (prediction, reference))]
    return 2 * shares[0] * shares[1] / sum(shares) if sum(shares) else 0.0


def estimate_maker(stage: Stage, cases: Sequence[Case], sides: Sequence[int]) -> Maker:
    """What makes the elements of a stage of the task ``estimate_f1``: inputs (2, *sides), the soft prediction and the
    reference; target (1, *sides), their F1 at every voxel.

    Lesions have the shapes of ``cases``' references, on the stage's grid.

    Raises
    ------
    ConfigError
        If there is no case, or a patch has not three sides.
    """
    if len(sides) != 3 or not cases:
        raise ConfigError(f"stage {stage.name}: found {len(sides)} sides and {len(cases)} cases; expected 3 and some")
    settings = EstimateSettings.of(stage)
    prepared = [prepare(case, stage.prepare) for case in cases]
    shapes = [shape for one in prepared if "new" in one.masks for shape in _shapes(one.masks["new"])]
    edge = float(np.median([one.grid.voxel_volume for one in prepared])) ** (1 / 3)
    shape = tuple(int(side) for side in sides)

    def make(rng: np.random.Generator) -> Element:
        reference, prediction = draw_masks(rng, shape, settings, shapes, edge)
        value = np.full((1, *shape), lesion_f1(reference, prediction), np.float32)
        seen = np.stack([softened(rng, prediction, settings), reference.astype(np.float32)])
        return Element(seen, value, np.ones(shape, np.float32))

    return make


def draw_masks(
    rng: np.random.Generator, sides: Sequence[int], settings: EstimateSettings, shapes: Sequence[Mask], edge: float
) -> tuple[Mask, Mask]:
    """A reference and a prediction whose F1 is about equally likely to be anywhere from 0 to 1, each of ``sides``.

    Parameters
    ----------
    shapes
        Lesions to take shapes from; may be empty.
    edge
        The edge of a voxel, mm.
    """
    there, found, own = _numbers(rng, settings)
    reference, prediction, taken = (np.zeros(tuple(sides), bool) for _ in range(3))
    for number in range(there + own):
        if taken.all():
            break
        shape = _shape(rng, settings, shapes, edge)
        place = thrown(rng, taken.shape, lambda at: ~taken[tuple(at.T)])
        whole = stamp(shape, place, taken.shape)
        whole[tuple(place)] = True  # a shape whose middle is no part of it may lie beyond the patch
        box = bounding_box(whole, _GAP + settings.shift)  # all that follows is near the lesion, and quick there
        lesion = _fitted(whole[box], taken[box])
        if number < there:
            reference[box] |= lesion
        if number < found:
            prediction[box] |= _seen(rng, lesion, taken[box], settings)
        elif number >= there:
            prediction[box] |= lesion
        taken[box] |= hole(lesion, _GAP + settings.shift)
    return reference, prediction


def softened(rng: np.random.Generator, prediction: Mask, settings: EstimateSettings) -> NDArray[np.float32]:
    """A mask as a network might give it: each lesion of its own level, blurred, on some haze, with noise."""
    labels = label_lesions(prediction)
    levels = np.concatenate([[0.0], rng.uniform(*settings.level, int(labels.max()))])
    soft = ndimage.gaussian_filter(levels.astype(np.float32)[labels], rng.uniform(*settings.blur))
    soft = (
        soft
        + np.float32(rng.uniform(*settings.haze)) * (1 - soft)
        + settings.noise * rng.standard_normal(soft.shape, np.float32)
    )
    return np.clip(soft, 0, 1).astype(np.float32)


def _numbers(rng: np.random.Generator, settings: EstimateSettings) -> tuple[int, int, int]:
    """How many lesions the reference has, how many of these the prediction finds, and how many it has beside them."""
    if rng.random() < settings.empty:
        return 0, 0, int(rng.integers(2)) * int(rng.integers(1, settings.most + 1))
    wanted = rng.random()
    numbers, scores = _choices(settings.most)
    near = np.flatnonzero(np.abs(scores - wanted) <= max(_NEAR, float(np.abs(scores - wanted).min())))
    # A number of lesions first, so that the many ways to miss some of many do not crowd out single lesions.
    there = rng.choice(np.unique(numbers[near, 0]))
    there, found, own = numbers[rng.choice(near[numbers[near, 0] == there])]
    return int(there), int(found), int(own)


@cache
def _choices(most: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """All numbers of lesions (there, found, own), (n, 3), with at least one there, and their F1, (n,)."""
    several = np.array([
        (there, found, own)
        for there in range(1, most + 1)
        for found in range(there + 1)
        for own in range(most + 1)
    ])  # fmt: skip
    return several, 2 * several[:, 1] / (several.sum(1))


def _shape(rng: np.random.Generator, settings: EstimateSettings, shapes: Sequence[Mask], edge: float) -> Mask:
    if shapes and rng.random() < settings.own_shapes:
        return known_shape(rng, shapes)
    return blob(rng, LesionSizes().draw(rng) / edge**3)


def _fitted(lesion: Mask, taken: Mask) -> Mask:
    """The largest part of ``lesion`` that keeps clear of ``taken``: one lesion."""
    free = lesion & ~taken
    labels = label_lesions(free)
    return labels == 1 + np.bincount(labels.ravel())[1:].argmax() if labels.max() > 1 else free


def _seen(rng: np.random.Generator, lesion: Mask, taken: Mask, settings: EstimateSettings) -> Mask:
    """A lesion as a prediction finds it: elsewhere by some voxels, smaller or larger; it intersects the lesion."""
    moved = np.roll(lesion, rng.integers(-settings.shift, settings.shift + 1, 3), (0, 1, 2))
    change = rng.integers(-1, 2)
    if change:
        moved = (ndimage.binary_erosion if change < 0 else ndimage.binary_dilation)(moved)
    moved &= ~taken
    return moved if (moved & lesion).any() else lesion


def _shapes(mask: NDArray[np.uint8]) -> list[Mask]:
    labels = label_lesions(mask > 0)
    return [labels[box] == n for n, box in enumerate(ndimage.find_objects(labels), start=1)]


def _met(labels: NDArray[np.int32], other: Mask) -> float:
    """The share of the lesions of ``labels`` that ``other`` intersects; 0 without any."""
    count = int(labels.max())
    return len(np.unique(labels[other & (labels > 0)])) / count if count else 0.0
