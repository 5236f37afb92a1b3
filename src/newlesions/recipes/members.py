"""The networks that a stage trains: one for each fold, seed and rater, and the subjects that each leaves out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from newlesions.errors import ConfigError
from newlesions.learn.boosting.folds import inner_folds
from newlesions.networks.stages import Stage

_NETWORKS_PER_SEED = 1000


@dataclass(frozen=True)
class Member:
    """One network of a stage.

    Attributes
    ----------
    stage, number
        Which one; numbers count within the stage from 0.
    seed
        Of everything that its training draws.
    left_out
        The subjects of its fold, sorted: it does not learn from them and is validated on them.
    rater
        Whose masks of new lesions it learns; "" for the reference.
    """

    stage: str
    number: int
    seed: int
    left_out: tuple[str, ...] = ()
    rater: str = ""


def members_of(stage: Stage, subjects: Sequence[str], seed: int, raters: Sequence[str] = ()) -> tuple[Member, ...]:
    """The networks of ``stage``, by rater, then by seed, then by fold.

    Stages with one number of folds deal the subjects alike, so that what a stage makes of a pair in training comes from
    networks of earlier stages that have not seen its subject. No fold is empty: with few subjects there are fewer. With
    ``members.refit`` one more network follows the folds, which leaves nobody out.

    Parameters
    ----------
    subjects
        Of the pairs that train, repeats allowed.
    seed
        Of the whole training.
    raters
        The names of the raters that all pairs have; asked for by stages with ``members.raters`` or ``members.rater``.

    Returns
    -------
    tuple of Member
        None for a stage that joins others.

    Raises
    ------
    ConfigError
        If the stage learns from a rater that there is not.
    """
    if not stage.is_trained:
        return ()
    fold_of = inner_folds(subjects, stage.members.folds, seed) if stage.members.folds > 1 else {}
    folds = [tuple(sorted(name for name, fold in fold_of.items() if fold == n)) for n in sorted({*fold_of.values()})]
    made = [
        (left_out, rater)
        for rater in _raters(stage, raters)
        for _ in range(stage.members.seeds)
        for left_out in ([*folds, ()] if stage.members.refit or not folds else folds)
    ]
    return tuple(
        Member(stage.name, number, seed * _NETWORKS_PER_SEED + number, left_out, rater)
        for number, (left_out, rater) in enumerate(made)
    )


def _raters(stage: Stage, raters: Sequence[str]) -> Sequence[str]:
    if stage.members.raters:
        return raters
    number = stage.members.rater
    if number is None:
        return [""]
    if number > len(raters):
        raise ConfigError(
            f"stage {stage.name}: found {len(raters)} raters whose masks all pairs have; expected {number} or more, in "
            "the column raters of pairs.tsv"
        )
    return [sorted(raters)[number - 1]]
