"""What the inpainting and the generating network learn from (Kamraoui et al. 2022, sections 2.3.1 and 2.3.2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from newlesions.images.morphology import Mask
from newlesions.learn.networks.batch import Element
from newlesions.learn.networks.synthetic.holes import draw_place, hole, stamp, with_noise
from newlesions.learn.networks.synthetic.settings import SyntheticSettings
from newlesions.learn.networks.synthetic.sources import Patch, Source, draw_free_patch, draw_patch
from newlesions.networks.case import Image

Alter = Callable[[np.random.Generator, Image], Image]
"""Lowers the quality of one patch (I, J, K)."""

_ANYWHERE = 0.1  # share of the greatest density that any voxel of the brain has as the centre of a hole


def inpaint_element(
    rng: np.random.Generator,
    source: Source,
    sides: Sequence[int],
    settings: SyntheticSettings,
    alter: Alter | None = None,
) -> Element:
    """A patch without lesions whose random regions are noise (1, *sides); the patch itself as the target.

    A visit of many lesions has hardly a patch without any: where none is found, lesions do not count in the loss and no
    hole lies on them.
    """
    patch = draw_free_patch(rng, source, sides)
    lesions = hole(patch.lesions, settings.margin)
    holes = np.zeros(patch.brain.shape, bool)
    anywhere = _ANYWHERE * (float(patch.places.max()) or 1.0)
    weight = np.where(patch.brain & ~lesions, patch.places + anywhere, 0)
    for _ in range(1 + rng.poisson(settings.holes)):
        place = draw_place(rng, weight)
        if place is not None:
            holes |= stamp(settings.shape(rng, source), place, patch.brain.shape)
    holes = hole(holes, settings.margin) & ~lesions
    seen = patch.image if alter is None else alter(rng, patch.image)
    noisy = with_noise(rng, seen, holes, patch.brain)
    return Element(noisy[None], patch.image[None], _valid(patch, patch.inside & ~lesions))


def generate_element(
    rng: np.random.Generator,
    source: Source,
    sides: Sequence[int],
    settings: SyntheticSettings,
    alter: Alter | None = None,
) -> Element:
    """A patch whose lesions are noise, and their mask (2, *sides); the patch with its lesions as the target."""
    patch = draw_patch(rng, source, sides, positive=1.0)
    seen = patch.image if alter is None else alter(rng, patch.image)
    noisy = with_noise(rng, seen, hole(patch.lesions, settings.margin), patch.brain)
    inputs = np.stack([noisy, patch.lesions.astype(np.float32)])
    return Element(inputs, patch.image[None], _valid(patch, patch.inside))


def _valid(patch: Patch, counted: Mask) -> Image:
    return np.asarray(patch.inside & counted, np.float32)
