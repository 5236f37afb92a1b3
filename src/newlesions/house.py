"""Where the workflow, its configuration, recipes, schemas and profiles lie."""

from __future__ import annotations

from pathlib import Path

from newlesions.errors import ConfigError


def root() -> Path:
    """The folder that holds the Snakefile: the checkout, or the copy that travels in the wheel.

    Raises
    ------
    ConfigError
        If neither is there.
    """
    package = Path(__file__).parent
    for folder in (package.parents[1], package / "_house"):
        if (folder / "workflow" / "Snakefile").is_file():
            return folder
    raise ConfigError(
        f"{package}: found no workflow/Snakefile beside the package; expected a checkout or a complete wheel"
    )


def recipes() -> dict[str, Path]:
    """The shipped recipes' files by name."""
    return {path.stem: path for path in sorted((root() / "config" / "recipes").glob("*.yaml"))}


def models() -> dict[str, Path]:
    """The shipped models' folders by name."""
    found = sorted((Path(__file__).parent / "data" / "models").glob("*/model.json"))
    return {path.parent.name: path.parent for path in found}


def schema(name: str) -> Path:
    """The JSON Schema of ``name`` (config, pairs, recipe, site)."""
    return root() / "workflow" / "schemas" / f"{name}.schema.json"


def profile(name: str) -> Path:
    """The folder of the profile ``name``: a shipped one, or a path.

    Raises
    ------
    ConfigError
        If there is no such profile; the message names those that there are.
    """
    for folder in (root() / "profiles" / name, Path(name)):
        if (folder / "config.yaml").is_file():
            return folder.resolve()
    known = ", ".join(sorted(path.parent.name for path in (root() / "profiles").glob("*/config.yaml")))
    raise ConfigError(f"--profile: found {name!r}; expected one of {known}, or a folder that holds a config.yaml")
