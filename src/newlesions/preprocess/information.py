"""How much the two visits of a pair tell of each other: the quality of their registration."""

from __future__ import annotations

import numpy as np

from newlesions.images.morphology import Mask, bounding_box
from newlesions.images.volume import Volume
from newlesions.preprocess.ants_images import load_ants, to_ants

_MARGIN = 5  # voxels around the brain's box


def mutual_information(baseline: Volume, followup: Volume, brain: Mask) -> float:
    """Mattes' mutual information of the two visits' brains, as ANTs measures it; more is better.

    Outside the brain both are 0, in a box with 5 voxels around it. The metric sees its two images differently; hence
    the mean of both orders, so that exchanging the visits changes nothing.

    Parameters
    ----------
    baseline, followup
        On one grid, (I, J, K).
    brain
        With at least one voxel, (I, J, K).
    """
    ants, box = load_ants(), bounding_box(brain, _MARGIN)
    first, second = (
        to_ants(Volume(np.where(brain, volume.data, 0)[box].astype(np.float32), volume.affine))
        for volume in (baseline, followup)
    )
    both = (ants.image_mutual_information(first, second), ants.image_mutual_information(second, first))
    return float(-np.mean(both))
