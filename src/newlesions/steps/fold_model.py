"""What a recipe learned without a fold's subjects, as a model: files in, a folder out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from newlesions.images.files import write_text
from newlesions.models import CLASSIFIERS, NETWORK, WEIGHTS
from newlesions.networks.stages import Limits
from newlesions.settings import read_recipe
from newlesions.steps.assemble import remove_stale
from newlesions.steps.fit_network import model_of
from newlesions.versions import versions


def fold_model(
    model_out: Path,
    recipe_out: Path,
    recipe: str,
    stages: Mapping[str, Mapping[str, Any]],
    members: Mapping[str, Sequence[Mapping[str, Any]]],
    limits: Mapping[str, Any],
    learned: Sequence[str],
    networks: Sequence[Path] | None = None,
    trees: Path | None = None,
) -> None:
    """Write the model's folder, that of ``model_out``. Of an earlier model there nothing stays.

    Parameters
    ----------
    model_out, recipe_out
        model.json, written last, and recipe.yaml.
    recipe
        The path of the recipe.
    stages, members, limits
        Of its networks, as in the step `fit_network`; empty where it has none.
    learned
        The ids of the pairs that trained it.
    networks
        What must exist before, where the workflow calls; their paths stand in ``members``.
    trees
        The folder of its classifiers, where it has some (step `fit`).
    """
    folder = model_out.parent
    made_from = {**versions(), "pairs": list(learned)}
    remove_stale(folder, [*CLASSIFIERS, WEIGHTS, f"{NETWORK}/{WEIGHTS}"])
    write_text(recipe_out, Path(recipe).read_text(encoding="utf-8"))
    if members:
        whole = model_of(str(read_recipe(recipe)["id"]), stages, members, Limits.of(limits).bearing, made_from)
        whole.applied().write(folder / NETWORK if trees else folder)
    if trees:
        from newlesions.detect.refinement.model import Model

        model = Model.read(trees)
        replace(model, training={**model.training, **made_from}).write(folder)
