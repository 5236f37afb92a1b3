"""What an augmentation knows of the patch that it changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Image = NDArray[np.float32]


@dataclass(frozen=True)
class Frame:
    """A patch's sides in voxels, the axes of the volume along which they lie (two for slices), voxel edges in mm."""

    sides: tuple[int, ...]
    axes: tuple[int, ...] = (0, 1, 2)
    spacing: tuple[float, ...] = (1.0, 1.0, 1.0)

    def within(self, axes: Any) -> list[int]:
        """Which of the patch's own axes lie along ``axes`` of the volume (a number or several)."""
        wanted = [axes] if isinstance(axes, int) else list(axes)
        return [self.axes.index(axis) for axis in wanted if axis in self.axes]


def uniform(rng: np.random.Generator, interval: Any) -> float:
    """A number from ``interval``: two ends, or one number that stands for -number to number."""
    low, high = (-interval, interval) if isinstance(interval, int | float) else interval
    return float(rng.uniform(low, high))


def between(rng: np.random.Generator, interval: Any) -> float:
    """As `uniform`, but one number stands for itself."""
    return float(interval) if isinstance(interval, int | float) else uniform(rng, interval)


def whole(rng: np.random.Generator, interval: Any) -> int:
    """A whole number from ``interval``, both ends included; one number stands for itself."""
    if isinstance(interval, int):
        return interval
    low, high = interval
    return int(rng.integers(low, high, endpoint=True))


def one_axis(rng: np.random.Generator, frame: Frame, axes: Sequence[int]) -> int | None:
    """One of the patch's axes that lie along ``axes`` of the volume; None where none does."""
    within = frame.within(axes)
    return within[int(rng.integers(len(within)))] if within else None


@lru_cache(maxsize=256)
def resizing(few: int, many: int, order: int = 3) -> Image:
    """The matrix, (many, few), that interpolates ``few`` values by splines at ``many`` points of the same extent.

    Splines are linear in their values, so a matrix does what scipy's `zoom` does, in a fraction of the time.
    """
    matrix = ndimage.zoom(np.eye(few), (many / few, 1), order=order, mode="nearest", grid_mode=True)
    return np.asarray(matrix, np.float32)


def along(images: Image, axis: int, matrix: Image) -> Image:
    """``matrix``, (after, before), applied to ``images`` along ``axis``."""
    return np.ascontiguousarray(np.moveaxis(np.tensordot(matrix, images, (1, axis)), 0, axis))
