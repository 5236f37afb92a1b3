"""nnU-Net as an optional part: whether it is there, and where it keeps its files."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from newlesions.errors import ConfigError

if TYPE_CHECKING:
    import torch

    from newlesions.networks.stages import Stage

NAME = "nnunet"
"""Of the network in a recipe: ``network: {name: nnunet}``."""

CONFIGURATION = "3d_fullres"
_FOLDERS = {"nnUNet_raw": "raw", "nnUNet_preprocessed": "preprocessed", "nnUNet_results": "results"}


ARGUMENTS = ("epochs", "batches", "patch", "spacing_mm", "dropout")
AUGMENTATIONS = ("rotate", "scale", "flip", "enhance_lesions")
SCHEDULES = {"adam": "plateau", "sgd": "poly"}
"""Of the optimisers, as the two papers have them."""


def check(stage: Stage) -> None:
    """Raise `ConfigError` on what a stage of nnU-Net cannot obey."""
    unknown = sorted(set(stage.network) - {"name", *ARGUMENTS})
    if unknown:
        raise ConfigError(f"network {NAME} has no argument {unknown[0]}; known: {', '.join(ARGUMENTS)}")
    for name in ("patch", "spacing_mm"):
        sides = stage.network.get(name)
        if sides is not None and (len(sides) != 3 or not all(side > 0 for side in sides)):
            raise ConfigError(f"network {NAME}: {name} is {sides}; expected three positive numbers")
    if not 0 <= stage.network.get("dropout", 0.0) < 1:
        raise ConfigError(f"network {NAME}: dropout is {stage.network['dropout']}; expected 0 or more and less than 1")
    other = [entry["name"] for entry in stage.augment if entry["name"] not in AUGMENTATIONS]
    if other:
        raise ConfigError(f"augment: found {other[0]}; expected some of {', '.join(AUGMENTATIONS)} for {NAME}")
    schedule = stage.optimise.schedule["name"]
    if SCHEDULES.get(stage.optimise.name) != schedule:
        known = ", ".join(f"{name} with {of}" for name, of in SCHEDULES.items())
        raise ConfigError(f"optimise: found {stage.optimise.name} with {schedule}; expected {known} for {NAME}")


def is_installed() -> bool:
    """Whether the package is there."""
    return importlib.util.find_spec("nnunetv2") is not None


def require() -> None:
    """Raise `ConfigError` where nnunetv2 is not installed."""
    if not is_installed():
        raise ConfigError(
            "the network nnunet: found no package nnunetv2; install it with `pip install newlesions[nnunet]`"
        )


def once(network: torch.nn.Module) -> torch.nn.Module:
    """The network's parameters, each under one name, as files of weights want it: nnU-Net's layers have several.

    They are shared: what is loaded into the result is in ``network``. Its instance norms have no buffers.
    """
    from torch.nn import Module

    held = Module()
    for name, parameter in network.named_parameters():
        held.register_parameter(name.replace(".", "/"), parameter)
    return held


@contextmanager
def environment(folder: Path, workers: int = 0) -> Iterator[None]:
    """nnU-Net's environment for the time of a call: its three folders below ``folder``, and no compilation.

    Parameters
    ----------
    workers
        Processes that make batches. With 0 one process makes them, in an order that seeds determine.
    """
    wanted = {name: str(folder / sub) for name, sub in _FOLDERS.items()}
    wanted |= {"nnUNet_n_proc_DA": str(workers), "nnUNet_compile": "false"}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
