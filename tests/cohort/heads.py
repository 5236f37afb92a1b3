"""Small heads and cohorts for the tests of this room."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np

SHAPE = (40, 48, 32)
SPACING = (4.0, 4.0, 5.0)


def head(shape: tuple[int, ...] = SHAPE, seed: int = 0) -> np.ndarray:
    """An ellipsoid of about 500 with noise in air of about 0, int16."""
    axes = np.ogrid[tuple(slice(-1, 1, complex(0, size)) for size in shape)]
    inside = sum((axis / 0.8) ** 2 for axis in axes) < 1
    values = np.random.default_rng(seed).normal(0, 20, shape)
    return np.abs(values + 500 * inside).astype(np.int16)


def affine(spacing: tuple[float, ...] = SPACING) -> np.ndarray:
    matrix = np.diag([*spacing, 1.0])
    matrix[:3, 3] = -np.array(SHAPE) * spacing / 2
    return matrix


def save(
    path: Path,
    data: np.ndarray | None = None,
    matrix: np.ndarray | None = None,
    *,
    kind: type = nib.Nifti1Image,
    sform: int = 1,
    qform: int = 1,
) -> Path:
    """Write a NIfTI image; codes of 0 leave a form undefined."""
    path.parent.mkdir(parents=True, exist_ok=True)
    matrix = affine() if matrix is None else matrix
    image = kind(head() if data is None else data, matrix)
    if kind is not nib.MGHImage:
        image.set_sform(matrix, sform, update_affine=False)
        image.set_qform(matrix, qform, update_affine=False)
    nib.save(image, path)
    return path


def patch(path: Path, offset: int, content: bytes) -> Path:
    """Overwrite bytes of an uncompressed file."""
    with open(path, "r+b") as stream:
        stream.seek(offset)
        stream.write(content)
    return path


def touch(path: Path, content: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content or path.name)
    return path


def flair(root: Path, subject: str, session: str, extra: str = "", sidecar: dict[str, object] | None = None) -> Path:
    """A stand-in for a FLAIR in a BIDS folder: indexing reads names and bytes only."""
    stem = f"sub-{subject}_ses-{session}{extra}_FLAIR"
    path = touch(root / f"sub-{subject}" / f"ses-{session}" / "anat" / f"{stem}.nii.gz")
    if sidecar is not None:
        path.with_name(f"{stem}.json").write_text(json.dumps(sidecar))
    return path
