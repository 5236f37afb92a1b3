"""How a model does on a pair that it was not trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from newlesions.detect.classes import NEW
from newlesions.detect.features.pair import PairData
from newlesions.detect.refinement.apply import Refined, refine
from newlesions.detect.refinement.model import Model
from newlesions.evaluate.lesions import Lesions, detected, find_lesions, overlap, smallest_kept
from newlesions.evaluate.masks import label_image
from newlesions.evaluate.measures import DETECTION, SEGMENTATION, Comparison, Thresholds
from newlesions.images.morphology import Mask
from newlesions.images.volume import Affine

COLUMNS = (
    "pair", "subject", "Dice", "F1_score", "SensL", "PPVL", "NbTestedLesions", "VolTestedLesions", "candidates_Dice",
    "candidates_F1_score", "reference_lesions", "lesions", "probabilities",
)  # fmt: skip


def held_out(pair: PairData, truth: Mask, model: Model, name: str, subject: str, threads: int = 1) -> dict[str, Any]:
    """The scores of new lesions on the working grid, beside those of the candidates before the classifier.

    Returns
    -------
    dict
        With the keys `COLUMNS`; measures that do not apply are absent. ``probabilities`` has, for every candidate that
        the classifier judged, its probability and whether it is true by the challenge's rule: ``0.93:1 0.12:0``.
    """
    refined = refine(pair, model, threads)
    return {
        "pair": name,
        "subject": subject,
        **scores_of_change(truth, refined.change, pair.change, pair.grid.affine),
        "lesions": int(np.count_nonzero([row["kind"] == "new" for row in refined.lesions])),
        "probabilities": " ".join(
            f"{chance:.3f}:{int(true)}"
            for chance, true in zip(refined.certainty, _true(refined, truth, pair), strict=True)
        ),
    }


def scores_of_change(truth: Mask, change: NDArray[Any], candidates: NDArray[Any], affine: Affine) -> dict[str, Any]:
    """The measures of `COLUMNS` that the new lesions of ``change`` have, beside those of the ``candidates``' new ones.

    Parameters
    ----------
    truth
        The reference of new lesions, (I, J, K).
    change, candidates
        Classes of change, (I, J, K).
    affine
        Of their grid.
    """
    reference = label_image(truth, affine)
    after, before = (Comparison(reference, label_image(one == NEW, affine)) for one in (change, candidates))
    wanted = {*COLUMNS}
    measures = after.measures((*SEGMENTATION, *DETECTION))
    earlier = before.measures((*SEGMENTATION, *DETECTION))
    return {
        **{key: value for key, value in measures.items() if key in wanted},
        **{f"candidates_{key}": value for key, value in earlier.items() if f"candidates_{key}" in wanted},
        "reference_lesions": after.detection.reference.count,
    }


def calibration_error(rows: Sequence[Mapping[str, Any]], bins: int = 10) -> float:
    """The expected calibration error of the candidates of all ``rows``; NaN where there is none.

    The mean over equal bins of probability, weighted by their candidates, of the distance between the mean probability
    and the share that is true (Guo et al. 2017, ICML).
    """
    judged = [item.split(":") for row in rows for item in str(row.get("probabilities") or "").split()]
    if not judged:
        return float("nan")
    chance, true = np.array(judged, float).T
    number = np.minimum((chance * bins).astype(int), bins - 1)
    sums = [np.bincount(number, weights=values, minlength=bins) for values in (chance, true)]
    return float(np.abs(sums[0] - sums[1]).sum() / chance.size)


def _true(refined: Refined, truth: Mask, pair: PairData) -> NDArray[np.bool_]:
    """Which of the proposed candidates are true."""
    rule = Thresholds()
    least = smallest_kept(rule.min_volume_mm3, pair.grid.voxel_volume)
    sizes = np.bincount(refined.proposed.ravel(), minlength=refined.certainty.size + 1)[1:]
    candidates = Lesions(refined.proposed.astype(np.uint32), sizes.astype(np.int64))
    met = overlap(candidates, find_lesions(truth, least))
    return detected(met, rule.min_overlap, rule.max_false_positive, rule.moderator)
