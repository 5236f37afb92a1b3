"""The settings of a run: the configuration, the recipe over it, and what the user sets over both."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from newlesions import house, models
from newlesions.errors import ConfigError
from newlesions.networks.stages import is_network
from newlesions.recipes.stages import SECTIONS, is_network_recipe, stages_of

STEP_SECTIONS = ("bias", "brain", "halfway", "resample", "harmonise", "candidates", "refine", "finalise")
"""The sections of the configuration that bear on results; a recipe may set them, and `train`."""


def settle(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that hold for every step.

    Parameters
    ----------
    config
        The configuration as read from config.yaml and the command line, without the recipe.

    Returns
    -------
    dict
        ``config`` with the recipe's settings over it and ``config["override"]`` over both. ``refine.model`` is null in
        training; where the recipe needs a model and none is set, it is the shipped one of the recipe's name.

    Raises
    ------
    ConfigError
        If the configuration, the recipe or their union breaks its schema, if the model is absent or another recipe's,
        or if the recipe cannot be trained where ``config["training"]``.
    """
    settled = merged(config)
    recipe = read_recipe(config["recipe"])
    if settled["training"]:
        models.check_trainable(recipe)
        model = None
    else:
        model = models.choose(recipe, settled["refine"]["model"])
    return settled | {"refine": settled["refine"] | {"model": model}}


def merged(config: Mapping[str, Any]) -> dict[str, Any]:
    """As `settle`, but the model is as it was set: it is not looked for."""
    check(config, "config", "configuration")
    recipe = read_recipe(config["recipe"])
    result = deep_merge(deep_merge(config, recipe_settings(recipe)), config["override"])
    check(result, "config", f"configuration with recipe {recipe['id']}")
    return result


def read_config(path: Path | None = None) -> dict[str, Any]:
    """The shipped configuration, with the one at ``path`` over it."""
    shipped = read_yaml(house.root() / "config" / "config.yaml")
    return deep_merge(shipped, read_yaml(path)) if path else shipped


def read_recipe(name: str) -> dict[str, Any]:
    """A recipe by the name of a shipped one or by the path of a YAML file, checked against its schema."""
    known = house.recipes()
    path = known.get(name, Path(name))
    if not path.is_file():
        raise ConfigError(f"recipe: found {name!r}; expected one of {', '.join(known)}, or the path of a YAML file")
    recipe = read_yaml(path)
    _check_entries(recipe, str(path))
    check(recipe, "recipe", str(path))
    if is_network_recipe(recipe):
        stages_of(recipe)
        if not recipe.get("needs_model"):
            raise ConfigError(f"{path}: needs_model: found none; expected true, since networks find nothing untrained")
    return recipe


def recipe_settings(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """What a recipe sets, in the configuration's own sections."""
    stages = {name: entry for name, entry in recipe.get("stages", {}).items() if not is_network(entry)}
    return {**recipe.get("preprocess", {}), **stages, **recipe.get("predict", {})}


def sections() -> set[str]:
    """The names of the configuration's sections and settings."""
    return set(_validator("config").schema["properties"])


def described(section: str, name: str) -> str:
    """What a setting is, in the words of the configuration's schema; "" where it has none."""
    entries = _validator("config").schema["properties"][section].get("properties", {})
    return str(entries.get(name, {}).get("description", ""))


def deep_merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with the values of ``over``; dictionaries are merged, everything else is replaced.

    >>> deep_merge({"a": {"x": 1, "y": 2}, "b": 3}, {"a": {"y": 4}})
    {'a': {'x': 1, 'y': 4}, 'b': 3}
    """
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = deep_merge(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return merged


def assignments(pairs: Iterable[str]) -> dict[str, Any]:
    """The nested settings that ``key.sub=value`` arguments describe; values are read as YAML.

    >>> assignments(["candidates.k=2.5", "bias.preset=prados"])
    {'candidates': {'k': 2.5}, 'bias': {'preset': 'prados'}}
    """
    result: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        keys = name.split(".")
        if not equals or not all(keys):
            raise ConfigError(f"--set: found {pair!r}; expected name.sub=value")
        value: Any = _parse_yaml(text, f"--set {name}")
        for key in reversed(keys):
            value = {key: value}
        result = deep_merge(result, value)
    return result


def check(content: Mapping[str, Any], schema: str, where: str) -> None:
    """Hold ``content`` against the JSON Schema named ``schema``; ``where`` names it in the message.

    Raises
    ------
    ConfigError
        In one line: the entry, what was found, what was expected.
    """
    from jsonschema.exceptions import best_match

    error = best_match(_validator(schema).iter_errors(content))
    if error is not None:
        entry = ".".join(str(part) for part in error.absolute_path) or "top level"
        raise ConfigError(f"{where}: {entry}: {_explain(error)}")


def _check_entries(recipe: Mapping[str, Any], where: str) -> None:
    """Refuse stages that are neither settings nor networks, in words that the schema has not."""
    stages = recipe.get("stages")
    entries = stages if isinstance(stages, dict) else {}
    unknown = [name for name, entry in entries.items() if name not in SECTIONS and not is_network(entry)]
    if unknown:
        known = ", ".join(SECTIONS)
        raise ConfigError(
            f"{where}: stages: found {', '.join(map(repr, unknown))}; expected {known}, or a network with a task"
        )


@cache
def _validator(schema: str) -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(json.loads(house.schema(schema).read_text(encoding="utf-8")))


def _explain(error: Any) -> str:
    rule = error.validator_value
    match error.validator:
        case "additionalProperties":
            known = error.schema.get("properties", {})
            unknown = ", ".join(repr(key) for key in error.instance if key not in known)
            return f"found {unknown}; expected only {', '.join(known)}"
        case "required":
            missing = ", ".join(key for key in rule if key not in error.instance)
            return f"found no {missing}; expected all of {', '.join(rule)}"
        case "enum":
            return f"found {error.instance!r}; expected one of {', '.join(str(value) for value in rule)}"
        case "type":
            kinds = rule if isinstance(rule, list) else [rule]
            return f"found {error.instance!r}; expected {' or '.join(kinds)}"
        case "minimum" | "exclusiveMinimum" | "maximum" | "exclusiveMaximum":
            sign = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}[error.validator]
            return f"found {error.instance!r}; expected {sign} {rule}"
        case _:
            return f"found {error.instance!r}; expected {error.message}"


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file that holds a mapping.

    Raises
    ------
    ConfigError
        If it cannot be read, or holds something else.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: found {error}; expected a readable YAML file") from error
    content = _parse_yaml(text, str(path))
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: found {type(content).__name__}; expected a YAML mapping")
    return content


def _parse_yaml(text: str, where: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        line = " ".join(str(error).split())
        raise ConfigError(f"{where}: found {line}; expected YAML") from error
