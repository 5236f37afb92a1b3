"""Every system and every way to fuse them on pairs with references, with nothing taken from the pair's own subject."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from newlesions.consensus.evidence import Evidence, Scores, judge
from newlesions.consensus.fuse import LESION, WAYS, fuse
from newlesions.consensus.weights import Moments, learn_weights, moments
from newlesions.errors import ConfigError
from newlesions.evaluate.compare.bootstrap import Bootstrap
from newlesions.evaluate.masks import LabelImage, label_image
from newlesions.evaluate.measures import DETECTION, MEASURES, SEGMENTATION, Comparison, Measures

QUICK = (*SEGMENTATION, *DETECTION)
"""The measures that are compared are among these; distances between surfaces take most of the time of all."""

_WEIGHTS = "weights"

_Made = TypeVar("_Made")


@dataclass(frozen=True)
class Known:
    """A pair with a reference.

    ``read``: gives the systems' probabilities of new lesions, (S, I, J, K), and the reference on the same grid. It is
    called once, and once more for weights, so that one pair's maps at a time are in memory.
    """

    pair: str
    subject: str
    read: Callable[[], tuple[NDArray[Any], LabelImage]]


def leave_one_subject_out(
    systems: Sequence[str],
    known: Sequence[Known],
    ways: Sequence[str] = WAYS,
    bootstrap: Bootstrap | None = None,
    *,
    scored: Scores | None = None,
    measures: tuple[str, ...] = MEASURES,
    cores: int = 1,
) -> Evidence:
    """Score every system and every way to fuse them on each pair, with nothing taken from the pair's own subject.

    Weights are learned, and the best single system is chosen (by the mean of the measure), from the pairs of all other
    subjects. Systems whose networks have seen a pair do not belong here: nothing in the maps can tell.

    Parameters
    ----------
    scored
        The systems' own scores, where they are known.
    measures
        Which of the tool's are computed.
    cores
        Pairs that are read at once, each by a process; all of ``known`` must then be picklable.

    Raises
    ------
    ConfigError
        On fewer than two systems or subjects, or names that are given twice or are those of ways.
    """
    _check(systems, known, ways)
    fixed = [how for how in ways if how != _WEIGHTS]
    look = partial(_look, systems=() if scored else systems, ways=fixed, weighed=_WEIGHTS in ways, measures=measures)
    looked = _each(look, [(one,) for one in known], cores)
    scores: dict[str, dict[str, Mapping[str, float]]] = {name: {} for name in (*systems, *ways)}
    for one, (found, _) in zip(known, looked, strict=True):
        own = {name: scored[name][one.pair] for name in systems} if scored else {}
        for name, row in (own | found).items():
            scores[name][one.pair] = row
    weights: dict[str, tuple[float, ...]] = {}
    if _WEIGHTS in ways:
        seen = [(one.subject, held) for one, (_, held) in zip(known, looked, strict=True) if held is not None]
        for subject in dict.fromkeys(one.subject for one in known):
            learned = learn_weights([held for other, held in seen if other != subject])
            weights[subject] = tuple(float(weight) for weight in learned)
        weigh = partial(_weigh, measures=measures)
        rows = _each(weigh, [(one, weights[one.subject]) for one in known], cores)
        scores[_WEIGHTS] = {one.pair: row for one, row in zip(known, rows, strict=True)}
    return judge(systems, ways, scores, {one.pair: one.subject for one in known}, bootstrap, weights)


def _look(
    one: Known, systems: Sequence[str], ways: Sequence[str], weighed: bool, measures: tuple[str, ...]
) -> tuple[dict[str, Measures], Moments | None]:
    maps, reference = one.read()
    masks = {name: maps[number] >= LESION for number, name in enumerate(systems)}
    masks |= {how: fuse(maps, how) >= LESION for how in ways}
    found = {name: _score(reference, mask, measures) for name, mask in masks.items()}
    return found, moments(maps, reference.labels) if weighed else None


def _weigh(one: Known, weights: Sequence[float], measures: tuple[str, ...]) -> Measures:
    maps, reference = one.read()
    return _score(reference, fuse(maps, _WEIGHTS, weights) >= LESION, measures)


def _score(reference: LabelImage, mask: NDArray[np.bool_], measures: tuple[str, ...]) -> Measures:
    prediction = label_image(mask, reference.affine, reference.spacing)
    return Comparison(reference, prediction).measures(measures)


def _each(work: Callable[..., _Made], given: Sequence[Iterable[Any]], cores: int) -> list[_Made]:
    if cores <= 1 or len(given) <= 1:
        return [work(*one) for one in given]
    # Fresh processes, since forked ones may inherit locks of libraries' threads.
    with ProcessPoolExecutor(min(cores, len(given)), mp_context=multiprocessing.get_context("spawn")) as pool:
        return list(pool.map(work, *zip(*given, strict=True)))


def _check(systems: Sequence[str], known: Sequence[Known], ways: Sequence[str]) -> None:
    if len(systems) < 2:
        raise ConfigError(f"consensus: found {len(systems)} systems; expected at least 2")
    taken = [name for name in systems if name in WAYS or list(systems).count(name) > 1]
    if taken:
        expected = f"names of their own, other than {', '.join(WAYS)}"
        raise ConfigError(f"consensus: found {taken[0]!r} as the name of a system; expected {expected}")
    unknown = [how for how in ways if how not in WAYS]
    if unknown:
        raise ConfigError(f"consensus: found {unknown[0]!r}; expected some of {', '.join(WAYS)}")
    subjects = {one.subject for one in known}
    if len(subjects) < 2:
        found = f"references of {len(subjects)} subjects"
        raise ConfigError(f"consensus: found {found}; expected at least 2, or none can be left out")
