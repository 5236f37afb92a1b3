"""The subtraction of two comparable images: how much a voxel rose, and which clusters of rising voxels stay.

A fall is a rise with the images exchanged, so that exchanging the visits exchanges new and gone.
"""

from __future__ import annotations

from dataclasses import dataclass

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from newlesions.detect.settings import SubtractionSettings
from newlesions.images.morphology import Mask

Image = NDArray[np.float32]


@dataclass(frozen=True)
class Rise:
    """What rose from one image to the other, all of shape (I, J, K).

    ``z`` is the rise in SD of the difference, float32; ``allowed`` where a new lesion may lie; ``clusters`` the
    candidates, int32 labels from 1. ``mean`` and ``sd`` are those of the difference, 0 and 1 where standardised images
    are compared; ``threshold`` is in z.
    """

    z: Image
    allowed: Mask
    clusters: NDArray[np.int32]
    mean: float
    sd: float
    threshold: float


def find_rise(
    before: Image, after: Image, brain: Mask, inclusion: Mask, spacing: float, settings: SubtractionSettings
) -> Rise:
    """Clusters that rose from ``before`` to ``after``.

    Parameters
    ----------
    before, after
        Comparable images on one grid of cubic voxels, (I, J, K).
    brain
        Where the brain's intensities are measured.
    inclusion
        Where the anatomical priors allow a change: inside the eroded brain, outside the eroded ventricles.
    spacing
        Voxel size in mm.
    """
    allowed = inclusion & ~hyperintense(before, brain, settings.hyperintense_sd)
    if settings.brighter_than > 0:
        # A slight smoothing: noise alone must not decide on the brightness of a voxel.
        smooth = ndimage.gaussian_filter(after, 0.75 / spacing)
        allowed &= smooth > settings.brighter_than * float(np.median(after[brain]))
    least = settings.min_rise * float(np.median(before[brain]) + np.median(after[brain])) / 2
    if settings.standardise:
        before, after = (standardised(image, brain) for image in (before, after))
        least = 0.0  # standardised images know no share of the median
    difference = after - before
    if settings.smoothing_mm > 0:
        difference = ndimage.gaussian_filter(difference, settings.smoothing_mm / spacing)
    mean, sd = 0.0, 1.0
    if not settings.standardise:
        mean, sd = _statistics(difference[allowed if settings.statistics == "inclusion" else brain], settings.robust)
    rise = difference
    if settings.shift_mm > 0:
        rise = np.minimum(difference, _rise_over_neighbours(before, after, spacing, settings))
    z = ((rise - mean) / sd).astype(np.float32)
    threshold = max(settings.k, (least - mean) / sd)
    clusters = _clusters((z > threshold) & allowed, z, settings)
    return Rise(z, allowed, clusters, mean, sd, threshold)


def standardised(image: Image, brain: Mask) -> Image:
    """``image`` with zero mean and unit standard deviation over ``brain``, float32."""
    inside = image[brain]
    return np.asarray((image - inside.mean(dtype=np.float64)) / inside.std(dtype=np.float64), np.float32)


def hyperintense(image: Image, brain: Mask, sd: float | None) -> Mask:
    """Voxels above the brain's mean + ``sd`` standard deviations (proceedings p. 2); none when ``sd`` is None."""
    if sd is None:
        return np.zeros(image.shape, dtype=bool)
    inside = image[brain]
    return np.asarray(image > inside.mean() + sd * inside.std())


def probability(rise: Rise, settings: SubtractionSettings) -> Image:
    """A soft probability that a voxel rose: logistic in z, 0.5 at the threshold, 0 where no change is allowed."""
    exponent = np.clip((rise.threshold - rise.z) / settings.softness, -50, 50)
    return np.where(rise.allowed, 1 / (1 + np.exp(exponent)), 0).astype(np.float32)


def _statistics(values: Image, robust: bool) -> tuple[float, float]:
    if robust:
        centre = float(np.median(values))
        return centre, float(1.4826 * np.median(np.abs(values - centre)))
    return float(values.mean(dtype=np.float64)), float(values.std(dtype=np.float64))


def _rise_over_neighbours(before: Image, after: Image, spacing: float, settings: SubtractionSettings) -> Image:
    """How far ``after`` exceeds the brightest voxel of ``before`` within ``shift_mm``, smoothed alike."""
    distance = max(settings.shift_mm, spacing)  # on coarse grids at least the nearest neighbours
    reach = int(np.floor(distance / spacing + 1e-6))
    offsets = np.mgrid[-reach : reach + 1, -reach : reach + 1, -reach : reach + 1] * spacing
    ball = (offsets**2).sum(axis=0) <= distance**2 + 1e-6
    highest = ndimage.grey_dilation(before, footprint=ball)
    difference = after - highest
    if settings.smoothing_mm > 0:
        difference = ndimage.gaussian_filter(difference, settings.smoothing_mm / spacing)
    return difference


def _clusters(mask: Mask, z: Image, settings: SubtractionSettings) -> NDArray[np.int32]:
    """Components of ``mask`` with more than ``min_voxels`` voxels that survive the erosions."""
    labels = cc3d.connected_components(mask, connectivity=settings.connectivity).astype(np.int32)
    count = int(labels.max())
    core = ndimage.binary_erosion(mask, iterations=settings.erosions) if settings.erosions else mask
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    keep = (sizes > settings.min_voxels) & (np.bincount(labels[core], minlength=count + 1) > 0)
    if settings.min_mean_z > 0 and count:
        means = ndimage.mean(z, labels, np.arange(count + 1))
        keep &= np.nan_to_num(means) >= settings.min_mean_z
    keep[0] = False
    renumbered = np.where(keep, np.cumsum(keep), 0).astype(np.int32)
    return renumbered[labels if settings.restore else np.where(core, labels, 0)]
