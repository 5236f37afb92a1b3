"""``newlesions recipes``: what there is to choose from."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from newlesions import house, settings
from newlesions.commands.results_table import aligned


def command(args: argparse.Namespace) -> int:
    """List the shipped recipes, or print one."""
    if args.name:
        settings.read_recipe(args.name)
        print(house.recipes().get(args.name, Path(args.name)).read_text(encoding="utf-8"), end="")
        return 0
    recipes = {name: settings.read_recipe(name) for name in house.recipes()}
    print(aligned([[name, recipe["title"], _training(recipe)] for name, recipe in recipes.items()]))
    return 0


def _training(recipe: Mapping[str, Any]) -> str:
    """What a recipe needs before it can run."""
    if not recipe.get("needs_model"):
        return "runs as it is"
    if recipe["id"] in house.models():
        return "runs with its shipped model"
    return "to be trained first (newlesions train)"
