"""Brightness that differs from place to place: local contrast, and gradients over the patch (zhang2021, p. 63)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from skimage.exposure import equalize_adapthist

from newlesions.learn.networks.augment.frame import Frame, Image, between, one_axis, uniform
from newlesions.learn.networks.augment.intensity import Change, Draw

_TILE = 8


def clahe(rng: np.random.Generator, options: Mapping[str, Any], frame: Frame) -> Change:
    """Contrast-limited adaptive equalisation of the patch's range with a clip limit of ``clip`` (0 to 1).

    Tiles are an eighth of the patch's sides, but at least `_TILE` voxels; nothing stays 0.
    """
    clip = between(rng, options["clip"])
    tile = [max(side // 8, _TILE) for side in frame.sides]

    def change(image: Image, _: np.random.Generator) -> Image:
        low, high = float(image.min()), float(image.max())
        if high <= low:
            return image
        equal = equalize_adapthist((image - low) / (high - low), kernel_size=tile, clip_limit=clip)
        return np.where(image == 0, 0, equal * (high - low) + low)

    return change


def radial_brightness(rng: np.random.Generator, options: Mapping[str, Any], frame: Frame) -> Change:
    """Times a factor that goes from 1 at a random point to 1 plus a number of ``range`` at the farthest voxel."""
    most = uniform(rng, options["range"])
    centre = [rng.uniform(0, side - 1) for side in frame.sides]
    axes = np.ogrid[tuple(slice(0, side) for side in frame.sides)]
    distance = np.sqrt(sum((axis - at) ** 2 for axis, at in zip(axes, centre, strict=True)))
    field = (1 + most * distance / max(float(distance.max()), 1.0)).astype(np.float32)
    return lambda image, _: image * field


def gradient_brightness(rng: np.random.Generator, options: Mapping[str, Any], frame: Frame) -> Change:
    """Times a factor that goes along one of ``axes`` from 1 minus to 1 plus a number of ``range``."""
    most, axis = uniform(rng, options["range"]), one_axis(rng, frame, options["axes"])
    if axis is None:
        return lambda image, _: image
    shape = [1] * len(frame.sides)
    shape[axis] = frame.sides[axis]
    ramp = np.linspace(1 - most, 1 + most, frame.sides[axis], dtype=np.float32).reshape(shape)
    return lambda image, _: image * ramp


TRANSFORMS: dict[str, tuple[Draw, dict[str, Any]]] = {
    "clahe": (clahe, {"clip": (0.01, 0.05)}),
    "radial_brightness": (radial_brightness, {"range": 0.3}),
    "gradient_brightness": (gradient_brightness, {"range": 0.3, "axes": (0, 1, 2)}),
}
"""By name: how the change is drawn, and its options with what they are when not given."""
