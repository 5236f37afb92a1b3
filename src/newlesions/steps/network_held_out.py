"""How networks do on a pair of a subject that they have not seen: files in, one file out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from newlesions.networks.stages import Limits
from newlesions.steps.fit_network import model_of
from newlesions.steps.held_out import write_row


def network_held_out(
    case: Path,
    row: Path,
    recipe: str,
    stages: Mapping[str, Mapping[str, Any]],
    members: Mapping[str, Sequence[Mapping[str, Any]]],
    limits: Mapping[str, Any],
    candidates: Mapping[str, Any],
    networks: Sequence[Path] | None = None,
) -> None:
    """Write the pair's scores on the working grid; null where one is not defined.

    Parameters
    ----------
    case
        What the pair shows (step `case`).
    row
        The result, JSON. Where some stage has no network that left the subject out there are no scores in it.
    recipe, stages, members, limits
        As in the step `fit_network`; the members of all stages.
    candidates
        The settings of the candidates, which tell enlarging from new.
    networks
        What must exist before, where the workflow calls; their paths stand in ``members``.
    """
    from newlesions.learn.networks.held_out import held_out
    from newlesions.networks.case import read_case

    within = Limits.of(limits)
    scores = held_out(read_case(case), model_of(recipe, stages, members, within), within, candidates)
    write_row(row, scores)
