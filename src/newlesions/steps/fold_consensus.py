"""A consensus of a benchmark's recipes on the pairs that a fold holds out: fused maps, masks, and their scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from newlesions.consensus.fuse import fuse, fuse_classes
from newlesions.consensus.results import stack
from newlesions.consensus.weights import Moments, learn_weights
from newlesions.images.file_checks import open_image
from newlesions.images.files import read_json, write_json
from newlesions.steps.finalise import write_change
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
    rows, took = scores_by_pair(pairs, partial(_write_fused, how=how, weights=weights))
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
    own = np.asarray(open_image(Path(pair["changes"][0])).affine, np.float64)
    write_change(new, change, own, **{what: Path(pair[what]) for what in ("mask", "probseg", "dseg")})
