"""What goes wrong in a scanner, made in k-space by TorchIO from parameters drawn here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import torchio

from newlesions.learn.networks.augment.frame import Frame, Image, between, one_axis, uniform, whole
from newlesions.learn.networks.augment.intensity import Change, Draw


def motion(rng: np.random.Generator, options: Mapping[str, Any], frame: Frame) -> Change:
    """The head moves ``times`` times during the scan: turns within +- ``degrees``, shifts within +- ``translation`` mm
    (slices: within their plane)."""
    count = int(options["times"])
    # TorchIO turns about all axes of a volume; a slice must not leave its plane.
    flat = len(frame.sides) == 2
    turned = [[0 if flat and n < 2 else uniform(rng, options["degrees"]) for n in range(3)] for _ in range(count)]
    moved = [[0 if flat and n == 2 else uniform(rng, options["translation"]) for n in range(3)] for _ in range(count)]
    at = np.sort(rng.uniform(0, 1, count))
    spacing = (*frame.spacing, 1.0) if flat else frame.spacing
    transform = torchio.transforms.Motion(
        degrees=np.array(turned), translation=np.array(moved), times=at, image_interpolation="linear", copy=False
    )
    return lambda image, _: _applied(transform, image, spacing)


def spikes(rng: np.random.Generator, options: Mapping[str, Any], frame: Frame) -> Change:
    """``number`` points of k-space that outshine it by ``intensity``: stripes."""
    number, flat = whole(rng, options["number"]), len(frame.sides) == 2
    at = rng.uniform(0, 1, (number, 3))
    if flat:
        at[:, 2] = 0.5
    strength = uniform(rng, options["intensity"])
    transform = torchio.transforms.Spike(spikes_positions=at, intensity=strength, copy=False)
    return lambda image, _: _applied(transform, image, (1.0, 1.0, 1.0))


def ghosting(rng: np.random.Generator, options: Mapping[str, Any], frame: Frame) -> Change:
    """``number`` faint copies along one of ``axes``, of strength ``intensity``; the centre of k-space is kept."""
    axis, number = one_axis(rng, frame, options["axes"]), whole(rng, options["number"])
    strength = between(rng, options["intensity"])
    if axis is None or number == 0:
        return lambda image, _: image
    transform = torchio.transforms.Ghosting(
        num_ghosts=number, axis=axis, intensity=strength, restore=float(options["restore"]), copy=False
    )
    return lambda image, _: _applied(transform, image, (1.0, 1.0, 1.0))


def _applied(transform: torchio.Transform, image: Image, spacing: tuple[float, ...]) -> Image:
    volume = image[None] if image.ndim == 3 else image[None, ..., None]
    held = torchio.ScalarImage(tensor=torch.from_numpy(np.array(volume, np.float32)), affine=np.diag([*spacing, 1.0]))
    # Not by calling the transform, which draws from torch's own generator even where its chance is 1.
    changed = transform.apply_transform(torchio.Subject(image=held))["image"]
    return np.asarray(changed.numpy()[0].reshape(image.shape), np.float32)


_ALL = (0, 1, 2)
TRANSFORMS: dict[str, tuple[Draw, dict[str, Any]]] = {
    "motion": (motion, {"degrees": 5, "translation": 4, "times": 2}),
    "spikes": (spikes, {"number": 1, "intensity": (0.1, 0.5)}),
    "ghosting": (ghosting, {"number": (4, 10), "intensity": (0.2, 0.8), "axes": _ALL, "restore": 0.02}),
}
