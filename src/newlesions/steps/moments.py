"""What a consensus learns its weights from, of the pairs that a fold holds out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from newlesions.consensus import weights
from newlesions.consensus.results import stack
from newlesions.errors import InputError
from newlesions.evaluate.masks import read_mask
from newlesions.images.files import write_json


def moments(pairs: Sequence[Mapping[str, Any]], moments_out: Path, members: Sequence[Path] = ()) -> None:
    """Write the moments of each pair that all recipes have a map of; the others' own steps say what is wrong.

    Parameters
    ----------
    pairs
        Of each: ``pair``, ``reference`` and ``maps``, the paths of the recipes' probabilities on its grid.
    moments_out
        JSON: by pair `newlesions.consensus.weights.Moments` as lists.
    members
        As in `fold_consensus`.
    """
    found = {}
    for pair in pairs:
        try:
            reference = read_mask(Path(pair["reference"]), threshold_labels=False)
            maps = stack(pair["maps"])
        except InputError as error:
            print(f"{pair['pair']}: {error}")  # noqa: T201 - the log is this step's output
            continue
        seen = weights.moments(maps, reference.labels)
        found[str(pair["pair"])] = [seen.products.tolist(), seen.hits.tolist(), seen.lesion]
    write_json(moments_out, found)
