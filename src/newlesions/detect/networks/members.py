"""One stage on one image: its networks, and for 2D networks the views, joined to one probability."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit, logit

from newlesions.detect.networks.passes import Passes
from newlesions.detect.networks.views import MirroredStacks, Slices, flips_of, stacked, window_of
from newlesions.detect.networks.window import mirrors, predict
from newlesions.images.morphology import Mask
from newlesions.networks.build import gives_probabilities, margin, patch_multiple
from newlesions.networks.stages import BRAIN, Limits, Stage

Image = NDArray[np.float32]

_NEAREST = 1e-6
"""How near to 0 and 1 a probability may come whose logit is averaged."""


def apply_stage(
    stage: Stage, networks: Sequence[torch.nn.Module], channels: Image, mask: Mask, limits: Limits
) -> Image:
    """What the stage makes of an image.

    Windows and mirrored versions are averaged as logits (probabilities, where the network gives such) within each
    network; networks are joined as
    ``stage.predict.combine`` says; the views of 2D networks, each joined over the networks, as ``stage.predict.views``
    says.

    Parameters
    ----------
    stage
        ``predict.options.output``: which of the network's outputs tells (0).
    networks
        Its trained networks, at least one.
    channels
        Its inputs, (C, I, J, K).
    mask
        Where to look, (I, J, K).
    limits
        ``patch``: share of the window's sides.

    Returns
    -------
    ndarray
        Probability, float32, (I, J, K); 0 outside the mask.
    """
    if not mask.any():
        return np.zeros(mask.shape, np.float32)
    views = stage.sample.views
    if views:
        maps = (join(_logits(stage, networks, channels, mask, limits, axis), stage.predict.combine) for axis in views)
        joined = next(maps) if len(views) == 1 else join((logits_of(one) for one in maps), stage.predict.views)
    else:
        joined = join(_logits(stage, networks, channels, mask, limits, None), stage.predict.combine)
    return np.where(mask, joined, 0).astype(np.float32)


def join(logits: Iterable[Image], how: str) -> Image:
    """One probability from several maps of logits.

    Parameters
    ----------
    logits
        One or more, taken one after the other.
    how
        ``mean`` of probabilities, ``logits``: mean of logits, or ``vote``. A vote is that of more than half of the
        masks at any threshold: the largest probability that more than half of them reach. At each threshold the result
        is at it exactly where most masks are.

    Returns
    -------
    ndarray
        float32, (I, J, K). A mean holds one map beside the sum; a vote holds all.
    """
    if how == "vote":
        maps = np.stack([expit(one) for one in logits])
        least = (len(maps) - 1) // 2
        return np.asarray(np.partition(maps, least, axis=0)[least], np.float32)
    total, count = None, 0
    for one in logits:
        value = one if how == "logits" else expit(one)
        total, count = value if total is None else total + value, count + 1
    if total is None:
        raise ValueError("there is no map to join; expected at least one")
    mean = total / np.float32(count)
    return np.asarray(expit(mean) if how == "logits" else mean, np.float32)


def logits_of(probability: Image) -> Image:
    """The logit, no farther from 0 than that of a probability `_NEAREST` to 0 or 1."""
    return np.asarray(logit(np.clip(probability, _NEAREST, 1 - _NEAREST)), np.float32)


def looked_at(stage: Stage, brain: Mask) -> Mask:
    """Where a stage is applied: in the brain, or, where that is what it looks for, everywhere."""
    return np.ones_like(brain) if stage.task == BRAIN else brain


def window_sides(stage: Stage, limits: Limits) -> tuple[int, ...]:
    """The sides of a window: those asked for, or of the training patch, by ``limits.patch``, that the network takes."""
    multiple = patch_multiple(stage.network)
    sides = stage.predict.window or stage.sample.patch
    return tuple(max(round(side * limits.patch / multiple), 1) * multiple for side in sides)


def _logits(
    stage: Stage,
    networks: Sequence[torch.nn.Module],
    channels: Image,
    mask: Mask,
    limits: Limits,
    axis: int | None,
) -> Iterator[Image]:
    sides = window_sides(stage, limits)
    flips = list(stage.predict.flips)
    probabilities = gives_probabilities(stage.network)
    neighbours = stage.sample.neighbours
    if axis is not None and neighbours:
        channels = stacked(channels, axis, neighbours)
    across = [axes for axes in mirrors(flips) if axis in axes] if neighbours else []
    for network in networks:
        if axis is not None and across:
            network, flips = MirroredStacks(network, axis, mirrors(stage.predict.flips), 1 + 2 * neighbours), []
        if stage.predict.passes > 1:
            network = Passes(network, stage.predict.passes, probabilities)
        output = predict(
            network if axis is None else Slices(network, axis),
            channels,
            mask,
            sides if axis is None else window_of(axis, sides),
            overlap=stage.predict.overlap,
            weighting=stage.predict.weighting,
            flips=flips if axis is None else flips_of(axis, flips),
            device=limits.device,
            threads=limits.threads,
            multiple=patch_multiple(stage.network),
            margin=margin(stage.network),
        )
        told = output[int(stage.predict.options.get("output", 0))]
        yield logits_of(told) if probabilities else told
