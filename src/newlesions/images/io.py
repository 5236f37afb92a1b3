"""Reading and writing image files. Equal voxels and affines give equal bytes: no clock, no file name inside."""

from __future__ import annotations

import gzip
from pathlib import Path

import nibabel as nib
import numpy as np

from newlesions.images.files import write_bytes
from newlesions.images.volume import Affine, Array, Volume


def read_volume(path: Path | str, dtype: type = np.float32) -> Volume:
    """Read a three-dimensional NIfTI or MGH image that `cohort.checks` has passed or that this package has written.

    Returns
    -------
    Volume
        ``data`` of type ``dtype``, with the header's slope and intercept applied, on the file's own axes.
    """
    image = nib.load(path)
    return Volume(np.asanyarray(image.dataobj).astype(dtype, copy=False), np.asarray(image.affine, dtype=np.float64))


def write_volume(path: Path | str, volume: Volume, *, level: int = 6, slope: float | None = None) -> None:
    """Write ``volume`` as NIfTI-1 in one step; ``.gz`` names are compressed at ``level`` (1 fast, 9 small).

    Boolean data becomes uint8, other data keeps its type. With a ``slope`` the data are counts of it, and readers give
    the counts times ``slope``. sform and qform both carry the affine, as scanner coordinates; no free text is written.
    """
    data = volume.data.astype(np.uint8) if volume.data.dtype == bool else volume.data
    compressed = str(path).endswith(".gz")
    write_bytes(path, nifti_bytes(data, volume.affine, compressed=compressed, level=level, slope=slope))


def nifti_bytes(data: Array, affine: Affine, *, compressed: bool, level: int = 6, slope: float | None = None) -> bytes:
    """The bytes of a NIfTI-1 file with these values, shape (I, J, K), or counts of ``slope``; the affine is RAS mm."""
    image = nib.Nifti1Image(data, affine)
    if slope is not None:
        image.header.set_slope_inter(slope, 0)
    image.header.set_xyzt_units("mm")
    image.set_sform(affine, code=1)
    image.set_qform(affine, code=1)
    content = image.to_bytes()
    return gzip.compress(content, compresslevel=level, mtime=0) if compressed else content
