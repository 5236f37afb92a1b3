"""One network of one stage: files in, a folder out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from newlesions.errors import ConfigError
from newlesions.images.files import read_json
from newlesions.networks import nnunet
from newlesions.networks.stages import Limits, Stage
from newlesions.recipes.small import within_seconds

if TYPE_CHECKING:
    from newlesions.detect.networks.model import NetworkModel

WEIGHTS = "weights.safetensors"
"""The network itself, in its folder; beside it the log, the curve and the facts of its training."""


def fit_network(
    cases: Sequence[Path],
    member_folder: Path,
    recipe: str,
    stage: str,
    stages: Mapping[str, Mapping[str, Any]],
    members: Mapping[str, Sequence[Mapping[str, Any]]],
    seed: int,
    rater: str,
    limits: Mapping[str, Any],
    validation: Sequence[Path] | None = None,
    earlier: Sequence[Path] | None = None,
    pace: Path | None = None,
    seconds: float | None = None,
) -> None:
    """Train one network; a training that was stopped goes on from its checkpoint, beside the folder.

    Parameters
    ----------
    cases
        What the pairs that train show (step `case`), in the order of the pairs table: it is part of the result.
    member_folder
        The folder to write.
    recipe
        Its id.
    stage, stages
        The stage's name, and the recipe's stages as they stand there, in their order.
    members
        The networks of the stages before, by stage: ``folder`` and the subjects ``left_out``.
    seed
        Of everything that is drawn.
    rater
        Whose masks of new lesions are learned; "" for the reference.
    limits
        Of the section ``networks``: ``width``, ``patch``, ``steps``; of the job: ``device``, ``threads``;
        ``tensorboard``: whether logs for it are written beside the folder.
    validation
        The cases of the subjects that this network leaves out.
    earlier
        What must exist before, where the workflow calls; their paths stand in ``members``.
    pace, seconds
        Of a benchmark: how long a step takes (step `pace`), and how long the training may take. They bound its steps.

    Raises
    ------
    ConfigError
        If the pairs lack what the stage learns from.
    """
    entry = stages[stage]
    if pace is not None and seconds is not None:
        entry, limits = within_seconds(entry, limits, seconds, float(read_json(pace)["seconds_per_step"]))
    of_stage = Stage.of(stage, entry)
    held_out = list(validation or [])
    chosen = list(cases)
    if rater:
        rated = member_folder.with_name(f"{member_folder.name}.cases")
        chosen, held_out = (of_rater(paths, rater, rated) for paths in (chosen, held_out))
    within = Limits.of(limits)
    if of_stage.network["name"] == nnunet.NAME:
        _fit_nnunet(chosen, held_out, of_stage, within, member_folder, seed)
        return
    from newlesions.learn.networks.fit import fit

    fit(
        chosen,
        of_stage,
        within,
        member_folder,
        validation=held_out,
        earlier=model_of(recipe, stages, members, within) if members else None,
        seed=seed,
        tensorboard=member_folder.with_name(f"{member_folder.name}.tensorboard") if limits["tensorboard"] else None,
    )


def _fit_nnunet(
    cases: Sequence[Path], validation: Sequence[Path], stage: Stage, limits: Limits, out: Path, seed: int
) -> None:
    from newlesions.images.files import write_json
    from newlesions.learn.networks.nnunet import examples_of, train
    from newlesions.networks.case import read_case

    learned, held_out = (examples_of(stage, (read_case(path) for path in paths)) for paths in (cases, validation))
    facts = train(stage, learned, held_out, limits, out, seed)
    write_json(out / "facts.json", facts)


def model_of(
    recipe: str,
    stages: Mapping[str, Mapping[str, Any]],
    members: Mapping[str, Sequence[Mapping[str, Any]]],
    limits: Limits,
    training: Mapping[str, Any] | None = None,
) -> NetworkModel:
    """The model of the networks in these folders.

    Parameters
    ----------
    stages
        Of the recipe, in order; those without ``members`` are left out.
    members
        By stage, of each network its ``folder`` and the subjects ``left_out``.
    """
    from newlesions.detect.networks.model import Member, NetworkModel

    return NetworkModel(
        recipe,
        {name: Stage.of(name, entry) for name, entry in stages.items() if name in members},
        {
            name: [Member(Path(row["folder"]) / WEIGHTS, tuple(row["left_out"])) for row in rows]
            for name, rows in members.items()
        },
        limits,
        training or {},
    )


def of_rater(paths: Sequence[Path], rater: str, folder: Path) -> list[Path]:
    """The same cases with one rater's mask as that of new lesions, written to ``folder``."""
    from newlesions.networks.case import read_case, write_case

    written = []
    for path in paths:
        case = read_case(path)
        name = f"rater_{rater}"
        if name not in case.masks:
            raise ConfigError(f"{case.pair}: found no mask of rater {rater}; expected one of each rater for each pair")
        masks = {key: mask for key, mask in case.masks.items() if key not in ("gone", "share_new", "share_gone")}
        target = folder / f"{case.pair}.npz"
        write_case(target, replace(case, masks=masks | {"new": case.masks[name]}))
        written.append(target)
    return written
