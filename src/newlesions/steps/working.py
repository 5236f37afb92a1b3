"""The working space of a pair, where its visits are compared: halfway space or MNI, and the way to what users get."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from newlesions.detect.carry import carry, separate
from newlesions.images.files import read_json, write_json
from newlesions.images.io import write_volume
from newlesions.images.resample import resample
from newlesions.images.volume import Affine, Grid, Volume
from newlesions.steps.names import matrix_rows

HALFWAY, MNI = "halfway", "mni"


@dataclass(frozen=True)
class WorkingSpace:
    """Where the steps from `resample` on compare the visits.

    Attributes
    ----------
    space
        ``halfway`` or ``mni`` (MNI152NLin2009aSym).
    baseline_from_working, followup_from_working, mni_from_working, working_from_halfway
        4x4, RAS mm.
    halfway_grid
        The grid of the results in halfway space; the working grid itself where that is the working space.
    """

    space: str
    baseline_from_working: Affine
    followup_from_working: Affine
    mni_from_working: Affine
    working_from_halfway: Affine
    halfway_grid: Grid

    @classmethod
    def of(cls, space: str, halfway: Mapping[str, Any], halfway_grid: Grid) -> WorkingSpace:
        """From the setting ``resample.space`` and the matrices of ``halfway.json``."""
        baseline, followup, mni = (halfway[f"{name}_from_halfway"] for name in ("baseline", "followup", "mni"))
        if space == HALFWAY:
            return cls(space, baseline, followup, mni, np.eye(4), halfway_grid)
        halfway_from_mni = np.linalg.inv(mni)
        return cls(space, baseline @ halfway_from_mni, followup @ halfway_from_mni, np.eye(4), mni, halfway_grid)

    @property
    def working_from_followup(self) -> Affine:
        """4x4, from the follow-up's own RAS mm to the working space's."""
        return np.asarray(np.linalg.inv(self.followup_from_working))

    def image_in_halfway(self, image: Volume) -> Volume:
        """An image of the working grid in halfway space: itself, or interpolated a second time (cubic, float32).

        The spline's overshoot beyond the image's own values is cut off.
        """
        if self.space == HALFWAY:
            return image
        carried = resample(image, self.halfway_grid, self.working_from_halfway)
        return carried.with_data(np.clip(carried.data, image.data.min(), image.data.max()))

    def change_in_halfway(self, change: Volume) -> Volume:
        """Classes of change (uint8) of the working grid in halfway space, lesion by lesion as `carry` does."""
        if self.space == HALFWAY:
            return change
        carried = carry(separate(change.data), change.grid, self.halfway_grid, self.working_from_halfway)
        return Volume(carried.change(), self.halfway_grid.affine)


def published(image: Volume) -> tuple[Volume, float]:
    """An image as it is kept for good, whole numbers (int16) of steps of 1/4096 to 1/8192 of its largest; the step.

    Scanners tell no more levels. What interpolation adds below them is noise that does not compress, half of a file;
    and as whole numbers the same values take a fifth less than as floats.
    """
    largest = float(np.abs(image.data).max(initial=0.0))
    if not largest > 0:
        return image.with_data(np.zeros(image.data.shape, np.int16)), 1.0
    # A power of two, so that the products are exact; one that a header can hold.
    step = float(max(2.0 ** (np.floor(np.log2(largest)) - 12), np.finfo(np.float32).tiny))
    return image.with_data(np.round(image.data / step).astype(np.int16)), step


def write_published(path: Path, image: Volume) -> None:
    """Write an image as it is kept for good."""
    counts, step = published(image)
    write_volume(path, counts, slope=step)


def write_working(path: Path, working: WorkingSpace) -> None:
    """Write ``working.json``."""
    grid = working.halfway_grid
    write_json(
        path,
        {
            "space": working.space,
            "baseline_from_working": matrix_rows(working.baseline_from_working),
            "followup_from_working": matrix_rows(working.followup_from_working),
            "mni_from_working": matrix_rows(working.mni_from_working),
            "working_from_halfway": matrix_rows(working.working_from_halfway),
            "halfway_grid": {"shape": list(grid.shape), "affine": matrix_rows(grid.affine)},
        },
    )


def read_working(path: Path) -> WorkingSpace:
    """The content of ``working.json``, its matrices as arrays."""
    content = read_json(path)
    grid = content["halfway_grid"]
    i, j, k = grid["shape"]
    return WorkingSpace(
        content["space"],
        np.array(content["baseline_from_working"]),
        np.array(content["followup_from_working"]),
        np.array(content["mni_from_working"]),
        np.array(content["working_from_halfway"]),
        Grid((i, j, k), np.array(grid["affine"])),
    )
