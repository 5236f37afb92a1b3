"""Who takes part in a benchmark, and what is fused of them, as ``newlesions benchmark`` is told."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from newlesions import house, settings
from newlesions.benchmark import folders
from newlesions.benchmark.plan import Consensus, Entrant
from newlesions.cohort.pairs import Pair
from newlesions.commands.train import check_networks
from newlesions.errors import ConfigError
from newlesions.images.files import write_text
from newlesions.preprocess.brain_backends import require
from newlesions.preprocess.cord import require_cord
from newlesions.recipes.small import made_small
from newlesions.recipes.stages import require_packages

_ALL = "all"


@dataclass(frozen=True)
class Entries:
    """Who takes part, and who does not.

    Attributes
    ----------
    entrants
        The recipes that can be trained and run here.
    refused
        Why others cannot, by name.
    remarks
        What was changed of those that take part, by name.
    """

    entrants: list[Entrant]
    refused: dict[str, str]
    remarks: dict[str, str]


def read_entries(args: argparse.Namespace, pairs: Sequence[Pair], extra: Sequence[Pair], folder: Path) -> Entries:
    """The recipes that are asked for, made small as asked, and written below ``folder`` as they take part.

    Raises
    ------
    ConfigError
        If one is unknown or wrong; that one cannot take part here is a reason, not an error.
    """
    config = settings.read_config(Path(args.configfile) if args.configfile else None)
    override = settings.deep_merge(config["override"], {"train": {"seed": args.seed}})
    config |= {"override": settings.deep_merge(override, settings.assignments(args.set)), "training": True}
    found = Entries([], {}, {})
    for word in names_of(args.recipes):
        recipe = settings.read_recipe(word)
        name = str(recipe["id"])
        if name.startswith(f"{folders.CONSENSUS}-"):
            raise ConfigError(f"--recipes: found {name}; expected another name, consensus-... are --consensus")
        if name in found.refused or any(one.name == name for one in found.entrants):
            raise ConfigError(f"--recipes: found {name} twice; expected each once")
        content, remark = made_small(recipe, args.patch, args.members, batch=args.batch, own_rates=not args.raise_rates)
        path = folder / folders.recipe_file(name)
        _write_if_other(path, yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120))
        settled = settings.merged(config | {"recipe": str(path)})
        entrant = Entrant(name, settings.read_recipe(str(path)), settled)
        if reason := why_not(entrant, pairs, extra, args.pairs):
            found.refused[name] = reason
            continue
        found.entrants.append(entrant)
        if remark:
            found.remarks[name] = remark
    return found


def names_of(words: Sequence[str]) -> list[str]:
    """The recipes that ``--recipes`` names: all shipped ones, names, or files; apart or by commas."""
    found: list[str] = []
    for name in listed(words):
        found += list(house.recipes()) if name == _ALL else [name]
    return list(dict.fromkeys(found))


def listed(words: Sequence[str]) -> list[str]:
    """Names that are given apart or by commas."""
    return [name for word in words for name in word.split(",") if name]


def why_not(entrant: Entrant, pairs: Sequence[Pair], extra: Sequence[Pair], table: str) -> str:
    """Why a recipe cannot take part here, in one line; "" where it can."""
    try:
        require_packages(entrant.recipe)
        if not all(pair.baseline_brain and pair.followup_brain for pair in [*pairs, *extra]):
            require(entrant.settings["brain"]["backend"])
            require_cord(entrant.settings["brain"]["cord"])
        if entrant.recipe.get("extra_pairs") and not extra:
            raise ConfigError("found one table of pairs; expected a second, --extra-pairs TSV")
        check_networks(entrant.recipe, [*pairs, *(extra if entrant.recipe.get("extra_pairs") else [])], table)
    except ConfigError as error:
        return str(error).removeprefix(f"recipe {entrant.name}: ")
    return ""


def fused(args: argparse.Namespace, there: Sequence[str]) -> list[Consensus]:
    """What is fused of the recipes that are ``there``; nothing where it would be fewer than two."""
    asked = _fused_names(args) or there
    of = tuple(name for name in there if name in asked)
    return [Consensus(how, of) for how in dict.fromkeys(args.consensus)] if len(of) > 1 else []


def check_consensus(args: argparse.Namespace, entries: Entries) -> None:
    """Refuse a consensus of recipes that are not there, or of fewer than two."""
    if args.consensus_of and not args.consensus:
        raise ConfigError("--consensus-of: found no --consensus beside it; expected a way to fuse, as mean")
    known = [*(one.name for one in entries.entrants), *entries.refused]
    asked = _fused_names(args) or known
    for name in asked:
        if name not in known:
            raise ConfigError(f"--consensus-of: found {name!r}; expected some of {', '.join(known)}")
    left = [name for name in asked if name not in entries.refused]
    if args.consensus and len(left) < 2:
        raise ConfigError(f"--consensus: found {len(left)} recipes to fuse; expected at least 2")


def _fused_names(args: argparse.Namespace) -> list[str]:
    """The recipes that ``--consensus-of`` names; none: all."""
    names = listed(args.consensus_of)
    return [] if _ALL in names else names


def _write_if_other(path: Path, text: str) -> None:
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)
