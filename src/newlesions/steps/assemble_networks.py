"""The last step of training networks: their weights, the recipe, the held-out scores and the card in one folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from newlesions.cohort.pairs import Pair
from newlesions.cohort.pairs_table import read_pairs
from newlesions.images.files import read_json, write_text
from newlesions.models import WEIGHTS
from newlesions.networks.stages import Limits
from newlesions.settings import read_recipe
from newlesions.steps.assemble import digests_of, held_out_text, recipe_text, remove_stale
from newlesions.steps.fit_network import model_of
from newlesions.versions import versions


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
    extra: Sequence[str] = (),
    unlabelled: Sequence[str] = (),
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
    extra
        The pairs that trained every network; model.json and the card tell.
    unlabelled
        The pairs without a reference that trained networks; model.json tells.
    networks, masks
        What must exist before, where the workflow calls; their paths stand in ``members`` and in the pairs table.
    """
    from newlesions.learn.networks.card import card

    recipe = read_recipe(settings["recipe"])
    rows = [read_json(path) for path in held_out]
    learned = [pair for pair in read_pairs(pairs) if pair.reference or pair.pair in unlabelled]
    data = [digests_of(pair, _masks(pair)) for pair in learned]
    seed = settings["train"]["seed"]
    limits = Limits.of(settings["networks"]).bearing
    model = model_of(
        recipe["id"], stages, members, limits, {"seed": seed, **versions(), "data": data, "extra": [*extra]}
    )
    remove_stale(model_out.parent, [WEIGHTS])
    write_text(recipe_out, recipe_text(recipe, settings))
    write_text(held_out_table, held_out_text(rows))
    write_text(card_out, card(model, recipe, rows))
    model.write(model_out.parent)


def _masks(pair: Pair) -> dict[str, str]:
    """The paths of all masks that networks may learn from, by what they are."""
    masks = {"reference": pair.reference, "gone_reference": pair.gone_reference}
    masks |= {"baseline_lesions": pair.baseline_lesions, "followup_lesions": pair.followup_lesions}
    return masks | {f"rater_{name}": path for name, path in pair.rater_masks.items()}
