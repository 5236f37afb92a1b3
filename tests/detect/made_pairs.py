"""Small pairs in white matter with new lesions at known places."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage

from newlesions.detect.features.pair import PairData
from newlesions.detect.settings import SubtractionSettings
from newlesions.images.volume import Grid
from newlesions.settings import read_config

SHAPE = (48, 44, 40)
# The box's first voxel in MNI mm: most of the left hemisphere's white matter above the ventricles.
AFFINE = np.array([[1.0, 0, 0, -52], [0, 1, 0, -40], [0, 0, 1, 5], [0, 0, 0, 1]])


def made_pair(seed: int = 0, new: int = 4, gone: int = 0, noise: float = 0.03) -> tuple[PairData, np.ndarray]:
    """A pair whose follow-up has ``new`` bright balls, and whose baseline ``gone``; and the mask of the new ones."""
    rng = np.random.default_rng(seed)
    texture = 50 * (1 + 0.03 * ndimage.gaussian_filter(rng.normal(size=SHAPE), 3) * 10)
    images = [texture * (1 + noise * rng.normal(size=SHAPE)) for _ in range(2)]
    balls = _balls(rng, new + gone)
    truth = np.zeros(SHAPE, bool)
    for number, ball in enumerate(balls):
        images[1 if number < new else 0] += 20 * ndimage.gaussian_filter(ball.astype(float), 0.6)
        if number < new:
            truth |= ball
    brain = np.zeros(SHAPE, bool)
    brain[2:-2, 2:-2, 2:-2] = True
    before, after = (image.astype(np.float32) for image in images)
    # The even texture has no lesions but those made, and a seventh of it counts as bright by any quantile.
    settings = replace(SubtractionSettings.of(read_config()["candidates"]), lesion_sd=3.0)
    change = np.zeros(SHAPE, np.uint8)
    return PairData(before, after, brain, change, Grid(SHAPE, AFFINE), np.eye(4), (1.0, 3.0), settings), truth


def _balls(rng, count):
    """Balls that do not touch, of 2 to 3.5 mm radius."""
    taken, balls = np.zeros(SHAPE, bool), []
    axes = np.ogrid[tuple(slice(0, n) for n in SHAPE)]
    while len(balls) < count:
        centre, radius = [rng.integers(9, n - 9) for n in SHAPE], rng.uniform(2, 3.5)
        squares = sum((axis - c) ** 2 for axis, c in zip(axes, centre, strict=True))
        if not taken[squares < (radius + 4) ** 2].any():
            balls.append(squares < radius**2)
            taken |= balls[-1]
    return balls
