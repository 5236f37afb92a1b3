"""What networks that have not seen a subject make of its pair: files in, files out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from newlesions.steps.fit_network import model_of
from newlesions.steps.network import write_both


def network_seen(
    case: Path,
    rise: Path,
    fall: Path,
    recipe: str,
    stages: Mapping[str, Mapping[str, Any]],
    members: Mapping[str, Sequence[Mapping[str, Any]]],
    limits: Mapping[str, Any],
    networks: Sequence[Path] | None = None,
) -> None:
    """Write the probabilities of a training pair, from which classifiers learn what networks say of new pairs.

    Parameters
    ----------
    case
        What the pair shows (step `case`).
    rise, fall
        The probability of what is new and of what is gone, float32, on the working grid.
    recipe, stages, members, limits
        As in the step `fit_network`; the members of all stages.
    networks
        What must exist before, where the workflow calls; their paths stand in ``members``.
    """
    from newlesions.detect.networks.apply import both_directions
    from newlesions.networks.case import read_case
    from newlesions.networks.stages import Limits

    seen, within = read_case(case), Limits.of(limits)
    both = both_directions(seen, model_of(recipe, stages, members, within), within, left_out=seen.subject)
    write_both({"rise": rise, "fall": fall}, seen, both)
