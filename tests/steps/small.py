"""The work folder of one pair at 4 mm: a patchy ball for a brain, in MNI's own place, with one new lesion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from newlesions.cohort.checks import ScanReport
from newlesions.images.files import write_json
from newlesions.images.io import read_volume, write_volume
from newlesions.images.volume import Grid, Volume, apply_affine
from newlesions.settings import read_config, settle
from newlesions.steps.names import read_matrices
from newlesions.steps.working import WorkingSpace, write_working

SPACING = 4.0
SHAPE = (46, 54, 46)
# Voxels at multiples of the spacing, as those of the working grid.
AFFINE = np.array([[SPACING, 0, 0, -88], [0, SPACING, 0, -124], [0, 0, SPACING, -68], [0, 0, 0, 1.0]])
LESION = (slice(28, 31), slice(26, 29), slice(24, 27))


def points() -> np.ndarray:
    """RAS mm of every voxel, (I, J, K, 3)."""
    return apply_affine(AFFINE, np.moveaxis(np.indices(SHAPE), 0, -1))


def brain() -> np.ndarray:
    """A ball of 65 mm about the middle of MNI's brain."""
    return np.asarray(((points() - [0, -18, 15]) ** 2).sum(axis=-1) < 65**2)


def scan(*, new: bool = False, seed: int = 0) -> Volume:
    """Patchy tissue of about 100 and a lesion of 170."""
    tissue = 100 + 8 * ndimage.gaussian_filter(np.random.default_rng(7).normal(size=SHAPE), 1.0) / 0.1
    data = np.where(brain(), np.clip(tissue, 60, 140), 5) + np.random.default_rng(seed).normal(0, 2, SHAPE)
    if new:
        data[LESION] = 170
    return Volume(np.maximum(data, 0).astype(np.float32), AFFINE)


def settings(section: str, **more: Any) -> dict[str, Any]:
    """A section of the shipped settings; the working grid is as coarse as the scans."""
    coarse = {"finest_mm": SPACING, "coarsest_mm": SPACING} if section == "resample" else {}
    return {**settle(read_config())[section], **coarse, **more}


def report(name: str, number: int) -> ScanReport:
    """What the input checks say of a scan; ``number`` stands for its voxels."""
    digest = f"{number}" * 64
    return ScanReport(
        path=f"/somewhere/{name}_FLAIR.nii.gz",
        format="NIfTI-1",
        dtype="<f4",
        shape=SHAPE,
        spacing_mm=(SPACING, SPACING, SPACING),
        orientation="RAS",
        voxels_sha256=digest,
        canonical_sha256=digest,
        warnings=[f"{name} is small"],
    )


class Work:
    """The paths of the pair sub-01, M00 to M12."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sessions = [folder / "sub-01" / f"ses-{label}" for label in ("M00", "M12")]
        self.pair = self.sessions[1] / "pair"
        for number, session in enumerate(self.sessions):
            volume = scan(new=number == 1, seed=number)
            for name in ("flair", "bias"):
                write_volume(session / f"{name}.nii.gz", volume, level=1)
            write_volume(session / "brain.nii.gz", volume.with_data(brain()), level=1)
            write_volume(session / "field.nii.gz", volume.with_data(np.ones_like(volume.data)), level=1)
            facts = {"backend": "atlas", "volume_ml": 1150.4, "mni_from_scan": np.eye(4).tolist()}
            facts |= {"snr": 30.5 + number, "inu_range": 0.12, "cut_cm2": 1.5}
            write_json(session / "brain.json", facts)
            write_json(session / "ingest.json", report(session.name, number).as_dict())

    def visit(self, name: str) -> tuple[Path, Path]:
        """``name`` of both sessions."""
        return self.sessions[0] / name, self.sessions[1] / name

    def halfway(self, **more: Any) -> Path:
        """The pair's halfway.json: nothing moved."""
        path = self.pair / "halfway.json"
        names = ("baseline_from_halfway", "followup_from_halfway", "mni_from_halfway")
        quality = {"correlation": 0.97, "brain_overlap": 0.99, "inverse_consistency_mm": 0.05}
        quality |= {"moved_mm": [0.0, -1.5, 14.2], "rotated_deg": 3.1}
        write_json(path, {**{name: np.eye(4).tolist() for name in names}, "aligned": False, "quality": quality, **more})
        return path

    def working(self, space: str = "halfway", **more: Any) -> Path:
        """The pair's working.json, of the halfway.json that ``more`` changes."""
        path = self.pair / "working.json"
        write_working(path, WorkingSpace.of(space, read_matrices(self.halfway(**more)), Grid(SHAPE, AFFINE)))
        return path

    def harmonised(self) -> tuple[Path, Path, Path]:
        """Both visits and their brain on the working grid."""
        paths = self.pair / "harmonised_baseline.nii.gz", self.pair / "harmonised_followup.nii.gz"
        for path, source in zip(paths, self.visit("bias.nii.gz"), strict=True):
            volume = read_volume(source)
            write_volume(path, volume.with_data(volume.data / 2), level=1)
        mask = self.pair / "brain.nii.gz"
        write_volume(mask, Volume(brain(), AFFINE))
        return (*paths, mask)

    def changed(self) -> tuple[Path, Path]:
        """The new lesion, and an enlarging voxel pair, as classes and signed probability."""
        codes, signed = np.zeros(SHAPE, dtype=np.uint8), np.zeros(SHAPE, dtype=np.float32)
        codes[LESION], signed[LESION] = 1, 0.9
        codes[18:20, 26, 24], signed[18:20, 26, 24] = 2, 0.8
        paths = self.pair / "change.nii.gz", self.pair / "probability.nii.gz"
        write_volume(paths[0], Volume(codes, AFFINE))
        write_volume(paths[1], Volume(signed, AFFINE))
        return paths


def texts(folder: Path) -> dict[str, str]:
    """The JSON and TSV files of a folder."""
    return {path.name: path.read_text() for path in folder.rglob("*") if path.suffix in (".json", ".tsv")}
