"""Which candidate regions train a network of the task ``classify_regions`` (Hamzaoui et al., p. 94)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from newlesions.detect.networks.regions import Box, Region, framed
from newlesions.errors import ConfigError
from newlesions.learn.networks.batch import Element
from newlesions.networks.case import Image

_EXTRA = 0.3  # regions added to those drawn evenly, as a share of them
_INFRATENTORIAL, _TRUE_BELOW = 0.85, 0.33  # of the extra ones, and of these


@dataclass(frozen=True)
class RegionCase:
    """A case's ``channels`` (C, I, J, K), its ``reference`` of new lesions (I, J, K) and its ``regions``."""

    channels: Image
    reference: NDArray[Any]
    regions: Sequence[Region]


def draw_regions(
    rng: np.random.Generator, true: NDArray[np.bool_], infratentorial: NDArray[np.bool_], count: int = 32
) -> list[int]:
    """Indices of ``count`` regions, with replacement, shape (n,) flags.

    Page 94: as many true as false regions, uniformly; plus 30 % of which 85 % are infratentorial (33 % true, 67 %
    false) and 15 % supratentorial and false. These are the shares that are drawn on average. The share of a kind that
    does not exist goes to the others in proportion.
    """
    kinds = (true, ~true, infratentorial & true, infratentorial & ~true, ~infratentorial & ~true)
    extra = np.array([_INFRATENTORIAL * _TRUE_BELOW, _INFRATENTORIAL * (1 - _TRUE_BELOW), 1 - _INFRATENTORIAL])
    shares = np.array([0.5, 0.5, *(_EXTRA * extra)]) * [bool(kind.any()) for kind in kinds]
    if shares.sum() == 0:
        raise ConfigError("no pair has a candidate region; lower predict.options.regions.ratio or min_volume_mm3")
    members = [np.flatnonzero(kind) for kind in kinds]
    drawn = rng.choice(len(kinds), count, p=shares / shares.sum())
    return [int(rng.choice(members[kind])) for kind in drawn]


def region_elements(cases: Sequence[RegionCase], frame: Sequence[int]) -> Callable[[np.random.Generator], Element]:
    """What draws one training element: a region in its frame, its reference, and which voxels count (the region's).

    A region larger than ``frame`` is cut to it around a voxel of its component.
    """
    flat = [(case, region) for case in cases for region in case.regions]
    true = np.array([region.true for _, region in flat], bool)
    below = np.array([region.infratentorial for _, region in flat], bool)

    def draw(rng: np.random.Generator) -> Element:
        case, region = flat[draw_regions(rng, true, below, 1)[0]]
        box = _cut(rng, region, frame)
        target = framed((case.reference > 0).astype(np.float32), box, frame)[None]
        valid = framed(np.ones(case.reference.shape, np.float32), box, frame)
        return Element(framed(case.channels, box, frame).astype(np.float32), target, valid)

    return draw


def _cut(rng: np.random.Generator, region: Region, frame: Sequence[int]) -> Box:
    """The region's box, or a part of it of the frame's size that holds a voxel of its component."""
    voxels = np.argwhere(region.component)
    centre = voxels[rng.integers(len(voxels))]
    sides = []
    for side, at, n in zip(region.box, centre, frame, strict=True):
        length = side.stop - side.start
        first = side.start + (0 if length <= n else int(np.clip(at - n // 2, 0, length - n)))
        sides.append(slice(first, first + min(length, n)))
    i, j, k = sides
    return i, j, k
