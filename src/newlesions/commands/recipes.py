"""``newlesions recipes``: what there is to choose from, what a recipe is, and whether a file is a good one."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from newlesions import house, settings
from newlesions.cli import DONE, WRONG_INPUT
from newlesions.commands.results_table import aligned
from newlesions.errors import ConfigError
from newlesions.recipes.state import completeness_here, extras, is_published

_PUBLISHED = 32
"""Systems of the MSSEG-2 proceedings and of the papers that followed from them."""


def command(args: argparse.Namespace) -> int:
    """List the shipped recipes, show or print one, or check some. Returns the exit code."""
    match args.words:
        case [] | ["list"]:
            return _list()
        case ["show", name]:
            return _show(name)
        case ["check", *files] if files:
            return _check(files)
        case [name] if name not in ("show", "check"):
            settings.read_recipe(name)
            print(house.recipes().get(name, Path(name)).read_text(encoding="utf-8"), end="")
            return DONE
    raise ConfigError(f"recipes: found {' '.join(args.words)!r}; expected list, show NAME, check FILE..., or NAME")


def _list() -> int:
    recipes = {name: settings.read_recipe(name) for name in house.recipes()}
    print(
        aligned(
            [[name, recipe["title"], _training(recipe), completeness_here(recipe)] for name, recipe in recipes.items()]
        )
    )
    published = [recipe for recipe in recipes.values() if is_published(recipe)]
    absent = sum(any(extra.missing() for extra in extras(recipe)) for recipe in published)
    told = f"{len(published)} of {_PUBLISHED} complete"
    print(
        f"\nsystems of the challenge: {told}" + (f", {absent} of them need an extra that is absent" if absent else "")
    )
    return DONE


def _show(name: str) -> int:
    from newlesions.recipes.check import check
    from newlesions.recipes.show import show

    recipe = settings.read_recipe(name)
    print(show(recipe, check(recipe)), end="")
    return DONE


def _check(files: Sequence[str]) -> int:
    """Check all, and say of each what it is or what is wrong."""
    from newlesions.recipes.check import check

    wrong = 0
    for file in files:
        try:
            recipe = settings.read_recipe(file)
            trainable = "train" in recipe.get("stages", {}) or recipe.get("needs_model", False)
            # Its settings within the configuration; a model is looked for when it runs, not now.
            settings.merged(settings.read_config() | {"recipe": _place(file), "training": trainable})
            networks = check(recipe)
        except ConfigError as error:
            wrong += 1
            print(f"newlesions: {error}", file=sys.stderr)
            continue
        weights = sum(one.parameters or 0 for one in networks)
        count = sum(one.stage.is_trained for one in networks)
        what = f"{count} networks, {weights / 1e6:.1f} million weights" if networks else "no networks"
        print(f"{recipe['id']}: a good recipe ({what})")
    return WRONG_INPUT if wrong else DONE


def _place(file: str) -> str:
    return file if file in house.recipes() else str(Path(file).absolute())


def _training(recipe: Mapping[str, Any]) -> str:
    """What a recipe needs before it can run."""
    if not recipe.get("needs_model"):
        return "runs as it is"
    if recipe["id"] in house.models():
        return "runs with its shipped model"
    return "to be trained first (newlesions train)"
