"""Applying a trained classifier to a pair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from newlesions.detect.classes import ENLARGING, KINDS, NEW, tell_kinds
from newlesions.detect.features.pair import Image, PairData
from newlesions.detect.features.region import region_of
from newlesions.detect.features.table import features_of
from newlesions.detect.postprocess import clean
from newlesions.detect.refinement.candidates import VoxelCandidates, candidate_features, find_candidates
from newlesions.detect.refinement.explain import explain
from newlesions.detect.refinement.frequency import frequency_at
from newlesions.detect.refinement.model import Model
from newlesions.images.morphology import label_lesions
from newlesions.images.volume import apply_affine


@dataclass(frozen=True)
class Refined:
    """What the classifier makes of a pair.

    Attributes
    ----------
    change
        0 none, 1 new, 2 enlarging, 3 gone, 4 shrinking, uint8, (I, J, K).
    signed
        The probability of change, positive where the follow-up is brighter, float32, (I, J, K). With a classifier of
        lesions, a candidate's voxels carry its calibrated probability, whether it was accepted or not.
    lesions
        Of each accepted lesion: ``kind``, ``probability``, ``centre`` (voxel indices) and ``top``, the features that
        speak most for and against it.
    facts
        What was looked at and found.
    proposed, certainty
        All candidates of what rose, accepted or not, numbered from 1, int32, (I, J, K), and the probability of each.
    """

    change: NDArray[np.uint8]
    signed: Image
    lesions: list[dict[str, Any]]
    facts: dict[str, Any]
    proposed: NDArray[np.int32]
    certainty: NDArray[np.float64]


@dataclass(frozen=True)
class _Direction:
    """What rose from one visit to the other: accepted lesions, all candidates, and their probabilities."""

    labels: NDArray[np.int32]
    probability: Image
    lesions: list[dict[str, Any]]
    looked_at: int
    proposed: NDArray[np.int32]
    certainty: NDArray[np.float64]


def refine(pair: PairData, model: Model, threads: int = 1) -> Refined:
    """Find new and enlarging lesions, and by the same model with the visits exchanged those gone and shrinking."""
    rise, fall = (_rise(visits, model, threads) for visits in (pair, pair.swapped()))
    visits = pair.before, pair.after
    share = pair.settings.enlarging_share
    change, *of_each = tell_kinds(rise.labels, fall.labels, visits, pair.brain, pair.spacing, share)
    lesions = [
        {"kind": KINDS[int(code)], **row}
        for codes, direction in zip(of_each, (rise, fall), strict=True)
        for code, row in zip(codes[1:], direction.lesions, strict=True)
    ]
    up, down = rise.probability, fall.probability
    signed = (np.maximum(up, down) * np.sign(up - down)).astype(np.float32)
    # Where something both rose and fell, the change that the map of classes shows decides.
    signed = np.where(np.isin(change, (NEW, ENLARGING)), up, np.where(change > 0, -down, signed)).astype(np.float32)
    facts = {
        "recipe": model.recipe,
        "threshold": model.threshold,
        "accept": model.accept if model.lesion else None,
        "looked_at_voxels": rise.looked_at,
        "proposed": int(rise.certainty.size),
        "accepted": len(rise.lesions),
    }
    return Refined(change, signed, lesions, facts, rise.proposed, rise.certainty)


def _rise(pair: PairData, model: Model, threads: int) -> _Direction:
    region = region_of(pair, model.settings["region"])
    index = np.flatnonzero(region)
    features = features_of(pair, region, model.settings["features"])
    seen, often = features, np.zeros(len(features), np.float32)
    if model.frequency is not None:
        mni = apply_affine(pair.mni_from_working @ pair.grid.affine, np.argwhere(region))
        often = frequency_at(model.frequency, mni)
        seen = np.column_stack([features, often])
    chance = model.voxel_probability(seen, threads)
    if not model.lesion:
        return _by_voxels(chance, index, pair, model)
    found = find_candidates(chance, index, region.shape, model.threshold, pair.spacing)
    of_each = candidate_features(found, features, often, chance, index, region.shape, pair.spacing)
    certain = model.lesion_probability(of_each, threads)
    return _by_lesions(found, certain, chance, index, pair, model, explain(model, of_each))


def _by_voxels(chance: NDArray[np.float64], index: NDArray[np.int64], pair: PairData, model: Model) -> _Direction:
    probability = np.zeros(pair.brain.size, np.float32)
    probability[index] = chance
    image = probability.reshape(pair.brain.shape)
    kept = clean(image, model.threshold, int(model.settings["min_voxels"]), float(model.settings["minor_axis"]))
    labels = label_lesions(kept)
    count = int(labels.max())
    means = np.bincount(labels.ravel(), weights=image.ravel(), minlength=count + 1)[1:]
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    rows = [
        {"probability": round(float(total / size), 4), "centre": _centre(labels, number), "top": []}
        for number, (total, size) in enumerate(zip(means, sizes, strict=True), start=1)
    ]
    return _Direction(labels, image, rows, index.size, labels, means / np.maximum(sizes, 1))


def _by_lesions(
    found: VoxelCandidates,
    certain: NDArray[np.float64],
    chance: NDArray[np.float64],
    index: NDArray[np.int64],
    pair: PairData,
    model: Model,
    reasons: Sequence[list[dict[str, Any]]],
) -> _Direction:
    accepted = certain >= model.accept
    number = np.where(accepted, np.cumsum(accepted), 0)
    labels = np.zeros(pair.brain.size, np.int32)
    labels[index[found.rows]] = number[found.lesion]
    probability = np.zeros(pair.brain.size, np.float32)
    # Around a candidate the probability is that of the voxel, which lies below the candidates' threshold, halved: what
    # no candidate holds never stands above one that was accepted at even odds.
    probability[index] = chance / 2
    probability[index[found.rows]] = certain[found.lesion]
    image = labels.reshape(pair.brain.shape)
    proposed = np.zeros_like(labels)
    proposed[index[found.rows]] = found.lesion + 1
    rows = [
        {"probability": round(float(certain[n]), 4), "centre": _centre(image, int(number[n])), "top": reasons[n]}
        for n in np.flatnonzero(accepted).tolist()
    ]
    shape = pair.brain.shape
    return _Direction(image, probability.reshape(shape), rows, index.size, proposed.reshape(shape), certain)


def _centre(labels: NDArray[np.int32], number: int) -> list[float]:
    return [round(float(value), 2) for value in np.argwhere(labels == number).mean(axis=0)]
