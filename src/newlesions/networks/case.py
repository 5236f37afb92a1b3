"""What networks see of a pair: comparable images on the working grid, cropped to the brain, as one file."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from newlesions.detect.classes import EXCHANGED
from newlesions.images.files import write_arrays
from newlesions.images.morphology import Mask, bounding_box
from newlesions.images.volume import Affine, Grid

Image = NDArray[np.float32]

MARGIN = 5
"""Voxels around the brain's box."""


def share_of(mask: str) -> str:
    """The name of what tells how much of each voxel a mask covers."""
    return f"share_{mask}"


@dataclass(frozen=True)
class Case:
    """A pair on its working grid.

    Attributes
    ----------
    pair, subject
        Whose.
    baseline, followup
        The harmonised images, float32, shape (I, J, K).
    brain
        The brain that both show, bool, (I, J, K).
    change
        The classes of the subtraction's candidates, uint8, (I, J, K).
    affine
        4x4, from the voxels of this crop to RAS mm of the working space.
    mni_from_working
        4x4, from RAS mm of the working space to MNI mm.
    slice_mm
        The largest voxel edge of the baseline's and of the follow-up's scan.
    masks
        What is known, uint8 (0, 1), (I, J, K): ``new``, ``gone`` (references), ``enlarging``, ``shrinking``,
        ``baseline_lesions``, ``followup_lesions`` (all lesions of a visit), ``rater_<name>``. Absent where there is no
        reference. ``share_<name>``: how much of each voxel the mask covers, in 1/255.
    offset, whole
        Where the crop begins in the working grid, and that grid's shape.
    """

    pair: str
    subject: str
    baseline: Image
    followup: Image
    brain: Mask
    change: NDArray[np.uint8]
    affine: Affine
    mni_from_working: Affine
    slice_mm: tuple[float, float]
    masks: dict[str, NDArray[np.uint8]] = field(default_factory=dict)
    offset: tuple[int, int, int] = (0, 0, 0)
    whole: tuple[int, int, int] = (0, 0, 0)

    @property
    def grid(self) -> Grid:
        """The crop's grid."""
        i, j, k = self.baseline.shape
        return Grid((i, j, k), self.affine)

    @property
    def spacing(self) -> float:
        """The edge of a voxel, mm (`Grid.edge`)."""
        return self.grid.edge

    def swapped(self) -> Case:
        """The pair with its visits exchanged: what was gone is new."""
        twins = (("new", "gone"), ("enlarging", "shrinking"), ("baseline_lesions", "followup_lesions"))
        names = {**dict(twins), **{other: one for one, other in twins}}
        names |= {share_of(one): share_of(other) for one, other in names.items()}
        return replace(
            self,
            baseline=self.followup,
            followup=self.baseline,
            change=EXCHANGED[self.change],
            slice_mm=self.slice_mm[::-1],
            masks={names[name]: mask for name, mask in self.masks.items() if name in names},
        )

    def uncropped(self, array: NDArray[Any]) -> NDArray[Any]:
        """``array``, of the crop's shape, in the whole working grid; 0 outside."""
        result = np.zeros(self.whole, array.dtype)
        i, j, k = self.offset
        a, b, c = array.shape
        result[i : i + a, j : j + b, k : k + c] = array
        return result


def crop(
    pair: str,
    subject: str,
    images: tuple[Image, Image],
    brain: Mask,
    change: NDArray[np.uint8],
    grid: Grid,
    mni_from_working: Affine,
    slice_mm: tuple[float, float],
    masks: dict[str, NDArray[np.uint8]] | None = None,
) -> Case:
    """The case of a pair whose images lie on ``grid``."""
    box = bounding_box(brain, margin=MARGIN)
    i, j, k = (side.start for side in box)
    affine = grid.affine.copy()
    affine[:3, 3] = (grid.affine @ [i, j, k, 1])[:3]
    before, after = (np.ascontiguousarray(image[box], dtype=np.float32) for image in images)
    return Case(
        pair,
        subject,
        before,
        after,
        brain=np.ascontiguousarray(brain[box]),
        change=np.ascontiguousarray(change[box]),
        affine=affine,
        mni_from_working=mni_from_working,
        slice_mm=slice_mm,
        masks={name: np.ascontiguousarray(mask[box]).astype(np.uint8) for name, mask in (masks or {}).items()},
        offset=(i, j, k),
        whole=grid.shape,
    )


def write_case(path: Path, case: Case) -> None:
    """Write an .npz file that needs no pickle."""
    arrays = {
        name: np.asarray(getattr(case, name))
        for name in (
            "pair", "subject", "baseline", "followup", "brain", "change", "affine", "mni_from_working", "slice_mm",
            "offset", "whole",
        )
    }  # fmt: skip
    arrays |= {f"mask_{name}": mask for name, mask in case.masks.items()}
    write_arrays(path, arrays)


def read_case(path: Path) -> Case:
    """Read what `write_case` wrote."""
    with np.load(path, allow_pickle=False) as held:
        first, second = (float(edge) for edge in held["slice_mm"])
        i, j, k = (int(n) for n in held["offset"])
        a, b, c = (int(n) for n in held["whole"])
        return Case(
            str(held["pair"]),
            str(held["subject"]),
            held["baseline"],
            held["followup"],
            held["brain"],
            held["change"],
            held["affine"],
            held["mni_from_working"],
            slice_mm=(first, second),
            masks={name.removeprefix("mask_"): held[name] for name in held.files if name.startswith("mask_")},
            offset=(i, j, k),
            whole=(a, b, c),
        )
