"""The candidates of a pair: rise and fall between two comparable images, where anatomy allows a change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from newlesions.detect.classes import KINDS, classify
from newlesions.detect.constraints import constrain, is_constrained
from newlesions.detect.regions import brain_mask, ventricle_mask
from newlesions.detect.settings import SubtractionSettings
from newlesions.detect.subtraction import Image, find_rise
from newlesions.detect.tissue import Tissue
from newlesions.images.morphology import Mask, bounding_box, label_lesions
from newlesions.images.resample import resample
from newlesions.images.volume import Affine, Grid, Volume


class Candidates(NamedTuple):
    """``change``: uint8 classes; ``signed``: float32 signed probability in [-1, 1]; ``facts``: what was measured."""

    change: NDArray[np.uint8]
    signed: Image
    facts: dict[str, Any]


def find_candidates(
    baseline: Volume,
    followup: Volume,
    brain: Mask,
    mni_from_working: Affine,
    settings: SubtractionSettings,
    *,
    tissue: tuple[Tissue, Tissue] | None = None,
    other_share: float = 1.0,
    information: float | None = None,
) -> Candidates:
    """Propose changed lesions. Exchanging the visits exchanges new with gone and enlarging with shrinking.

    Parameters
    ----------
    baseline, followup
        Comparable images on one RAS grid, in halfway or MNI space; of voxels that are no cubes, lengths are those of a
        cube of the same volume.
    brain
        The brain that both show, (I, J, K).
    mni_from_working
        4x4, RAS mm.
    tissue
        Of baseline and follow-up, (I, J, K); None: it does not matter.
    other_share
        As in `detect.constraints.constrain`.
    information
        The visits' mutual information, which chooses the threshold (``k_at``); None: ``k`` holds.
    """
    settings = settings.at_information(information)
    box = bounding_box(brain, margin=5)
    inclusion = anatomical_inclusion(brain, baseline.grid, mni_from_working, settings)[box]
    before, after, inside = baseline.data[box], followup.data[box], brain[box]
    spacing = baseline.grid.edge
    rise = find_rise(before, after, inside, inclusion, spacing, settings)
    fall = find_rise(after, before, inside, inclusion, spacing, settings)
    dropped = {}
    if is_constrained(settings):
        first, second = (None, None) if tissue is None else (Tissue(*(mask[box] for mask in one)) for one in tissue)
        up = constrain(rise.clusters, after, inside, spacing, settings, first, other_share)
        down = constrain(fall.clusters, before, inside, spacing, settings, second, other_share)
        rise, fall = replace(rise, clusters=up.clusters), replace(fall, clusters=down.clusters)
        dropped = {"proposed": up.proposed, "dropped": up.dropped}
    change = np.zeros(brain.shape, dtype=np.uint8)
    signed = np.zeros(brain.shape, dtype=np.float32)
    change[box], signed[box] = classify(rise, fall, before, after, inside, spacing, settings)
    counts = {f"{kind}_clusters": int(label_lesions(change == code).max()) for code, kind in KINDS.items()}
    difference = (after - before)[inside]
    mean, sd = (difference.mean(), difference.std()) if settings.standardise else (rise.mean, rise.sd)
    facts = {
        "mean_difference": round(float(mean), 5),
        "sd_difference": round(float(sd), 5),
        "k": settings.k,
        "threshold": round(rise.mean + rise.threshold * rise.sd, 5),
        "inclusion_ml": round(float(inclusion.sum()) * baseline.voxel_volume / 1000, 3),
        **counts,
        **dropped,
        **({} if information is None else {"mutual_information": round(information, 5)}),
    }
    return Candidates(change, signed, facts)


def anatomical_inclusion(brain: Mask, grid: Grid, mni_from_working: Affine, settings: SubtractionSettings) -> Mask:
    """Where a lesion may lie: in MNI's eroded brain and both visits' brain, outside MNI's eroded ventricles.

    Proceedings p. 2: "the ventricles (using a two times eroded standard ventricles mask) and the brain tissue (from a
    one time eroded MNI brain mask)".
    """
    included = brain & _on(brain_mask(settings.brain_erosions), grid, mni_from_working)
    return included & ~_on(ventricle_mask(settings.ventricle_erosions), grid, mni_from_working)


def _on(mask: Volume, grid: Grid, mni_from_grid: Affine) -> Mask:
    data = mask.with_data(mask.data.astype(np.float32))
    return resample(data, grid, mni_from_grid, order=1, antialias=False).data >= 0.5
