"""A recipe's network stages in the order in which they are trained and applied."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from newlesions.errors import ConfigError
from newlesions.networks import nnunet
from newlesions.networks.stages import ANSWERS, RESTORE, Stage, is_network

SECTIONS = ("candidates", "refine", "train")
"""The entries of ``stages`` that hold settings of the configuration."""


def network_entries(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of ``stages`` that describe networks."""
    return {name: entry for name, entry in recipe.get("stages", {}).items() if is_network(entry)}


def is_network_recipe(recipe: Mapping[str, Any]) -> bool:
    """Whether the recipe has networks."""
    return bool(network_entries(recipe))


def stages_of(recipe: Mapping[str, Any]) -> tuple[Stage, ...]:
    """The network stages, each after those that it needs; of several orders that of the file is taken.

    Parameters
    ----------
    recipe
        A recipe that its schema has checked.

    Raises
    ------
    ConfigError
        If a stage needs one that is not there or itself, if a name is taken, or if none finds new lesions.
    """
    where = f"recipe {recipe['id']}"
    stages = {name: Stage.of(name, entry) for name, entry in network_entries(recipe).items()}
    if not stages:
        raise ConfigError(f"{where}: found no network in its stages; expected an entry with a task")
    _check_names(where, stages)
    needs = {name: needed(stage, stages) for name, stage in stages.items()}
    for name, stage in stages.items():
        _check_named(where, name, stage, stages)
    ordered = tuple(stages[name] for name in _sorted(where, needs))
    if not any(stage.task in ANSWERS for stage in ordered):
        raise ConfigError(f"{where}: found no stage of task {' or '.join(ANSWERS)}; expected one that gives the mask")
    return ordered


def learns_unlabelled(recipe: Mapping[str, Any]) -> bool:
    """Whether a stage of the recipe learns from pairs without a reference too."""
    return any(entry["task"] == RESTORE for entry in network_entries(recipe).values())


def require_packages(recipe: Mapping[str, Any]) -> None:
    """Refuse a recipe whose networks need a package that is not installed.

    Raises
    ------
    ConfigError
        If that is so; the message says how to get it.
    """
    for name, entry in network_entries(recipe).items():
        if entry.get("network", {}).get("name") == nnunet.NAME and not nnunet.is_installed():
            raise ConfigError(
                f"recipe {recipe['id']}: stages.{name}: found no package nnunetv2; expected it, "
                "as `pip install 'newlesions[nnunet]'` brings it"
            )


def final(stages: Iterable[Stage]) -> Stage:
    """The stage whose answer is the recipe's: the last one that finds new lesions."""
    return [stage for stage in stages if stage.task in ANSWERS][-1]


def needed(stage: Stage, names: Iterable[str]) -> tuple[str, ...]:
    """The stages that ``stage`` needs, among ``names``: those of its expressions, its start, and those that it uses."""
    asked = [*names_in(stage.expressions), *([stage.start.stage] if stage.start else []), *stage.uses]
    known = set(names)
    return tuple(dict.fromkeys(name for name in asked if name in known))


def applied(stages: Iterable[Stage]) -> tuple[Stage, ...]:
    """The stages that a pair goes through, in order: the one whose answer counts, and those whose outputs it sees."""
    known = {stage.name: stage for stage in stages}
    wanted, asked = set(), [final(known.values()).name]
    while asked:
        name = asked.pop()
        wanted.add(name)
        asked += [other for other in names_in(known[name].expressions) if other in known and other not in wanted]
    return tuple(stage for stage in known.values() if stage.name in wanted)


def before(stage: Stage, stages: Iterable[Stage]) -> tuple[Stage, ...]:
    """The stages that ``stage`` needs, and those that they need, in order."""
    known = {other.name: other for other in stages}
    wanted: set[str] = set()
    asked = [stage.name]
    while asked:
        new = [name for name in needed(known[asked.pop()], known) if name not in wanted]
        wanted.update(new)
        asked += new
    return tuple(other for other in known.values() if other.name in wanted)


def names_in(expressions: Iterable[str]) -> tuple[str, ...]:
    """The names in arithmetic expressions, each once; what cannot be parsed has none.

    >>> names_in(["2 * lesions(baseline) - 1"])
    ('lesions', 'baseline')
    """
    found: dict[str, None] = {}
    for expression in expressions:
        try:
            tree = ast.parse(expression, mode="eval")
        except SyntaxError:
            continue  # `recipes.check` says what is wrong with it
        found |= dict.fromkeys(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))
    return tuple(found)


def _check_names(where: str, stages: Mapping[str, Stage]) -> None:
    from newlesions.settings import sections

    taken = [name for name in stages if name in sections()]
    if taken:
        raise ConfigError(
            f"{where}: found a network stage {taken[0]}; expected a name that is no section of the settings"
        )


def _check_named(where: str, name: str, stage: Stage, stages: Mapping[str, Stage]) -> None:
    """Refuse ``start`` and ``uses`` that name no stage."""
    asked = {"start.stage": [stage.start.stage] if stage.start else [], "uses": stage.uses}
    for entry, others in asked.items():
        for other in others:
            if other not in stages:
                raise ConfigError(
                    f"{where}: stages.{name}.{entry}: found {other!r}; expected one of {', '.join(stages)}"
                )


def _sorted(where: str, needs: Mapping[str, tuple[str, ...]]) -> list[str]:
    sorter = TopologicalSorter(needs)
    try:
        sorter.prepare()
    except CycleError as error:
        circle = " -> ".join(reversed(error.args[1]))
        raise ConfigError(f"{where}: found stages that need one another, {circle}; expected no circle") from error
    order: list[str] = []
    while sorter.is_active():
        ready = sorter.get_ready()
        order += [name for name in needs if name in ready]
        sorter.done(*ready)
    return order
