"""Checks of an image as a file: is it there, whole, and an image of a format that carries orientation."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.freesurfer.mghformat import MGHError
from nibabel.spatialimages import HeaderDataError, HeaderTypeError
from nibabel.volumeutils import apply_read_scaling

from newlesions.errors import InputError
from newlesions.images.volume import Array

FORMATS = "a NIfTI image (.nii, .nii.gz) or an MGH image (.mgh, .mgz)"
_GZIP_NAMES = (".gz", ".mgz")
# All that nibabel, gzip and numpy raise on damaged files.
_DAMAGE = (
    ArithmeticError,
    EOFError,
    HeaderDataError,
    HeaderTypeError,
    ImageFileError,
    LookupError,
    MGHError,
    MemoryError,
    OSError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


def check_file(path: Path) -> None:
    """Refuse what is not a file with content.

    Raises
    ------
    InputError
        If ``path`` is missing, a link that leads nowhere, a folder, empty, unreadable, or a git-lfs pointer.
    """
    if path.is_symlink() and not path.exists():
        raise InputError(path, "a link that leads nowhere", "the scan itself (with DataLad: `datalad get` fetches it)")
    if not path.exists():
        raise InputError(path, "no such file", FORMATS)
    if not path.is_file():
        raise InputError(path, "a folder" if path.is_dir() else "no regular file", FORMATS)
    try:
        with open(path, "rb") as stream:
            start = stream.read(40)
    except OSError as error:
        raise InputError(path, f"a file that cannot be opened ({error.strerror})", "a file that can be read") from error
    if not start:
        raise InputError(path, "an empty file (0 bytes)", FORMATS)
    if start.startswith(b"version https://git-lfs"):
        raise InputError(path, "a git-lfs pointer", "the scan itself (`git lfs pull` fetches it)")
    zipped, named = start.startswith(b"\x1f\x8b"), path.name.lower().endswith(_GZIP_NAMES)
    if zipped and not named:
        raise InputError(path, "gzip data under a name without .gz", "a name that ends in .nii.gz or .mgz")
    if named and not zipped:
        raise InputError(path, "no gzip data", "gzip data, or a name without .gz")
    if zipped:
        _check_gzip(path)


def open_image(path: Path) -> Any:
    """The nibabel image, its voxels still unread.

    Raises
    ------
    InputError
        If the header cannot be read or the format is none of `FORMATS`.
    """
    try:
        image = nib.load(path)
        if not isinstance(image, nib.Nifti1Pair | nib.MGHImage):
            kind = type(image).__name__.removesuffix("Image")
            raise InputError(path, f"an image of the format {kind}", f"{FORMATS}; they say where left and right are")
        _ = image.affine, image.shape
    except ImageFileError as error:
        raise InputError(path, "no image, or one with a damaged header", FORMATS) from error
    except _DAMAGE as error:
        raise InputError(path, f"a damaged header ({one_line(error)})", FORMATS) from error
    return image


def read_voxels(path: Path, image: Any) -> tuple[Array, Array]:
    """Voxels as stored and as float32 after slope and intercept, both of the image's shape.

    Raises
    ------
    InputError
        If the file ends too early or the values cannot be scaled.
    """
    try:
        stored = np.asarray(image.dataobj.get_unscaled())
        with np.errstate(over="ignore", invalid="ignore"):
            values = apply_read_scaling(stored, image.dataobj.slope, image.dataobj.inter).astype(np.float32)
    except _DAMAGE as error:
        raise InputError(path, f"a truncated file ({one_line(error)})", "voxels to the end of the image") from error
    return stored, values


def read_stored(path: Path, image: Any) -> Array:
    """Voxels of the image's shape in the file's own type; scaled, as floats, where the header has a slope.

    Raises
    ------
    InputError
        If the file ends too early or the values cannot be scaled.
    """
    try:
        return np.asanyarray(image.dataobj)
    except _DAMAGE as error:
        raise InputError(path, f"a truncated file ({one_line(error)})", "voxels to the end of the image") from error


def raw_header(image: Any) -> bytes:
    """The header's bytes as they lie in the file (at most 540): nibabel's own copy has forgotten some fields."""
    holder = image.file_map.get("header", image.file_map["image"])
    with holder.get_prepare_fileobj("rb") as stream:
        return stream.read(540)


def one_line(error: BaseException) -> str:
    """The first line of an error's text, at most 100 characters long; its type when it has no text."""
    lines = str(error).strip().splitlines()
    return lines[0][:100] if lines else type(error).__name__


def _check_gzip(path: Path) -> None:
    """Read to the end: nibabel stops at the last voxel and would never see a wrong checksum."""
    try:
        with gzip.open(path, "rb") as stream:
            while stream.read(1 << 22):
                pass
    except EOFError as error:
        raise InputError(path, "a truncated gzip file", "a complete one (copy it again)") from error
    except (OSError, zlib.error) as error:
        raise InputError(path, f"a damaged gzip file ({one_line(error)})", "an intact one (copy it again)") from error
