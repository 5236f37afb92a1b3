"""How networks do on a pair whose subject they were not trained on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from newlesions.detect.networks.apply import both_directions
from newlesions.detect.networks.decide import decide
from newlesions.detect.networks.model import NetworkModel
from newlesions.detect.settings import SubtractionSettings
from newlesions.learn.boosting.held_out import scores_of_change
from newlesions.networks.case import Case
from newlesions.networks.stages import Limits


def held_out(case: Case, model: NetworkModel, limits: Limits, candidates: Mapping[str, Any]) -> dict[str, Any]:
    """The scores of new lesions on the working grid, beside those of the subtraction's candidates.

    Parameters
    ----------
    case
        With its mask ``new``.
    model
        Of each stage, the networks that left the subject out are taken.
    candidates
        The settings of the candidates, which tell enlarging from new.

    Returns
    -------
    dict
        With the keys of `learn.boosting.held_out.COLUMNS`, but ``probabilities``; measures that do not apply are
        absent. Where every network of some stage was trained on the subject: ``pair`` and ``subject`` alone.
    """
    known = {"pair": case.pair, "subject": case.subject}
    trained = [members for name, members in model.members.items() if model.stages[name].is_trained]
    if not all(any(case.subject in one.left_out for one in members) for members in trained):
        return known
    rise, fall = both_directions(case, model, limits, left_out=case.subject)
    decided = decide(
        rise,
        fall,
        (case.baseline, case.followup),
        case.brain,
        case.spacing,
        model.answer.predict,
        SubtractionSettings.of(candidates),
    )
    scores = scores_of_change(case.masks["new"] > 0, decided.change, case.change, case.affine)
    return {**known, **scores, "lesions": decided.proposed}
