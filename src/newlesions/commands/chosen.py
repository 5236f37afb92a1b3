"""Which pairs of finished results a command is about."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from newlesions.cohort.labels import clean_label, listing
from newlesions.cohort.pairs import Pair
from newlesions.errors import ConfigError


def chosen_pairs(out: Path, known: Sequence[Pair], names: Sequence[str], labels: Sequence[str]) -> list[Pair]:
    """The pairs called ``names`` (sub-01_ses-M12) and those of the subjects ``labels``; all pairs where both are empty.

    Raises
    ------
    ConfigError
        If a name or label fits no pair of ``out``.
    """
    by_name = {pair.pair: pair for pair in known}
    unknown = [name for name in names if name not in by_name]
    if unknown:
        raise ConfigError(f"{', '.join(unknown)}: found no such pair in {out}; expected some of {listing(by_name)}")
    subjects = [clean_label(label, "sub-") for label in labels]
    there = {pair.subject for pair in known}
    strange = [label for label, subject in zip(labels, subjects, strict=True) if subject not in there]
    if strange:
        raise ConfigError(
            f"--participant-label: found {', '.join(strange)}, which matches nothing; expected some of {listing(there)}"
        )
    if not names and not labels:
        return list(known)
    return [pair for pair in known if pair.pair in names or pair.subject in subjects]
