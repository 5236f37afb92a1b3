"""Trained models as folders: which there are, which recipe each belongs to, what its files are.

What the classifiers are is the matter of `detect.refinement.model`; this module is light, for planning and for errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from newlesions import house
from newlesions.errors import ConfigError
from newlesions.images.files import read_json, sha256
from newlesions.recipes.stages import is_network_recipe

RECIPE = "recipe.yaml"
"""The recipe in a model's folder, with every setting that held in training."""

DESCRIPTION = "model.json"
"""What a model is, written last: where it lies, the model is whole."""

CLASSIFIERS = ("voxel_*.txt", "lesion_*.txt", "frequency.nii.gz")
"""What it refers to where it is made of trees."""

WEIGHTS = "weights/*"
"""What it refers to where it is made of networks."""

NETWORK = "network"
"""The folder, in that of a model of trees, of the networks whose probabilities the trees see."""

TREES, NETWORKS, BOTH = "trees", "networks", "both"
"""The kinds of models: what judges the subtraction's candidates, what looks at the images itself, and trees that see
what networks say."""


def folder(model: str) -> Path:
    """The folder of a model, by its path or by the name of a shipped one.

    Raises
    ------
    ConfigError
        If there is no model.
    """
    found = house.models().get(model, Path(model))
    for name in (DESCRIPTION, RECIPE):
        if not (found / name).is_file():
            known = ", ".join(house.models()) or "none is"
            raise ConfigError(
                f"model {model}: found no {name} there; expected the folder that `newlesions train` wrote, or the name "
                f"of a shipped model ({known})"
            )
    return found


def files(model: str) -> list[Path]:
    """What a model consists of and results depend on; not its recipe, its card and its held-out scores."""
    here = folder(model)
    patterns = (*CLASSIFIERS, WEIGHTS, f"{NETWORK}/{DESCRIPTION}", f"{NETWORK}/{WEIGHTS}")
    return [here / DESCRIPTION, *sorted(path for pattern in patterns for path in here.glob(pattern))]


def digests(model: str) -> dict[str, str]:
    """SHA-256 by the file's name in the model's folder."""
    here = folder(model)
    return {path.relative_to(here).as_posix(): sha256(path) for path in files(model)}


def recipe_of(model: str) -> str:
    """The id of the recipe that the model was trained for."""
    return str(_described(model, "recipe"))


def kind_of(model: str | None) -> str | None:
    """`TREES`, `NETWORKS` or `BOTH`; None without a model."""
    if model is None:
        return None
    kind = str(_described(model, "kind", TREES))
    return BOTH if kind == TREES and (folder(model) / NETWORK / DESCRIPTION).is_file() else kind


def network_files(model: str) -> list[Path]:
    """The files of the model's networks, their description first."""
    here = folder(model) / NETWORK if kind_of(model) == BOTH else folder(model)
    return [here / DESCRIPTION, *sorted(here.glob(WEIGHTS))]


def _described(model: str, entry: str, *default: str) -> Any:
    path = folder(model) / DESCRIPTION
    try:
        content = read_json(path)
        return content.get(entry, *default) if default else content[entry]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ConfigError(f"{path}: found no description of a model; expected what `newlesions train` wrote") from error


def choose(recipe: Mapping[str, Any], model: str | None) -> str | None:
    """The model that a run of ``recipe`` takes: ``model``, or the shipped one of its name where it needs one.

    Raises
    ------
    ConfigError
        If it needs one and there is none, or if ``model`` was trained for another recipe.
    """
    name = recipe["id"]
    if model is None and recipe.get("needs_model"):
        if name not in house.models():
            raise ConfigError(
                f"recipe {name}: found no model; expected --model MODEL_DIR, which "
                f"`newlesions train --recipe {name} --pairs pairs.tsv --out MODEL_DIR` makes"
            )
        return name
    if model is not None and (trained_for := recipe_of(model)) != name:
        raise ConfigError(f"model {model}: found a model of recipe {trained_for}; expected one of recipe {name}")
    return model


def check_trainable(recipe: Mapping[str, Any]) -> None:
    """Refuse a recipe that has nothing to train.

    Raises
    ------
    ConfigError
        If it has neither a section ``train`` nor networks.
    """
    if "train" not in recipe.get("stages", {}) and not is_network_recipe(recipe):
        raise ConfigError(
            f"recipe {recipe['id']}: found no section train in its stages; expected a recipe that is trained "
            "(`newlesions recipes` tells which are)"
        )
