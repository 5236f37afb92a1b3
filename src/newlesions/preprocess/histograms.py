"""How the intensities of two visits are spread, and how much of the two spreads is the same."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from newlesions.images.morphology import Mask

BINS = 64


def histograms(baseline: NDArray[np.float32], followup: NDArray[np.float32], brain: Mask) -> dict[str, Any]:
    """The histograms of both visits inside the brain over one range, ready for JSON.

    Parameters
    ----------
    baseline, followup
        Images of one shape.
    brain
        Where to count, the same shape, not empty.

    Returns
    -------
    dict
        ``low`` and ``high``, the ends of the `BINS` bins: the 0.2nd and the 99.8th percentile of both visits together,
        and a tenth more each way; ``baseline`` and ``followup``, how many of 10,000 voxels lie in each bin, what lies
        beyond being in the outermost; ``overlap``, the share that both have in common, 0 to 1.
    """
    values = [image[brain] for image in (baseline, followup)]
    low, high = (float(end) for end in np.percentile(np.concatenate(values), (0.2, 99.8)))
    margin = 0.1 * (high - low) or 1.0
    low, high = low - margin, high + margin
    shares = [np.histogram(np.clip(part, low, high), BINS, (low, high))[0] / part.size for part in values]
    return {
        "low": round(low, 4),
        "high": round(high, 4),
        **{
            name: np.rint(1e4 * share).astype(int).tolist()
            for name, share in zip(("baseline", "followup"), shares, strict=True)
        },
        "overlap": round(float(np.minimum(*shares).sum()), 4),
    }
