"""What is known of a pair on its working grid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from newlesions.detect.classes import EXCHANGED
from newlesions.detect.settings import SubtractionSettings
from newlesions.images.morphology import Mask
from newlesions.images.volume import Affine, Grid

Image = NDArray[np.float32]


@dataclass(frozen=True)
class PairData:
    """The two visits of a pair, comparable and on one cubic grid.

    Attributes
    ----------
    before, after
        The harmonised images, float32, shape (I, J, K).
    brain
        The brain that both show, bool, (I, J, K).
    change
        The classes that the candidates have, uint8, (I, J, K).
    grid
        Of all of them.
    mni_from_working
        4x4, from the grid's RAS mm to MNI mm.
    slice_mm
        The largest voxel edge of the baseline's and of the follow-up's scan.
    settings
        Of the candidates: where a lesion may lie, and what counts as one at baseline.
    network
        A network's probabilities of what rose and of what fell, float32, (I, J, K) each; None where there is none.
    """

    before: Image
    after: Image
    brain: Mask
    change: NDArray[np.uint8]
    grid: Grid
    mni_from_working: Affine
    slice_mm: tuple[float, float]
    settings: SubtractionSettings
    network: tuple[Image, Image] | None = None
    kept: dict[tuple[int, str], tuple[Image, Image]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def spacing(self) -> float:
        """The edge of a voxel, mm."""
        return self.grid.edge

    def once(self, image: Image, what: str, compute: Callable[[], Image]) -> Image:
        """``compute()``, done once for ``image`` and shared with the pair of exchanged visits; ``what`` is its name."""
        key = id(image), what
        if key not in self.kept:
            # With the image itself, so that its id is not given to another one.
            self.kept[key] = image, compute()
        return self.kept[key][1]

    def swapped(self) -> PairData:
        """The pair with its visits exchanged: what was gone is new."""
        return replace(
            self,
            before=self.after,
            after=self.before,
            change=EXCHANGED[self.change],
            slice_mm=self.slice_mm[::-1],
            network=self.network and self.network[::-1],
        )
