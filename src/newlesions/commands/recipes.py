"""``newlesions recipes``: what there is to choose from."""

from __future__ import annotations

import argparse
from pathlib import Path

from newlesions import house, settings
from newlesions.commands.results_table import aligned


def command(args: argparse.Namespace) -> int:
    """List the shipped recipes, or print one."""
    if args.name:
        settings.read_recipe(args.name)
        print(house.recipes().get(args.name, Path(args.name)).read_text(encoding="utf-8"), end="")
        return 0
    print(aligned([[name, settings.read_recipe(name)["title"]] for name in house.recipes()]))
    return 0
