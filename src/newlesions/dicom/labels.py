"""Names that tell nothing: subjects by number, sessions by months since the first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta

from newlesions.errors import ConfigError

_MONTH = 30.4375
SHIFTED_FIRST = date(1900, 1, 1)
"""When a subject's first session is said to have been. BIDS marks shifted dates by years before 1925."""


def subject_labels(patients: Iterable[str], known: Mapping[str, str]) -> dict[str, str]:
    """A subject label by patient: the ``known`` one, or the next free number, in the order of ``patients``."""
    labels = dict(known)
    used = set(labels.values())
    number = 0
    for patient in patients:
        if patient in labels:
            continue
        while (label := f"{(number := number + 1):03d}") in used:
            pass
        labels[patient] = label
        used.add(label)
    return labels


def session_labels(dates: Sequence[str], known: Mapping[str, str]) -> dict[str, str]:
    """A session label by date (YYYYMMDD): the ``known`` one, or as M06, whole months since the first date.

    A second session in one month gets a letter. A date before the known sessions gets none: all months would shift.
    """
    everything = sorted({*dates, *known})
    first = min(known, default=everything[0])
    labels = dict(known)
    for text in everything:
        if text in labels or text < first:
            continue
        months = f"M{round((day(text) - day(first)).days / _MONTH):02d}"
        letters = (f"{months}{letter}" for letter in ("", *"bcdefghijklmnopqrstuvwxyz"))
        labels[text] = next(label for label in letters if label not in labels.values())
    return labels


def shifted(text: str, first: str) -> str:
    """The date ``text``, as many days after `SHIFTED_FIRST` as it lies after ``first`` (both YYYYMMDD)."""
    return (SHIFTED_FIRST + timedelta(days=(day(text) - day(first)).days)).isoformat()


def day(text: str) -> date:
    """YYYYMMDD as a date.

    Raises
    ------
    ConfigError
        If it is none.
    """
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"study date: found {text!r}; expected a date as 20210304") from error
