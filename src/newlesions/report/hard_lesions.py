"""Pictures of reference lesions that many systems miss: both visits, the reference, and what the systems marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from newlesions.images.io import read_volume
from newlesions.images.resample import resample
from newlesions.images.volume import Affine, Array, Grid, Volume
from newlesions.report.figures import grey_window, section
from newlesions.report.outlines import contours, svg_path
from newlesions.report.picture import Figure, Outline, grey_source, letters_of

CROP_MM = 60.0
_STEP_MM = 0.5
_QUALITY = 85


@dataclass(frozen=True)
class Scans:
    """The images of a pair, each on its own grid.

    Attributes
    ----------
    baseline, followup
        Corrected for bias.
    baseline_brain, followup_brain
        Brain masks, in which the grey window is found.
    baseline_from_followup
        4x4, between the scans' RAS mm.
    reference
        The mask of new lesions, on the follow-up's grid.
    masks
        What each system marked, by its name.
    """

    baseline: Path
    followup: Path
    baseline_brain: Path
    followup_brain: Path
    baseline_from_followup: Affine
    reference: Path
    masks: Mapping[str, Path]


class Pictures:
    """Sections through one pair; its scans are read once."""

    def __init__(self, scans: Scans) -> None:
        self._scans = scans
        self._images = {"baseline": read_volume(scans.baseline), "followup": read_volume(scans.followup)}
        brains = {"baseline": scans.baseline_brain, "followup": scans.followup_brain}
        self._windows = {
            name: grey_window([image.data], read_volume(brains[name], dtype=np.bool_).data)
            for name, image in self._images.items()
        }
        self._reference = read_volume(scans.reference)
        self._masks = {name: read_volume(path) for name, path in scans.masks.items()}

    def of(self, name: str, centre_mm: Sequence[float], found: Mapping[str, bool]) -> list[Figure]:
        """The axial section through ``centre_mm`` (RAS mm of the follow-up): four pictures of one lesion, ``name``.

        Baseline; follow-up; follow-up with the reference; follow-up with what each system marked, faint where the
        system misses this lesion.
        """
        grid = _section_grid(np.asarray(centre_mm, float))
        flat = {
            "baseline": self._cut(self._images["baseline"], grid, self._scans.baseline_from_followup),
            "followup": self._cut(self._images["followup"], grid),
        }
        sources = {visit: grey_source(flat[visit], self._windows[visit], 1.0, _QUALITY) for visit in flat}
        side = float(grid.shape[0])
        marked = [
            Outline("new", svg_path(contours(cut)), not found.get(system, False))
            for system, mask in self._masks.items()
            if (cut := self._inside(mask, grid)).any()
        ]
        reference = [Outline("reference", svg_path(contours(self._inside(self._reference, grid))))]

        def figure(visit: str, caption: str, outlines: Sequence[Outline] = ()) -> Figure:
            alt = f"{caption}, axial section at {name}"
            return Figure(
                sources[visit], side, side, alt, caption, outlines=outlines, letters=letters_of("axial"),
                letter_size=side / 15, scale_bar=10 / _STEP_MM if visit == "baseline" else None,
            )  # fmt: skip

        return [
            figure("baseline", "Baseline"),
            figure("followup", "Follow-up"),
            figure("followup", "Follow-up, reference", reference),
            figure("followup", f"Follow-up, marked by {len(marked)}", marked),
        ]

    def _cut(self, image: Volume, grid: Grid, own_from_grid: Affine | None = None) -> Array:
        return section(resample(image, grid, own_from_grid, order=1, antialias=False).data, "axial", 0)

    def _inside(self, mask: Volume, grid: Grid) -> NDArray[np.bool_]:
        carried = resample(mask.with_data((mask.data > 0).astype(np.float32)), grid, order=1, antialias=False)
        return section(carried.data, "axial", 0) >= 0.5


def _section_grid(centre_mm: NDArray[np.float64]) -> Grid:
    """One axial plane of square pixels about a point."""
    side = round(CROP_MM / _STEP_MM)
    affine = np.diag([_STEP_MM, _STEP_MM, _STEP_MM, 1.0])
    affine[:3, 3] = centre_mm - np.array([side - 1, side - 1, 0]) * _STEP_MM / 2
    return Grid((side, side, 1), affine)
