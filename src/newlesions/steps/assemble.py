"""The last step of training: the model of all pairs, its recipe, its held-out scores and its card in one folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from newlesions.cohort.pairs import Pair
from newlesions.cohort.pairs_table import read_pairs
from newlesions.images.files import read_json, sha256, write_text
from newlesions.models import CLASSIFIERS, NETWORK, WEIGHTS
from newlesions.networks.stages import Limits
from newlesions.recipes.stages import network_entries
from newlesions.settings import read_recipe
from newlesions.steps.fit_network import model_of
from newlesions.versions import versions

_PREPROCESS = ("bias", "brain", "halfway", "resample", "harmonise")


def assemble(
    pairs: Path,
    model_folder: Path,
    held_out: Sequence[Path],
    model_out: Path,
    recipe_out: Path,
    held_out_table: Path,
    card_out: Path,
    settings: Mapping[str, Any],
    references: Sequence[Path] | None = None,
    networks: Sequence[Path] | None = None,
    stages: Mapping[str, Mapping[str, Any]] | None = None,
    members: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
) -> None:
    """Write the model's folder, that of ``model_out``. Of earlier classifiers there nothing stays.

    Parameters
    ----------
    pairs
        The frozen pairs table.
    model_folder
        The model of all pairs.
    held_out
        The scores of each pair, JSON.
    model_out, recipe_out, held_out_table, card_out
        model.json, recipe.yaml, held_out.tsv and card.md. model.json is written last: with it, the model is whole.
    settings
        The settings of the training run.
    references, networks
        What must exist before, where the workflow calls; their paths stand in the pairs table and in ``members``.
    stages, members
        Of the recipe's networks, as in the step `fit_network`.
    """
    from newlesions.detect.refinement.model import Model
    from newlesions.learn.boosting.card import card

    recipe = read_recipe(settings["recipe"])
    rows = [read_json(path) for path in held_out]
    trained = [pair for pair in read_pairs(pairs) if pair.reference]
    model = Model.read(model_folder)
    made_from = {**versions(), "data": [digests_of(pair, {"reference": pair.reference}) for pair in trained]}
    model = replace(model, training={**model.training, **made_from})
    remove_stale(model_out.parent, CLASSIFIERS)
    write_text(recipe_out, recipe_text(recipe, settings))
    write_text(held_out_table, held_out_text(rows))
    write_text(card_out, card(model, recipe, rows))
    if stages and members:
        _write_networks(model_out.parent / NETWORK, recipe["id"], stages, members, settings, made_from)
    model.write(model_out.parent)


def _write_networks(
    folder: Path,
    recipe: str,
    stages: Mapping[str, Mapping[str, Any]],
    members: Mapping[str, Sequence[Mapping[str, Any]]],
    settings: Mapping[str, Any],
    made_from: Mapping[str, Any],
) -> None:
    """Those that are applied to new pairs; the others have done their work when the classifiers are trained."""
    whole = model_of(recipe, stages, members, Limits.of(settings["networks"]).bearing, made_from)
    remove_stale(folder, [WEIGHTS])
    whole.applied().write(folder)


def recipe_text(recipe: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """The recipe as YAML with every setting that held: a later default does not change what the model is given."""
    sections = ("candidates", "train") if "train" in recipe["stages"] else ("candidates",)
    held: dict[str, Any] = {
        "needs_model": True,
        "preprocess": {name: settings[name] for name in _PREPROCESS},
        "stages": {**{name: settings[name] for name in sections}, **network_entries(recipe)},
    }
    return yaml.safe_dump({**recipe, **held}, sort_keys=False, allow_unicode=True, width=120)


def held_out_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows as a tab-separated table; n/a where a score is not defined."""
    from newlesions.learn.boosting.held_out import COLUMNS

    columns = [name for name in COLUMNS if any(name in row for row in rows)]
    lines = ["\t".join(columns), *("\t".join(_cell(row.get(name)) for name in columns) for row in rows)]
    return "\n".join(lines) + "\n"


def _cell(value: Any) -> str:
    if value is None:
        return "n/a"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def digests_of(pair: Pair, masks: Mapping[str, str]) -> dict[str, str]:
    """What the pair is made of, its scans and those of ``masks`` that have a path. No path, and no name but its id."""
    return {
        "pair": pair.pair,
        "baseline": pair.baseline_sha256,
        "followup": pair.followup_sha256,
        **{name: sha256(path) for name, path in masks.items() if path},
    }


def remove_stale(folder: Path, patterns: Iterable[str]) -> None:
    """Remove what an earlier model left in ``folder``."""
    for pattern in patterns:
        for path in folder.glob(pattern):
            path.unlink()
