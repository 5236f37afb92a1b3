"""Numbers that tell how good one scan is: its noise, how far its bias field varies, whether it cuts off the brain."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from newlesions.images.morphology import Mask
from newlesions.images.resample import resample
from newlesions.images.volume import Volume

# Blind to everything that is linear along rows or columns: what is left of a smooth image is six times its noise.
_BLIND_TO_PLANES = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], dtype=np.float32)
_SD_OF_MAD = 1.4826


def signal_to_noise(image: Volume, brain: Mask) -> float:
    """The median of the brain over the standard deviation of the noise inside it.

    The noise is that of Immerkaer (1996, Computer Vision and Image Understanding 64:300), from differences within the
    planes of the slices; their median in place of their mean leaves out edges. A scanner that interpolates its images
    makes them look less noisy than they are.

    Parameters
    ----------
    image
        A bias-corrected scan, shape (I, J, K).
    brain
        Its brain, the same shape.

    Returns
    -------
    float
        Infinite for an image without noise.
    """
    through = int(np.argmax(image.spacing))
    planes, inside = np.moveaxis(image.data, through, 0), np.moveaxis(brain, through, 0)
    left = ndimage.convolve(planes.astype(np.float32), _BLIND_TO_PLANES[None], mode="nearest")
    noise = _SD_OF_MAD * float(np.median(np.abs(left[inside]))) / 6
    return float(np.median(planes[inside])) / noise if noise > 0 else float("inf")


def intensity_range(field: Volume, brain: Volume) -> float:
    """How far a bias field varies in the brain: its 95th minus its 5th percentile, over its median (MRIQC: inu_range).

    ``field`` may lie on a coarser grid than ``brain``.
    """
    inside = resample(brain.with_data(brain.data.astype(np.float32)), field.grid, order=1).data >= 0.5
    if not inside.any():
        return 0.0
    low, middle, high = np.percentile(field.data[inside], (5, 50, 95))
    return float((high - low) / middle)


def cut_area(brain: Volume) -> float:
    """How much of the brain lies against the border of the field of view, in cm2: the largest of the six faces."""
    spacing: NDArray[np.float64] = brain.spacing
    areas = []
    for axis in range(3):
        area = float(np.prod(np.delete(spacing, axis))) / 100
        areas += [area * int(np.count_nonzero(brain.data.take(index, axis))) for index in (0, -1)]
    return max(areas)
