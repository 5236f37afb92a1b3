"""A mask or label image as it is scored: distinct values counted from 0, and its place in space."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from newlesions.errors import InputError
from newlesions.images.file_checks import check_file, open_image, read_stored
from newlesions.images.volume import Affine, Array, Grid

_TOLERANCE_MM = 0.01
"""Voxel corners of two masks may lie this far apart: quaternions in headers are rounded, misplaced masks are not."""

# A float mask scaled by its header may hold 0.99999994 for 1.
_ROUNDING = 1e-4


@dataclass(frozen=True)
class LabelImage:
    """A label image whose sorted distinct values became 0, 1, 2, ...; 0 is background.

    Attributes
    ----------
    labels
        Unsigned integers, shape (I, J, K).
    distinct
        How many distinct values there are. An image of one constant value, even all ones, has one: it is empty
        (animaSegPerfCAnalyzer.cxx, formatLabels).
    affine
        4x4, from voxel indices to RAS mm.
    spacing
        Voxel size in mm, shape (3,), as the header's pixdim says: float32 values as float64, since the tool's voxel
        volume is their product.
    """

    labels: NDArray[np.unsignedinteger[Any]]
    distinct: int
    affine: Affine
    spacing: NDArray[np.float64]

    @property
    def grid(self) -> Grid:
        """Where the voxels lie."""
        i, j, k = self.labels.shape
        return Grid((i, j, k), self.affine)

    @property
    def empty(self) -> bool:
        """Whether the image counts as one without any label."""
        return self.distinct <= 1

    @property
    def voxel_volume(self) -> float:
        """Volume of a voxel in mm3: x times y, times z, in this order, as the tool multiplies."""
        return float(self.spacing[0] * self.spacing[1] * self.spacing[2])

    def binary(self) -> LabelImage:
        """The same image with every label 1."""
        return replace(self, labels=(self.labels > 0).view(np.uint8), distinct=min(self.distinct, 2))


def label_image(values: Array, affine: Affine | None = None, spacing: Any = None) -> LabelImage:
    """A label image from an array.

    Parameters
    ----------
    values
        Booleans or integers, shape (I, J, K).
    affine
        4x4, RAS mm; the identity when absent.
    spacing
        mm, shape (3,); that of ``affine`` when absent.
    """
    affine = np.eye(4) if affine is None else np.asarray(affine, dtype=np.float64)
    i, j, k = values.shape
    size = Grid((i, j, k), affine).spacing if spacing is None else np.asarray(spacing, dtype=np.float64)
    labels, distinct = _counted_from_zero(values)
    return LabelImage(labels, distinct, affine, size)


def read_mask(path: Path | str, threshold: float | None = None, *, threshold_labels: bool = True) -> LabelImage:
    """Read a mask, a label image, or a map of probabilities.

    Parameters
    ----------
    path
        A three-dimensional NIfTI or MGH image; trailing axes of length one are dropped.
    threshold
        Voxels of at least this value are lesion.
    threshold_labels
        Whether ``threshold`` applies to an image of whole numbers too, or only to one with fractions.

    Raises
    ------
    InputError
        If there is no such file, it is damaged or not three-dimensional, holds NaN or infinity, holds negative labels,
        or holds fractions and there is no ``threshold``: the tool would truncate a map of probabilities to nothing.
    """
    path = Path(path)
    values, affine, zooms = _read(path)
    if not np.issubdtype(values.dtype, np.integer) and values.dtype != bool:
        values = _whole_numbers(path, values, threshold)
    if threshold is not None and threshold_labels and values.dtype != bool:
        values = values >= threshold
    if np.issubdtype(values.dtype, np.signedinteger) and values.size and values.min() < 0:
        raise InputError(path, f"the negative label {values.min()}", "a mask of 0 and 1, or labels from 0 up")
    return label_image(values, affine, zooms)


def read_map(path: Path | str) -> tuple[NDArray[np.float32], Grid]:
    """Read a map of probabilities: its values, float32, shape (I, J, K), and where they lie.

    Raises
    ------
    InputError
        If there is no such file, it is damaged or not three-dimensional, or holds NaN or infinity.
    """
    path = Path(path)
    values, affine, _ = _read(path)
    values = values.astype(np.float32, copy=False)
    _check_finite(path, values)
    i, j, k = values.shape
    return values, Grid((i, j, k), affine)


def check_same_grid(path: Path | str, found: Grid, expected: Grid, name: str = "the reference") -> None:
    """Refuse an image on another grid: shape and the whole affine are compared, to 0.01 mm at every corner.

    The tool compares sizes, directions, and origins cut to whole millimetres, but no voxel sizes.

    Raises
    ------
    InputError
        If the grids differ, saying in what.
    """
    if found.shape != expected.shape:
        raise InputError(path, f"{_size(found)} voxels", f"the grid of {name}, {_size(expected)} voxels")
    if not found.matches(expected, _TOLERANCE_MM):
        apart = float(np.linalg.norm(found.corners() - expected.corners(), axis=1).max())
        raise InputError(path, f"a grid whose corners lie up to {apart:.3g} mm off", f"the grid of {name}")


def _size(grid: Grid) -> str:
    return "x".join(str(n) for n in grid.shape)


def _read(path: Path) -> tuple[Array, Affine, NDArray[np.float64]]:
    """Voxels in three dimensions, affine, and the voxel size that the header states."""
    check_file(path)
    image = open_image(path)
    values = read_stored(path, image)
    if values.dtype.kind not in "biuf":
        raise InputError(path, f"voxels of the type {values.dtype}", "one number per voxel")
    while values.ndim > 3 and values.shape[-1] == 1:
        values = values[..., 0]
    if values.ndim != 3 or not values.size:
        raise InputError(path, f"an image of shape {'x'.join(map(str, values.shape))}", "a three-dimensional mask")
    zooms = np.asarray(image.header.get_zooms()[:3], dtype=np.float64)
    return values, np.asarray(image.affine, dtype=np.float64), zooms


def _whole_numbers(path: Path, values: Array, threshold: float | None) -> Array:
    """A float image as labels, or as a mask of what reaches ``threshold``."""
    _check_finite(path, values)
    fractions = bool((np.abs(values - np.rint(values)) > _ROUNDING).any())
    if threshold is not None and fractions:
        return np.asarray(values >= threshold)
    if fractions:
        low, high = float(values.min()), float(values.max())
        raise InputError(path, f"a map of fractions ({low:.4g} to {high:.4g})", "a mask, or --threshold to make it one")
    return np.rint(values).astype(np.int64)


def _check_finite(path: Path, values: Array) -> None:
    if np.issubdtype(values.dtype, np.floating) and not np.isfinite(values).all():
        raise InputError(path, f"{np.count_nonzero(~np.isfinite(values))} voxels without a finite value", "numbers")


def _counted_from_zero(values: Array) -> tuple[NDArray[np.unsignedinteger[Any]], int]:
    """The rank of each value among the sorted distinct ones, and how many distinct ones there are."""
    low, high = (int(values.min()), int(values.max())) if values.size else (0, 0)
    if low == high:
        return np.zeros_like(values, dtype=np.uint8), 1
    if high - low == 1:  # one comparison in place of a sort: nearly all masks
        return (values > low).view(np.uint8), 2
    distinct, ranks = np.unique(values, return_inverse=True)
    if distinct.size == 2:
        return (values > low).view(np.uint8), 2
    kind = np.min_scalar_type(distinct.size)
    return ranks.reshape(values.shape).astype(kind), int(distinct.size)
