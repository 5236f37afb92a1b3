"""One model from the samples of some pairs: files in, a folder out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def fit(samples: Sequence[Path], model_folder: Path, recipe: str, settings: Mapping[str, Any]) -> None:
    """Train a model and write its folder.

    Parameters
    ----------
    samples
        The pairs that it learns from, in the order of the pairs table: the order is part of the result.
    model_folder
        The folder to write.
    recipe
        The id of the recipe that the samples were made by.
    settings
        The section ``train``.
    """
    from newlesions.learn.boosting.fit import fit as train

    train(list(samples), dict(settings), recipe=recipe, threads=1).write(model_folder)
