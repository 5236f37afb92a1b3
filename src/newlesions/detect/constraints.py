"""Which clusters of a subtraction can be lesions: by their tissue, their contrast and their shape.

La Rosa et al. (MSSEG-2 proceedings p. 66), in the paper's order. A fall is judged as a rise with the visits exchanged.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from newlesions.detect.components import contrasts, least_axes, overlaps, sphericities
from newlesions.detect.settings import SubtractionSettings
from newlesions.detect.subtraction import Image
from newlesions.detect.tissue import Tissue
from newlesions.images.morphology import Mask


class Constrained(NamedTuple):
    """``clusters``: those that stay, labels from 1, (I, J, K); ``proposed``: how many there were; ``dropped``: how many
    did not stay, by the first reason."""

    clusters: NDArray[np.int32]
    proposed: int
    dropped: dict[str, int]


def is_constrained(settings: SubtractionSettings) -> bool:
    """Whether the settings ask for anything here."""
    return settings.tissue != "none" or max(settings.contrast, settings.least_axis_mm, settings.sphericity) > 0


def constrain(
    clusters: NDArray[np.int32],
    after: Image,
    brain: Mask,
    spacing: float,
    settings: SubtractionSettings,
    tissue: Tissue | None = None,
    other_share: float = 1.0,
) -> Constrained:
    """Drop clusters that cannot be lesions.

    Parameters
    ----------
    clusters
        Labels from 1, (I, J, K).
    after
        The visit that shows them brighter, (I, J, K).
    brain
        (I, J, K).
    spacing
        The edge of a voxel, mm.
    settings
        ``white_share``, ``contrast``, ``least_axis_mm``, ``sphericity``, ``shape``.
    tissue
        Of the visit before; None: tissue does not matter.
    other_share
        A cluster touches other tissue, or a lesion that was there before, where more than this share of it lies there.
    """
    reasons: list[tuple[str, NDArray[np.bool_]]] = []
    if tissue is not None:
        reasons.append(("white_share", overlaps(clusters, tissue.white) < settings.white_share))
        reasons.append(("other_share", overlaps(clusters, tissue.other | tissue.lesion) > other_share))
    if settings.contrast > 0:
        reasons.append(("contrast", contrasts(clusters, after, brain) < settings.contrast))
    if settings.least_axis_mm > 0 or settings.sphericity > 0:
        reasons.append(("shape", _misshapen(clusters, spacing, settings)))
    stays = np.ones(int(clusters.max(initial=0)), np.bool_)
    dropped = {}
    for name, some in reasons:
        dropped[name] = int((stays & some).sum())
        stays &= ~some
    numbers = np.concatenate([[0], np.where(stays, np.cumsum(stays), 0)]).astype(np.int32)
    return Constrained(numbers[clusters], len(stays), dropped)


def _misshapen(clusters: NDArray[np.int32], spacing: float, settings: SubtractionSettings) -> NDArray[np.bool_]:
    thin = least_axes(clusters, spacing) < settings.least_axis_mm
    ragged = sphericities(clusters, spacing) < settings.sphericity
    return np.asarray(thin & ragged if settings.shape == "both" else thin | ragged)
