"""Checks of a scan's header: shape, type, scaling, voxel size, field of view, and where left and right are."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from scipy.linalg import polar

from newlesions.cohort.limits import ScanLimits
from newlesions.errors import InputError
from newlesions.images.file_checks import one_line, raw_header
from newlesions.images.volume import Affine, Grid

_AXES = 3
_SAME_SIDE = 0.5  # cosine: left-right axes more than 60 degrees apart are not one direction


def check_header(path: Path, image: Any, limits: ScanLimits) -> tuple[Grid, list[str]]:
    """Check everything that is known before the voxels are read.

    Returns
    -------
    tuple
        The grid, and warnings.

    Raises
    ------
    InputError
        At the first fault.
    """
    warnings = []
    shape = _check_shape(path, image.shape, limits)
    if len(image.shape) > _AXES:
        warnings.append(f"the image has {len(image.shape)} axes with one volume; it is read as 3D")
    _check_type(path, image)
    grid = Grid(shape, np.asarray(image.affine, dtype=np.float64))
    warnings += _check_affine(path, grid, limits)
    if isinstance(image, nib.MGHImage):
        warnings += _check_mgh_orientation(path, image, limits)
    else:
        _check_scaling(path, image)
        warnings += _check_nifti_orientation(path, image, grid, limits)
    return grid, warnings


def by(sizes: Iterable[float], digits: int = 4) -> str:
    """Sizes as a person writes them: ``256 x 256 x 48``."""
    return " x ".join(f"{size:.{digits}g}" for size in sizes)


def _check_shape(path: Path, shape: Sequence[int], limits: ScanLimits) -> tuple[int, int, int]:
    if min(shape, default=0) < 1:
        raise InputError(path, "an image without voxels", "a 3D image")
    volumes = int(np.prod(shape[_AXES:], dtype=np.int64))
    if volumes > 1:
        raise InputError(path, f"a {len(shape)}D image with {volumes} volumes", "a 3D image (one volume)")
    if len(shape) < _AXES or min(shape[:_AXES]) == 1:
        raise InputError(path, f"a 2D image ({by(shape, 10)} voxels)", "a 3D image")
    i, j, k = (int(size) for size in shape[:_AXES])
    if min(i, j, k) < limits.min_slices:
        raise InputError(path, f"{by((i, j, k), 10)} voxels", f"at least {limits.min_slices} slices along each axis")
    if i * j * k > limits.max_voxels:
        raise InputError(path, f"{by((i, j, k), 10)} voxels", f"at most {limits.max_voxels:,} voxels")
    return i, j, k


def _check_type(path: Path, image: Any) -> None:
    dtype = image.get_data_dtype()
    if dtype.kind not in "iufb":
        kind = "complex" if dtype.kind == "c" else "RGB" if dtype.names else str(dtype)
        raise InputError(path, f"{kind} voxels", "one real number per voxel (a magnitude image)")


def _check_scaling(path: Path, image: Any) -> None:
    """An infinite slope or intercept; NaN and 0 as slope mean "not scaled" and are common."""
    header = type(image.header)(raw_header(image)[: type(image.header).sizeof_hdr], check=False)
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    scaled = slope != 0 and not np.isnan(slope)
    if np.isinf(slope) or (scaled and not np.isfinite(intercept)):
        raise InputError(path, f"intensities scaled by slope {slope} and intercept {intercept}", "finite ones")


def _check_affine(path: Path, grid: Grid, limits: ScanLimits) -> list[str]:
    matrix = grid.affine[:3, :3]
    if not np.isfinite(grid.affine).all():
        raise InputError(path, "an affine with infinite or undefined numbers", "finite ones")
    spacing = grid.spacing
    if not spacing.all() or abs(np.linalg.det(matrix / spacing)) < 1e-3:
        raise InputError(path, "a singular affine (its axes do not span space)", "three independent axes")
    if spacing.min() < limits.min_voxel_mm or spacing.max() > limits.max_voxel_mm:
        expected = f"between {limits.min_voxel_mm:g} and {limits.max_voxel_mm:g} mm along each axis"
        raise InputError(path, f"voxels of {by(spacing)} mm", expected)
    extent = spacing * grid.shape
    if extent.min() < limits.min_fov_mm or extent.max() > limits.max_fov_mm:
        expected = f"between {limits.min_fov_mm:g} and {limits.max_fov_mm:g} mm along each axis, as for a head"
        raise InputError(path, f"a field of view of {by(extent)} mm", expected)
    cosines = (matrix / spacing).T @ (matrix / spacing)
    shear = float(np.degrees(np.arcsin(np.clip(np.abs(cosines - np.diag(np.diag(cosines))).max(), 0, 1))))
    if shear > limits.max_shear_deg:
        raise InputError(path, f"axes sheared by {shear:.1f} degrees", f"at most {limits.max_shear_deg:g} degrees")
    return [f"the axes are sheared by {shear:.1f} degrees"] if shear > 0.5 else []


def _check_nifti_orientation(path: Path, image: Any, grid: Grid, limits: ScanLimits) -> list[str]:
    sform = image.get_sform(coded=True)[0]
    try:
        qform = image.get_qform(coded=True)[0]
    except ValueError as error:
        return [f"the qform cannot be read ({one_line(error)}); the sform is used"]
    if sform is None and qform is None:
        return _unknown_orientation(path, "sform and qform codes of 0", limits)
    if sform is not None and qform is not None:
        return _compare_forms(path, sform, qform, grid)
    zooms = np.asarray(image.header.get_zooms()[:3], dtype=float)
    if not np.allclose(zooms, grid.spacing, rtol=0.01):
        return [f"the affine says voxels of {by(grid.spacing)} mm, pixdim says {by(zooms)} mm; the affine is used"]
    return []


def _compare_forms(path: Path, sform: Affine, qform: Affine, grid: Grid) -> list[str]:
    if not np.isfinite(qform).all() or not np.linalg.det(qform[:3, :3]):
        return ["the qform is no valid affine; the sform is used"]
    sides = [polar(form[:3, :3])[0][0] for form in (sform, qform)]
    mirrored = np.linalg.det(sform[:3, :3]) * np.linalg.det(qform[:3, :3]) < 0
    if mirrored or float(sides[0] @ sides[1]) < _SAME_SIDE:
        codes = ["".join(nib.aff2axcodes(form)) for form in (sform, qform)]
        raise InputError(
            path,
            f"sform ({codes[0]}) and qform ({codes[1]}) that disagree on left and right",
            "both to say the same (correct the wrong one, or set its code to 0)",
        )
    corners = np.c_[np.linalg.solve(grid.affine, np.c_[grid.corners(), np.ones(8)].T).T[:, :3], np.ones(8)]
    apart = np.linalg.norm(np.linalg.solve(sform, qform @ corners.T).T[:, :3] - corners[:, :3], axis=1).max()
    if apart > 1:
        return [f"sform and qform differ by up to {apart:.1f} voxels; the sform is used"]
    return []


def _check_mgh_orientation(path: Path, image: Any, limits: ScanLimits) -> list[str]:
    (known,) = struct.unpack_from(">h", raw_header(image), 28)
    return [] if known > 0 else _unknown_orientation(path, "no orientation (goodRASFlag 0)", limits)


def _unknown_orientation(path: Path, found: str, limits: ScanLimits) -> list[str]:
    if limits.require_orientation:
        expected = "an orientation in the header, without which left and right are unknown"
        raise InputError(path, found, expected)
    return [f"{found}: left and right are unknown; the order of the voxels is taken to run from right to left"]
