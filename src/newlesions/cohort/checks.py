"""The input checks: one scan, and the two scans of a pair. Each fault is one line that says found and expected."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from newlesions.cohort.geometry_checks import check_header
from newlesions.cohort.limits import ScanLimits
from newlesions.cohort.voxel_checks import check_voxels
from newlesions.errors import InputError
from newlesions.images.file_checks import check_file, open_image, read_voxels
from newlesions.images.volume import Volume


@dataclass(frozen=True)
class ScanReport:
    """What is known of a scan that passed. Nothing of its header's free text is in it.

    ``spacing_mm`` and ``orientation`` (``LPS``: the direction in which each axis grows) are in the file's own axes;
    ``dtype`` is the stored type with its byte order; ``voxels_sha256`` digests shape and intensities as float32 in the
    file's order, ``canonical_sha256`` the same after turning the axes to RAS.
    """

    path: str
    format: str
    dtype: str
    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    orientation: str
    voxels_sha256: str
    canonical_sha256: str
    warnings: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "shape": list(self.shape), "spacing_mm": list(self.spacing_mm)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ScanReport:
        """From JSON."""
        return cls(**{**values, "shape": tuple(values["shape"]), "spacing_mm": tuple(values["spacing_mm"])})


def check_scan(path: Path | str, limits: ScanLimits | Mapping[str, object] | None = None) -> tuple[Volume, ScanReport]:
    """Read a scan and check all that can be wrong with it alone.

    Parameters
    ----------
    path
        A NIfTI-1, NIfTI-2 or MGH image, compressed or not.
    limits
        Settings that differ from the defaults of `ScanLimits`.

    Returns
    -------
    tuple
        The volume, float32 and finite, on the file's own axes and with its affine; and the report.

    Raises
    ------
    InputError
        At the first fault.
    ConfigError
        If ``limits`` has an unknown name.
    """
    path = Path(path)
    limits = limits if isinstance(limits, ScanLimits) else ScanLimits.of(limits)
    check_file(path)
    with np.errstate(all="ignore"):  # damaged numbers overflow; the checks judge the results
        image = open_image(path)
        grid, warnings = check_header(path, image, limits)
    stored, values = read_voxels(path, image)
    checked, more = check_voxels(path, stored.reshape(grid.shape), values.reshape(grid.shape))
    volume = Volume(checked, grid.affine)
    turn = nib.orientations.io_orientation(grid.affine)
    report = ScanReport(
        path=str(path),
        format=_format(image),
        dtype=_type(image),
        shape=grid.shape,
        spacing_mm=_rounded(grid.spacing),
        orientation="".join(nib.aff2axcodes(grid.affine)),
        voxels_sha256=_digest(checked),
        canonical_sha256=_digest(nib.orientations.apply_orientation(checked, turn)),
        warnings=[*warnings, *more],
    )
    return volume, report


def check_pair(baseline: ScanReport, followup: ScanReport) -> None:
    """Refuse a pair whose two scans are one.

    Raises
    ------
    InputError
        If both are the same file, or hold the same intensities under another header, compression or axis order.
    """
    expected = "two scans of different days"
    same = baseline.path == followup.path or Path(baseline.path).resolve() == Path(followup.path).resolve()
    if same:
        raise InputError(followup.path, "the same file as baseline and follow-up", expected)
    if baseline.voxels_sha256 == followup.voxels_sha256 or baseline.canonical_sha256 == followup.canonical_sha256:
        raise InputError(followup.path, f"the same voxels as in the baseline {baseline.path}", expected)


def _digest(values: np.ndarray[Any, Any]) -> str:
    digest = hashlib.sha256(repr(values.shape).encode())
    digest.update(np.asfortranarray(values).astype("<f4", copy=False).tobytes(order="F"))
    return digest.hexdigest()


def _format(image: Any) -> str:
    if isinstance(image, nib.MGHImage):
        return "MGH"
    return "NIfTI-2" if isinstance(image, nib.Nifti2Image | nib.Nifti2Pair) else "NIfTI-1"


def _type(image: Any) -> str:
    dtype = image.get_data_dtype()
    order = "big" if dtype.str.startswith(">") else "little"
    return f"{dtype.name}, {order}-endian" if dtype.itemsize > 1 else dtype.name


def _rounded(spacing: np.ndarray[Any, Any]) -> tuple[float, float, float]:
    i, j, k = (round(float(size), 4) for size in spacing)
    return i, j, k
