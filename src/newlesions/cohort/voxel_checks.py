"""Checks of a scan's intensities: numbers, contrast, clipping, and integers that have wrapped around."""

from __future__ import annotations

from pathlib import Path

import cc3d
import numpy as np
from numpy.typing import NDArray

from newlesions.cohort.wraparound import wrapped_voxels
from newlesions.errors import InputError
from newlesions.images.volume import Array

FEWEST_VALUES = 16
_MOSTLY = 0.999
_CLIPPED = 0.01
_FEW_WRAPPED = 50


def check_voxels(path: Path, stored: Array, values: NDArray[np.float32]) -> tuple[NDArray[np.float32], list[str]]:
    """Check intensities.

    Parameters
    ----------
    path
        Named in errors.
    stored
        Voxels as the file holds them, shape (I, J, K).
    values
        The same after slope and intercept.

    Returns
    -------
    tuple
        ``values``, all finite, and warnings.

    Raises
    ------
    InputError
        At the first fault.
    """
    warnings = []
    finite = np.isfinite(values)
    if not finite.all():
        share = 1 - np.count_nonzero(finite) / finite.size
        _check_gaps(path, ~finite, share)
        values = np.where(finite, values, np.float32(0))
        warnings.append(f"{share:.2%} of the voxels, all around the head, are NaN or infinite; they are set to 0")
    _check_contrast(path, values)
    wrapped = wrapped_voxels(stored) if stored.dtype.kind in "iu" else 0
    if wrapped > _FEW_WRAPPED:
        raise InputError(
            path,
            f"{wrapped} voxels where {stored.dtype.name} numbers have overflowed",
            "intensities that fit their type",
        )
    highest = float(values.max())
    above = np.count_nonzero(values != values.min())
    clipped = np.count_nonzero(values == highest) / above
    if clipped > _CLIPPED:
        warnings.append(
            f"{clipped:.1%} of the voxels above the background share the highest value ({highest:g}): clipped"
        )
    return values, warnings


def _check_gaps(path: Path, gaps: NDArray[np.bool_], share: float) -> None:
    """Undefined voxels are common as background, which touches the image's border; inside the head they are damage."""
    expected = "finite numbers (undefined ones only as background around the head)"
    if share > _MOSTLY:
        raise InputError(path, f"{share:.1%} of the voxels NaN or infinite", expected)
    labels = cc3d.connected_components(gaps, connectivity=26)
    inside = np.setdiff1d(np.unique(labels), np.append(border_labels(labels), 0))
    if inside.size:
        count = np.count_nonzero(np.isin(labels, inside))
        raise InputError(path, f"{count} voxels that are NaN or infinite inside the image", expected)


def _check_contrast(path: Path, values: NDArray[np.float32]) -> None:
    lowest, highest = values.min(), values.max()
    if lowest == highest:
        raise InputError(path, f"the value {lowest:g} in every voxel", "an image with contrast")
    # A value that fills more than half of an image is its median.
    common = np.partition(values, values.size // 2, axis=None)[values.size // 2]
    share = np.count_nonzero(values == common) / values.size
    if share > _MOSTLY:
        raise InputError(
            path, f"the value {common:g} in {share:.2%} of the voxels", "a head that fills part of the image"
        )
    different = _distinct(values[values != common])
    if different < FEWEST_VALUES:
        raise InputError(path, f"only {different + 1} different values (a mask?)", "the intensities of a FLAIR scan")


def _distinct(values: NDArray[np.float32]) -> int:
    """How many values differ; at least `FEWEST_VALUES` when a sample already shows so many."""
    sample = np.unique(values[:: max(values.size // 100_000, 1)]).size
    return sample if sample >= FEWEST_VALUES else np.unique(values).size


def border_labels(labels: Array) -> Array:
    """The labels that touch the border of a labelled volume, shape (I, J, K)."""
    faces = [labels.take(index, axis).ravel() for axis in range(3) for index in (0, -1)]
    return np.unique(np.concatenate(faces))
