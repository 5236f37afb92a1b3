"""How long an optimiser step of a network takes: files in, one file out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from newlesions.images.files import read_json, write_json
from newlesions.networks.stages import Stage
from newlesions.steps.fit_network import WEIGHTS, fit_network

TRIED = (2, 8)
"""Steps of the two short trainings between which the pace is measured."""

_LONG_SECONDS = 10.0
"""Steps from here on are so long that what else a training does is nothing beside them: the first tells the pace."""

_LEAST_SECONDS = 1e-3


def pace(
    cases: Sequence[Path],
    pace_out: Path,
    recipe: str,
    stages: Mapping[str, Mapping[str, Any]],
    raters: Sequence[str],
    limits: Mapping[str, Any],
    recorded: float | None = None,
) -> None:
    """Write the seconds of an optimiser step of the last of ``stages``, batches included.

    They are measured between two short trainings: on a CPU seconds of CPU, so that a busy machine changes little; on a
    GPU the clock's. Where steps take long the first training is enough. A later stage sees what the networks of the
    earlier ones, hardly trained, say.

    Parameters
    ----------
    cases
        A few pairs (step `case`).
    pace_out
        The result, JSON: ``seconds_per_step``, ``measured`` (whether on this machine) and ``device``.
    recipe
        Its id.
    stages
        The recipe's stages as they stand there, each after those that it needs.
    raters
        The names of the raters that all cases have.
    limits
        As in the step `fit_network`.
    recorded
        What was measured before, which is taken instead.
    """
    if recorded is not None:
        write_json(pace_out, {"seconds_per_step": recorded, "measured": False, "device": None})
        return
    seconds, device = measured(cases, recipe, stages, raters, limits)
    write_json(pace_out, {"seconds_per_step": float(f"{seconds:.4g}"), "measured": True, "device": device})


def measured(
    cases: Sequence[Path],
    recipe: str,
    stages: Mapping[str, Mapping[str, Any]],
    raters: Sequence[str],
    limits: Mapping[str, Any],
) -> tuple[float, str]:
    """Seconds of an optimiser step of the last stage that has a network, and the device."""
    members: dict[str, list[dict[str, Any]]] = {}
    found = (_LEAST_SECONDS, "")
    trained = [stage for stage in (Stage.of(*entry) for entry in stages.items()) if stage.is_trained]
    with TemporaryDirectory(prefix="newlesions-") as name:
        for stage in trained:
            tried: list[dict[str, Any]] = []
            for steps in TRIED:
                if tried and (stage is not trained[-1] or _pace(tried)[0] >= _LONG_SECONDS):
                    break
                out = Path(name) / f"{stage.name}-{steps}"
                within = {**limits, "steps": steps, "tensorboard": False}
                rater = raters[0] if stage.members.raters else ""
                fit_network(cases, out, recipe, stage.name, stages, members, 0, rater, within)
                tried.append(read_json(out / "facts.json"))
            found = _pace(tried)
            members[stage.name] = [{"folder": str(Path(name) / f"{stage.name}-{TRIED[0]}"), "left_out": []}]
            if not (Path(members[stage.name][0]["folder"]) / WEIGHTS).is_file():
                raise FileNotFoundError(f"{stage.name}: its training wrote no {WEIGHTS}")
    return found


def _pace(tried: Sequence[Mapping[str, Any]]) -> tuple[float, str]:
    """Seconds of a step: between two trainings; of one, with all that it does beside its steps."""
    on_cpu = all(facts.get("device") == "cpu" and "cpu_seconds" in facts for facts in tried)
    took = [float(facts["cpu_seconds" if on_cpu else "seconds"]) for facts in tried]
    seconds = (took[1] - took[0]) / (TRIED[1] - TRIED[0]) if len(took) > 1 else took[0] / TRIED[0]
    return max(seconds, _LEAST_SECONDS), str(tried[0].get("device", ""))
