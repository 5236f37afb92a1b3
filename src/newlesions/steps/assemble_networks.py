"""The last step of training networks: their weights, the recipe, the held-out scores and the card in one folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from newlesions.cohort.pairs import Pair
from newlesions.cohort.pairs_table import read_pairs
from newlesions.images.files import read_json, sha256, write_text
from newlesions.models import WEIGHTS
from newlesions.networks.stages import Limits
from newlesions.provenance import versions
from newlesions.recipes.stages import network_entries
from newlesions.settings import read_recipe
from newlesions.steps.assemble import held_out_text
from newlesions.steps.fit_network import model_of

_PREPROCESS = ("bias", "brain", "halfway", "resample", "harmonise")


def assemble_networks(
    pairs: Path,
    held_out: Sequence[Path],
    model_out: Path,
    recipe_out: Path,
    held_out_table: Path,
    card_out: Path,
    stages: Mapping[str, Mapping[str, Any]],
    members: Mapping[str, Sequence[Mapping[str, Any]]],
    settings: Mapping[str, Any],
    networks: Sequence[Path] | None = None,
    masks: Sequence[Path] | None = None,
) -> None:
    """Write the model's folder, that of ``model_out``. Of earlier weights there nothing stays.

    Parameters
    ----------
    pairs
        The frozen pairs table.
    held_out
        The scores of each pair, JSON.
    model_out, recipe_out, held_out_table, card_out
        model.json, recipe.yaml, held_out.tsv and card.md. model.json is written last: with it, the model is whole.
    stages, members
        As in the step `fit_network`; the members of all stages.
    settings
        The settings of the training run.
    networks, masks
        What must exist before, where the workflow calls; their paths stand in ``members`` and in the pairs table.
    """
    from newlesions.learn.networks.card import card

    recipe = read_recipe(settings["recipe"])
    rows = [read_json(path) for path in held_out]
    data = [_digests(pair) for pair in read_pairs(pairs) if pair.reference]
    seed = settings["train"]["seed"]
    limits = Limits.of({name: settings["networks"][name] for name in ("width", "patch", "steps")})
    model = model_of(recipe["id"], stages, members, limits, {"seed": seed, **versions(), "data": data})
    for stale in model_out.parent.glob(WEIGHTS):
        stale.unlink()
    write_text(recipe_out, recipe_text(recipe, settings))
    write_text(held_out_table, held_out_text(rows))
    write_text(card_out, card(model, recipe, rows))
    model.write(model_out.parent)


def recipe_text(recipe: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """The recipe as YAML with every setting that held: a later default does not change what the model is given."""
    held: dict[str, Any] = {
        "needs_model": True,
        "preprocess": {name: settings[name] for name in _PREPROCESS},
        "stages": {"candidates": settings["candidates"], **network_entries(recipe)},
    }
    return yaml.safe_dump({**recipe, **held}, sort_keys=False, allow_unicode=True, width=120)


def _digests(pair: Pair) -> dict[str, str]:
    """What the pair is made of. No path, and no name but its id."""
    masks = {"reference": pair.reference, "gone_reference": pair.gone_reference}
    masks |= {"baseline_lesions": pair.baseline_lesions, "followup_lesions": pair.followup_lesions}
    masks |= {f"rater_{name}": path for name, path in pair.rater_masks.items()}
    return {
        "pair": pair.pair,
        "baseline": pair.baseline_sha256,
        "followup": pair.followup_sha256,
        **{name: sha256(path) for name, path in masks.items() if path},
    }
