"""A consensus of a benchmark's recipes on the pairs that a fold holds out: fused maps, masks, and their scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

from newlesions.consensus.fuse import fuse, fuse_classes
from newlesions.consensus.results import stack
from newlesions.consensus.weights import Moments, learn_weights
from newlesions.detect.classes import NEW, published_probability
from newlesions.images.files import read_json, write_json
from newlesions.images.io import read_volume, write_volume
from newlesions.steps.fold_scores import scores_by_pair


def fold_consensus(
    pairs: Sequence[Mapping[str, Any]],
    results: Path,
    scores: Path,
    judged: Path,
    how: str,
    members: Sequence[Path] = (),
    moments: Sequence[Path] = (),
) -> None:
    """Fuse what recipes say of each pair, and score it; a pair that fails is recorded, the others go on.

    Parameters
    ----------
    pairs
        Of each: ``pair``, ``reference``, ``gone_reference``, ``rater_masks`` as in `fold_scores`; ``maps`` and
        ``changes``, the paths of the recipes' probabilities and classes on the follow-up's own grid; ``mask``,
        ``probseg`` and ``dseg``, the paths of what is written, in ``results``.
    results, scores, judged
        As in `fold_scores`.
    how
        As of `newlesions.consensus.fuse.fuse`.
    members
        The recipes' results, where the workflow calls: they must exist before.
    moments
        For ``weights``: what there is to learn from the pairs of the other folds (step `moments`).
    """
    results.mkdir(parents=True, exist_ok=True)
    weights = _learned(moments) if how == "weights" else None
    if weights is not None:
        print(f"weights: {', '.join(f'{weight:.3f}' for weight in weights)}")  # noqa: T201 - the log is the output
    took: dict[str, float] = {}

    def write(pair: Mapping[str, Any]) -> None:
        began = process_time()
        _write_fused(pair, how, weights)
        took[str(pair["pair"])] = round(process_time() - began, 3)

    rows = scores_by_pair(pairs, write)
    write_json(judged, took)
    write_json(scores, rows)


def _learned(moments: Sequence[Path]) -> list[float]:
    seen = [
        Moments(np.asarray(products), np.asarray(hits), lesion)
        for path in moments
        for products, hits, lesion in read_json(path).values()
    ]
    return [float(weight) for weight in learn_weights(seen)]


def _write_fused(pair: Mapping[str, Any], how: str, weights: Sequence[float] | None) -> None:
    new = fuse(stack(pair["maps"]), how, weights)
    change, _ = fuse_classes(new, stack(pair["changes"], np.uint8), how, weights)
    own = read_volume(Path(pair["changes"][0]), dtype=np.uint8)
    for what, data in (
        ("mask", (change == NEW).astype(np.uint8)),
        ("probseg", published_probability(new, change)),
        ("dseg", change),
    ):
        write_volume(Path(pair[what]), own.with_data(data), level=1)
