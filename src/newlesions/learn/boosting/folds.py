"""Splitting subjects into folds: all pairs of a subject stay together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from newlesions.errors import ConfigError

LEAVE_ONE_OUT = "loo"


def outer_folds(subjects: Sequence[str], folds: str | int, seed: int) -> list[list[str]]:
    """The subjects left out in each fold: one each for ``loo``, else ``folds`` groups of nearly equal size.

    Raises
    ------
    ConfigError
        If there are fewer than two subjects.
    """
    names = sorted(set(subjects))
    if len(names) < 2:
        raise ConfigError(f"train: found {len(names)} subjects with a reference; expected at least two")
    if folds == LEAVE_ONE_OUT or int(folds) >= len(names):
        return [[name] for name in names]
    return _dealt(names, int(folds), seed)


def inner_folds(subjects: Sequence[str], folds: int, seed: int) -> dict[str, int]:
    """The inner fold of each subject, 0 to at most ``folds`` - 1."""
    names = sorted(set(subjects))
    groups = _dealt(names, min(folds, len(names)), seed + 1)
    return {name: number for number, group in enumerate(groups) for name in group}


def _dealt(names: Sequence[str], folds: int, seed: int) -> list[list[str]]:
    order = np.random.default_rng(seed).permutation(len(names))
    return [sorted(names[n] for n in order[start::folds]) for start in range(folds)]
