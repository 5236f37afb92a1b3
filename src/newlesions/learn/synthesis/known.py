"""Lesions that an expert has marked in a scan, taken out of one of the two visits: real lesions that come or go."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from newlesions.images.morphology import Mask, dilate, label_lesions
from newlesions.images.resample import resample
from newlesions.images.volume import Grid, Volume
from newlesions.learn.synthesis.host import Host, white_level
from newlesions.learn.synthesis.lesions import sub_grid
from newlesions.simulate.lesions import Change, change_between

_VOLUME_MM3 = (8.0, 800.0)  # smaller ones are doubtful, larger ones are many in one
_CONTRAST = 0.12  # over the white matter around: a marked lesion that is not bright shows no change
_SURROUNDED = 0.4  # share of what lies around the lesion that is white matter: the gap is filled with that


@dataclass(frozen=True)
class KnownLesion:
    """A lesion of the host itself; ``states`` as those of synthetic ones, 0 absent or 2 there.

    ``part`` is its mask, float32 (0 or 1), on a part of the host's grid that starts at voxel ``first``.
    """

    part: Volume
    first: tuple[int, int, int]
    states: tuple[int, int]

    @property
    def change(self) -> Change:
        """What happens from the first visit to the second."""
        return change_between(*self.states)

    def mask(self, visit: int) -> Volume:
        """The mask at a visit, float32 (0 or 1), in the host's RAS mm."""
        return self.part if self.states[visit] else self.part.with_data(np.zeros_like(self.part.data))


def choose_known(rng: np.random.Generator, host: Host, new: int, gone: int) -> list[KnownLesion]:
    """Up to ``new`` marked lesions that the first visit lacks, and ``gone`` that the second one lacks.

    Only bright ones of 8 to 800 mm3 that white matter surrounds are taken.
    """
    if not host.lesions.any() or new + gone == 0:
        return []
    labels = label_lesions(host.lesions)
    level = white_level(host.image, host.white)
    fit = []
    for label, found in enumerate(ndimage.find_objects(labels), start=1):
        box = _wider(found, host.image.grid)
        lesion = labels[box] == label
        if _fits(host, level, lesion, box):
            fit.append((lesion, box))
    order = rng.permutation(len(fit))[: new + gone]
    states = [(0, 2)] * new + [(2, 0)] * gone
    return [
        KnownLesion(
            Volume(lesion.astype(np.float32), sub_grid(host.image.grid, box).affine),
            (box[0].start, box[1].start, box[2].start),
            state,
        )
        for (lesion, box), state in zip((fit[n] for n in order), states, strict=False)
    ]


def absent(known: list[KnownLesion], visit: int, grid: Grid) -> Mask:
    """The lesions that are not there at ``visit``, bool, on the host's ``grid``."""
    mask = np.zeros(grid.shape, dtype=bool)
    for lesion in known:
        if lesion.states[visit] == 0:
            box = tuple(slice(a, a + n) for a, n in zip(lesion.first, lesion.part.data.shape, strict=True))
            mask[box] |= lesion.part.data > 0
    return mask


def _wider(found: tuple[slice, ...], grid: Grid) -> tuple[slice, slice, slice]:
    margin = np.ceil(3.0 / grid.spacing).astype(int)
    i, j, k = (
        slice(max(side.start - n, 0), min(side.stop + n, length))
        for side, n, length in zip(found, margin, grid.shape, strict=True)
    )
    return i, j, k


def _fits(host: Host, level: Volume, lesion: Mask, box: tuple[slice, slice, slice]) -> bool:
    volume = float(lesion.sum()) * host.image.voxel_volume
    if not _VOLUME_MM3[0] <= volume <= _VOLUME_MM3[1]:
        return False
    local = resample(level, sub_grid(host.image.grid, box), order=1, antialias=False).data[lesion]
    contrast = float((host.image.data[box][lesion] / np.maximum(local, 1e-6)).mean()) - 1
    around = dilate(lesion, 2.5, host.image.spacing) & ~lesion
    white = host.white[box] | (ndimage.binary_dilation(lesion) & ~host.lesions[box])
    return contrast >= _CONTRAST and bool(white[around].mean() >= _SURROUNDED)
