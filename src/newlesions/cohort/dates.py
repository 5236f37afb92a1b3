"""When sessions took place: reading dates, and ordering a subject's sessions by them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time

from newlesions.cohort.labels import natural_key

ABSENT = frozenset({"", "n/a", "na", "nan", "none", "null"})


@dataclass(frozen=True)
class SessionOrder:
    """A subject's session ``labels`` from first to last, their ``dates`` (empty when labels decided), and remarks."""

    labels: list[str]
    dates: Mapping[str, datetime] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def parse_date(text: object) -> datetime | None:
    """An ISO 8601 or DICOM date, with or without a time; None if ``text`` is absent or no date.

    A time zone is dropped: sessions are ordered by the clock on the scanner's wall.
    """
    if not isinstance(text, str) or text.strip().casefold() in ABSENT:
        return None
    try:
        return datetime.fromisoformat(text.strip().replace("/", "-")).replace(tzinfo=None)
    except ValueError:
        return None


def sidecar_date(sidecar: Mapping[str, object]) -> datetime | None:
    """A JSON sidecar's ``AcquisitionDateTime``, else its ``AcquisitionDate`` with ``AcquisitionTime``."""
    moment = parse_date(sidecar.get("AcquisitionDateTime"))
    if moment is not None:
        return moment
    day = parse_date(sidecar.get("AcquisitionDate"))
    if day is None:
        return None
    try:
        clock = time.fromisoformat(str(sidecar.get("AcquisitionTime", "")).strip())
    except ValueError:
        return day
    return datetime.combine(day.date(), clock.replace(tzinfo=None))


def order_sessions(
    subject: str, labels: Sequence[str], sources: Sequence[tuple[str, Mapping[str, datetime]]]
) -> SessionOrder:
    """Order sessions by the first source of dates that knows all of them, else naturally by label.

    Sources are never mixed: tables are often anonymised by shifting dates, sidecars by another shift or none.

    Parameters
    ----------
    subject
        Label, for the remarks.
    labels
        Session labels, in any order.
    sources
        Name and dates by session label of each source, the preferred one first.
    """
    natural = sorted(labels, key=natural_key)
    notes: list[str] = []
    for name, found in sources:
        dates = {label: found[label] for label in natural if label in found}
        if not dates:
            continue
        if len(dates) < len(natural):
            missing = ", ".join(f"ses-{label}" for label in natural if label not in dates)
            notes.append(f"sub-{subject}: {name} gives no date for {missing}; its dates are not used")
            continue
        if len(set(dates.values())) < len(dates):
            notes.append(f"sub-{subject}: {name} gives the same date for several sessions; its dates are not used")
            continue
        ordered = sorted(natural, key=lambda label: dates[label])
        if ordered != natural:
            order = ", ".join(f"ses-{label}" for label in ordered)
            notes.append(f"sub-{subject}: ordered by the dates of {name}, which differ from the labels' order: {order}")
        return SessionOrder(ordered, dates, notes)
    return SessionOrder(natural, {}, notes)


def days_between(first: datetime, second: datetime) -> int:
    """Whole calendar days from ``first`` to ``second``."""
    return (second.date() - first.date()).days
