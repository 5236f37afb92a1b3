"""Two time points from one: lesions taken from either copy by one network, and put in by another.

Kamraoui et al., MSSEG-2 proceedings pp. 33-36, and Front. Neuroimaging 1:948235 (2022), section 2.3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from newlesions.images.morphology import Mask, label_lesions
from newlesions.learn.networks.batch import Element
from newlesions.learn.networks.synthetic.holes import draw_place, hole, stamp, with_noise
from newlesions.learn.networks.synthetic.pretraining import Alter
from newlesions.learn.networks.synthetic.settings import SyntheticSettings
from newlesions.learn.networks.synthetic.sources import Patch, Source, draw_patch
from newlesions.networks.case import Image

Painter = Callable[[Image], Image]
"""A trained network: patches (N, C, *sides) to images (N, *sides), float32."""

Visits = tuple[Mask, Mask]


def element(
    rng: np.random.Generator,
    source: Source,
    sides: Sequence[int],
    settings: SyntheticSettings,
    inpainter: Painter,
    generator: Painter | None,
    alter: Alter | None = None,
) -> Element:
    """A pair made from one visit: (baseline, follow-up) of shape (2, *sides), and what the follow-up alone shows.

    A random patch, turned; two copies, each altered on its own; each lesion kept or removed at either; lesions added at
    likely places to either or both (not where ``generator`` is None). Outside of lesions and their margins the copies
    differ by ``alter`` alone.
    """
    patch = draw_patch(rng, source, sides, settings.positive)
    visits = [patch.image.copy() if alter is None else alter(rng, patch.image) for _ in range(2)]
    images = np.stack(visits).astype(np.float32)
    removed = draw_removed(rng, patch.lesions, settings)
    images = _inpainted(rng, images, removed, patch, settings, inpainter)
    shown = [patch.lesions & ~gone for gone in removed]
    if generator is not None:
        added = draw_added(rng, patch, source, settings)
        images = _generated(rng, images, added, shown, patch, settings, generator)
        shown = [there | more for there, more in zip(shown, added, strict=True)]
    target = (shown[1] & ~shown[0]).astype(np.float32)
    return Element(images, target[None], patch.inside.astype(np.float32))


def draw_removed(rng: np.random.Generator, lesions: Mask, settings: SyntheticSettings) -> Visits:
    """Which lesion voxels baseline and follow-up lose: whole components, each drawn on its own."""
    labels = label_lesions(lesions)
    states = np.concatenate([[0], rng.choice(4, int(labels.max()), p=settings.states)])[labels]
    return (states == 1) | (states == 3), (states == 2) | (states == 3)


def draw_added(rng: np.random.Generator, patch: Patch, source: Source, settings: SyntheticSettings) -> Visits:
    """Which voxels baseline and follow-up gain: lesions that touch neither each other nor those of the visit."""
    added = np.zeros(patch.brain.shape, bool), np.zeros(patch.brain.shape, bool)
    taken = hole(patch.lesions, 2)
    for _ in range(rng.poisson(settings.added)):
        place = draw_place(rng, np.where(taken, 0, patch.places))
        if place is None:
            break
        lesion = stamp(settings.shape(rng, source), place, taken.shape) & patch.brain & ~taken
        history = rng.choice(3, p=settings.histories)
        for visit, absent in ((0, 0), (1, 1)):
            if history != absent:
                added[visit][lesion] = True
        taken |= hole(lesion, 2)
    return added


def _inpainted(
    rng: np.random.Generator,
    images: Image,
    removed: Visits,
    patch: Patch,
    settings: SyntheticSettings,
    inpainter: Painter,
) -> Image:
    """The images with what the network sees in the place of ``removed``."""
    holes = [hole(gone, settings.margin, keep=patch.lesions & ~gone) for gone in removed]
    return _painted(rng, images, holes, [()] * 2, patch, inpainter)


def _generated(
    rng: np.random.Generator,
    images: Image,
    added: Visits,
    shown: Sequence[Mask],
    patch: Patch,
    settings: SyntheticSettings,
    generator: Painter,
) -> Image:
    """The images with the lesions of ``added``."""
    holes = [hole(more, settings.margin, keep=there) for more, there in zip(added, shown, strict=True)]
    return _painted(rng, images, holes, [(more.astype(np.float32),) for more in added], patch, generator)


def _painted(
    rng: np.random.Generator,
    images: Image,
    holes: Sequence[Mask],
    further: Sequence[tuple[Image, ...]],
    patch: Patch,
    painter: Painter,
) -> Image:
    """Each image with its holes filled by one pass of ``painter`` over the images that have any."""
    chosen = [n for n, there in enumerate(holes) if there.any()]
    if not chosen:
        return images
    inputs = [np.stack([with_noise(rng, images[n], holes[n], patch.brain), *further[n]]) for n in chosen]
    result = images.copy()
    for n, painted in zip(chosen, painter(np.stack(inputs).astype(np.float32)), strict=True):
        result[n][holes[n]] = painted[holes[n]]
    return result
