"""Training by slices: those with a lesion twice, and few of the others (andresen2021, MSSEG-2 proceedings, p. 112)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from newlesions.errors import ConfigError
from newlesions.learn.networks.centres import thrown
from newlesions.learn.networks.sources import Source
from newlesions.networks.stages import LESION_FREE

AXIS = 2
"""Across axial slices."""

_DEFAULTS: dict[str, Any] = {"lesion_free": LESION_FREE, "mirrored": 0}
_SEED = 0
"""Of the choice among slices without a lesion: it is the same in every training, and in one that goes on."""


@dataclass(frozen=True)
class Slices:
    """The slices that train.

    Attributes
    ----------
    sources
        The cases.
    changed, other
        Slices with a lesion, and those chosen of the others: (case, slice), each (n, 2).
    axis
        Along which slices with a lesion are mirrored.
    """

    sources: Sequence[Source]
    changed: NDArray[np.int64]
    other: NDArray[np.int64]
    axis: int

    @classmethod
    def of(cls, sources: Sequence[Source], options: Mapping[str, Any], stage: str) -> Slices | None:
        """From a stage's ``sample.options``; None where ``slices`` is not among them.

        Of the slices that show some brain but no lesion a share ``lesion_free`` is chosen once, at random, to the
        nearest number of slices; one at least, unless the share is 0.

        Raises
        ------
        ConfigError
            If an entry is unknown or out of range, or no slice is left.
        """
        if "slices" not in options:
            return None
        entries = _DEFAULTS | check(options["slices"], stage)
        changed, free = [], []
        for number, source in enumerate(sources):
            with_lesion = np.unique(source.lesions[0][:, AXIS])
            of_brain = np.flatnonzero(source.brain.any(axis=(0, 1)))
            changed += [(number, int(n)) for n in with_lesion]
            free += [(number, int(n)) for n in np.setdiff1d(of_brain, with_lesion)]
        rng = np.random.default_rng(_SEED)
        wanted = entries["lesion_free"] * len(free)
        kept = np.sort(rng.permutation(len(free))[: max(round(wanted), int(wanted > 0))])
        if not changed and not len(kept):
            raise ConfigError(f"stage {stage}: sample.options.slices: found no slice with a lesion; expected some")
        other = np.array(free, np.int64).reshape(-1, 2)[kept]
        return cls(sources, np.array(changed, np.int64).reshape(-1, 2), other, int(entries["mirrored"]))

    def draw(self, rng: np.random.Generator) -> tuple[Source, NDArray[np.int64], int | None]:
        """A case, the voxel of the slice that a patch is centred on, and the axis along which it is mirrored, or None.

        The centre is a voxel of a lesion, or of the brain in a slice without one.
        """
        number = int(rng.integers(2 * len(self.changed) + len(self.other)))
        if number >= 2 * len(self.changed):
            case, at = (int(n) for n in self.other[number - 2 * len(self.changed)])
            brain = self.sources[case].brain[:, :, at]
            i, j = thrown(rng, brain.shape, lambda points: brain[tuple(points.T)])
            return self.sources[case], np.array([i, j, at], np.int64), None
        case, at = (int(n) for n in self.changed[number // 2])
        voxels = self.sources[case].lesions[0]
        within = voxels[voxels[:, AXIS] == at]
        return (
            self.sources[case],
            within[int(rng.integers(len(within)))].astype(np.int64),
            (None, self.axis)[number % 2],
        )


def check(entries: Any, stage: str) -> dict[str, Any]:
    """The entry ``slices``. `ConfigError` on what is unknown or out of range."""
    found = dict(entries) if isinstance(entries, Mapping) else {"": entries}
    share, axis = (found.get(name, default) for name, default in _DEFAULTS.items())
    right = isinstance(share, int | float) and 0 <= share <= 1 and axis in (0, 1)
    if found.keys() - _DEFAULTS.keys() or not right:
        expected = "lesion_free (0 to 1) and mirrored (axis 0 or 1)"
        raise ConfigError(f"stage {stage}: sample.options.slices is {entries}; expected {expected}")
    return found
