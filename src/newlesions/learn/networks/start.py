"""What a training takes from earlier ones: weights to begin with, and networks that it asks."""

from __future__ import annotations

import torch

from newlesions.detect.networks.model import NetworkModel
from newlesions.errors import ConfigError
from newlesions.networks.stages import ESTIMATE, Stage
from newlesions.networks.weights import transfer


def begin(
    network: torch.nn.Module, stage: Stage, earlier: NetworkModel | None, left_out: str | None, seed: int
) -> list[torch.nn.Module]:
    """Give ``network`` the weights that ``stage.start`` names and return the parts that shall not change.

    Raises
    ------
    ConfigError
        If the other stage is not trained, no weight fits, or the part to freeze is no part of the network.
    """
    if stage.start is None:
        return []
    if earlier is None:
        raise ConfigError(f"stage {stage.name}: start names {stage.start.stage}; expected it to be trained before")
    transfer(network_of(earlier, stage.start.stage, left_out, seed), network, stage.start.part)
    if not stage.start.frozen:
        return []
    name = stage.start.frozen if isinstance(stage.start.frozen, str) else stage.start.part
    if name is None:
        raise ConfigError(f"stage {stage.name}: start.frozen is true; expected start.part, or nothing is left to train")
    try:
        part = network.get_submodule(name)
    except AttributeError as error:
        known = ", ".join(name for name, _ in network.named_children())
        raise ConfigError(f"stage {stage.name}: start keeps {name} as it is; expected one of {known}") from error
    return [part.requires_grad_(False)]


def judge_of(stage: Stage, earlier: NetworkModel | None, left_out: str | None, seed: int) -> torch.nn.Module | None:
    """The network of the task ``estimate_f1`` that ``stage`` uses, as it is; None where it uses none."""
    for name in stage.uses if earlier is not None else ():
        assert earlier is not None
        if name in earlier.stages and earlier.stages[name].task == ESTIMATE:
            return network_of(earlier, name, left_out, seed)
    return None


def network_of(model: NetworkModel, stage: str, left_out: str | None, seed: int) -> torch.nn.Module:
    """The network of an earlier stage that belongs to a training: one that has not seen the subject ``left_out``.

    Of several, as of several seeds, the seed chooses; one seed, one network.
    """
    networks = model.networks(stage, left_out)
    return networks[seed % len(networks)]
