"""Changes of the lesions that are learned (masson2021, MSSEG-2 proceedings, p. 6)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from newlesions.learn.networks.augment.frame import Image

NAME = "enhance_lesions"
OPTIONS = {"range": (1.0, 1.5)}
"""By how much the rise of new lesions over the baseline is multiplied."""


def enhance(baseline: Image, followup: Image, lesions: NDArray[np.bool_], factor: float) -> Image:
    """The follow-up with ``factor`` times the rise of its new lesions over the baseline, (*sides).

    It models "the diversity of signal change due to lesions": some are faint, some bright.
    """
    return np.where(lesions, baseline + np.float32(factor) * (followup - baseline), followup)
