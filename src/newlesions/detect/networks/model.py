"""A trained model of networks as a folder: one JSON file that describes it, and one file of weights per network."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from newlesions.errors import ConfigError
from newlesions.images.files import read_json, write_atomically, write_json
from newlesions.models import DESCRIPTION, NETWORKS
from newlesions.networks import nnunet
from newlesions.networks.stages import ANSWERS, TRAINING_ONLY, Limits, Stage

if TYPE_CHECKING:
    import torch

FORMAT = 1
WEIGHTS = "weights"


@dataclass(frozen=True)
class Member:
    """One network of a stage: where its weights lie, and the subjects that it was not trained on."""

    path: Path
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class NetworkModel:
    """The stages of a recipe, each with its trained networks.

    Attributes
    ----------
    recipe
        The recipe's id.
    stages
        By name, each after those that it needs.
    members
        Of each stage, by its name.
    limits
        Those of the training: ``width`` tells how wide the networks are, ``patch`` how large their windows.
    training
        What the model was trained on.
    """

    recipe: str
    stages: Mapping[str, Stage]
    members: Mapping[str, Sequence[Member]]
    limits: Limits = field(default_factory=Limits)
    training: Mapping[str, Any] = field(default_factory=dict)
    _built: dict[Path, torch.nn.Module] = field(default_factory=dict, repr=False, compare=False)

    @property
    def answer(self) -> Stage:
        """The last stage that tells new lesions.

        Raises
        ------
        ConfigError
            If there is none, as in a model that is not trained to its end.
        """
        for stage in reversed(list(self.stages.values())):
            if stage.task in ANSWERS:
                return stage
        raise ConfigError(f"model of {self.recipe}: found no stage of task {' or '.join(ANSWERS)}; expected one")

    def within(self, limits: Limits) -> Limits:
        """The device and threads of ``limits``, with the width and the patch of the model's own training."""
        return replace(self.limits, device=limits.device, threads=limits.threads)

    def networks(self, stage: str, left_out: str | None = None) -> list[torch.nn.Module]:
        """The networks of a stage, built once, in evaluation mode.

        Parameters
        ----------
        stage
            Its name.
        left_out
            A subject: only the networks that were not trained on it. Without one, or where every network was trained
            on it: those that left nobody out (``members.refit``), else all.

        Raises
        ------
        ConfigError
            If the stage has no networks, or the weights are not those of its architecture.
        """
        return [self._network(self.stages[stage], member) for member in self.chosen(stage, left_out)]

    def chosen(self, stage: str, left_out: str | None = None) -> list[Member]:
        """Where the weights of `networks` lie, and what they left out."""
        members = list(self.members.get(stage, ()))
        if not members:
            known = ", ".join(name for name, some in self.members.items() if some) or "none"
            raise ConfigError(f"model of {self.recipe}: found no networks of stage {stage}; trained are: {known}")
        blind = [one for one in members if left_out is not None and left_out in one.left_out]
        return blind or [one for one in members if not one.left_out] or members

    def applied(self) -> NetworkModel:
        """The model with those networks alone that are applied to new pairs."""
        return replace(self, members={name: self.chosen(name) if some else [] for name, some in self.members.items()})

    def load(self) -> None:
        """Build now what `apply` needs, so that no pair waits for it and no pair is blamed for it."""
        for name, stage in self.stages.items():
            if stage.is_trained and stage.task not in TRAINING_ONLY and stage.network["name"] != nnunet.NAME:
                self.networks(name)

    def _network(self, stage: Stage, member: Member) -> torch.nn.Module:
        from newlesions.networks.build import build
        from newlesions.networks.weights import load

        if member.path not in self._built:
            network = build(stage.network, stage.channels, self.limits.width)
            load(member.path, network)
            self._built[member.path] = network.eval().requires_grad_(False)
        return self._built[member.path]

    def write(self, folder: Path) -> None:
        """Write the model's files; ``model.json``, which names the others, comes last."""
        described: dict[str, Any] = {}
        for name, stage in self.stages.items():
            rows = []
            for number, member in enumerate(self.members.get(name, ())):
                file = f"{WEIGHTS}/{name}_{number}.safetensors"
                _copy(member.path, folder / file)
                rows.append({"file": file, "left_out": list(member.left_out)})
            described[name] = {"stage": stage.plain(), "members": rows}
        write_json(
            folder / DESCRIPTION,
            {
                "format": FORMAT,
                "kind": NETWORKS,
                "recipe": self.recipe,
                "stages": described,
                "limits": dataclasses.asdict(self.limits),
                "training": dict(self.training),
            },
        )

    @classmethod
    def read(cls, folder: Path) -> NetworkModel:
        """Read a model; its weights are read when they are asked for.

        Raises
        ------
        ConfigError
            If a file is missing, or the folder holds a model of another kind or format.
        """
        path = folder / DESCRIPTION
        if not path.is_file():
            raise ConfigError(f"{folder}: found no {DESCRIPTION}; expected the folder of a trained model")
        held = read_json(path)
        if held.get("kind") != NETWORKS:
            raise ConfigError(f"{path}: found a model of kind {held.get('kind')}; expected one of kind {NETWORKS}")
        if held.get("format") != FORMAT:
            raise ConfigError(f"{path}: found format {held.get('format')}; expected {FORMAT}: train the model again")
        members = {
            name: [Member(folder / row["file"], tuple(row["left_out"])) for row in entry["members"]]
            for name, entry in held["stages"].items()
        }
        for member in (one for some in members.values() for one in some):
            if not member.path.is_file():
                raise ConfigError(
                    f"{folder}: found no {member.path.relative_to(folder)}; expected all files that {DESCRIPTION} names"
                )
        return cls(
            held["recipe"],
            {name: Stage.of(name, entry["stage"]) for name, entry in held["stages"].items()},
            members,
            Limits.of(held["limits"]),
            held["training"],
        )


def model_files(folder: Path) -> list[Path]:
    """The files of the model in ``folder``: what a result depends on; ``model.json`` first."""
    stages = read_json(folder / DESCRIPTION)["stages"]
    return [folder / DESCRIPTION, *(folder / row["file"] for entry in stages.values() for row in entry["members"])]


def _copy(source: Path, target: Path) -> None:
    if source.resolve() != target.resolve():
        write_atomically(target, lambda temporary: _copied(source, temporary))


def _copied(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
