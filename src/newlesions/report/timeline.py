"""Subjects with three visits or more: when they were scanned, and what was new each time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from newlesions.report.tables import number

_WIDTH = 100.0
_FEWEST_PAIRS = 2
_DAYS_PER_MONTH = 365.25 / 12
_MOST_TICKS = 8


@dataclass(frozen=True)
class Visit:
    """One visit on a line: where in percent, its session, its new lesions (None: the first one), its pair's page.

    ``size`` in pixels grows with the square root of the count; ``text`` says all in words.
    """

    x: float
    session: str
    count: int | None
    size: float
    href: str
    text: str


@dataclass(frozen=True)
class Timeline:
    """The visits of one subject. ``to_scale`` says whether their distances are times; ``new`` counts new lesions."""

    subject: str
    visits: list[Visit]
    to_scale: bool
    new: int


def timelines(rows: Sequence[Mapping[str, str]], links: Mapping[str, str]) -> list[Timeline]:
    """The lines of all subjects with at least three visits, those with most new lesions first.

    Parameters
    ----------
    rows
        The finished pairs: rows of newlesions.tsv.
    links
        The page of each pair by the pair's id.
    """
    several, times = _several(rows)
    longest = _longest(times)
    lines = [_timeline(subject, pairs, times[subject], longest, links) for subject, pairs in several.items()]
    return sorted(lines, key=lambda line: -line.new)


def time_marks(rows: Sequence[Mapping[str, str]]) -> list[tuple[float, str]]:
    """Marks of the time axis that the lines of ``rows`` share, as (percent of the width, words).

    They count years from the first visit, or months where no line is longer than two years; none where no line is to
    scale.
    """
    times = _several(rows)[1]
    if not any(times.values()):
        return []
    months = _longest(times) / _DAYS_PER_MONTH
    unit, length, steps = ("year", 12, (1, 2, 5, 10)) if months > 24 else ("month", 1, (1, 3, 6))
    step = next((step for step in steps if months / length / step <= _MOST_TICKS), steps[-1])
    counts = range(step, int(months / length) + 1, step)
    words = [f"{count} {unit}{'' if count == 1 else 's'}" for count in counts]
    return [(0.0, "first visit"), *zip((_WIDTH * count * length / months for count in counts), words, strict=True)]


def _several(
    rows: Sequence[Mapping[str, str]],
) -> tuple[dict[str, list[Mapping[str, str]]], dict[str, dict[str, float]]]:
    """The pairs and the times of each subject with at least three visits."""
    by_subject: dict[str, list[Mapping[str, str]]] = {}
    for row in rows:
        by_subject.setdefault(row.get("subject", ""), []).append(row)
    several = {subject: pairs for subject, pairs in by_subject.items() if len(pairs) >= _FEWEST_PAIRS}
    return several, {subject: _times(pairs) for subject, pairs in several.items()}


def _longest(times: Mapping[str, Mapping[str, float]]) -> float:
    return max((max(found.values()) for found in times.values() if found), default=0.0) or 1.0


def _times(pairs: Sequence[Mapping[str, str]]) -> dict[str, float]:
    """Days since the first visit by session; nothing where a time is unknown or two ways disagree in order."""
    times: dict[str, float] = {}
    for pair in pairs:
        baseline, followup = pair.get("baseline_session", ""), pair.get("followup_session", "")
        days = number(pair.get("days"))
        if days is None or days < 0:
            return {}
        times.setdefault(baseline, 0.0 if not times else -1.0)
        if times[baseline] < 0:  # a gap: the pair in between failed
            return {}
        times[followup] = times[baseline] + days
    return times


def _timeline(
    subject: str,
    pairs: Sequence[Mapping[str, str]],
    times: Mapping[str, float],
    longest: float,
    links: Mapping[str, str],
) -> Timeline:
    sessions = list(
        dict.fromkeys(pair.get(f"{visit}_session", "") for pair in pairs for visit in ("baseline", "followup"))
    )
    places = {
        session: _WIDTH * times[session] / longest if times else _WIDTH * index / (len(sessions) - 1)
        for index, session in enumerate(sessions)
    }
    of_session = {pair.get("followup_session", ""): pair for pair in pairs}
    visits = [_visit(session, places[session], of_session.get(session), times, links) for session in sessions]
    visits.sort(key=lambda visit: visit.x)
    return Timeline(subject, visits, bool(times), sum(visit.count or 0 for visit in visits))


def _visit(
    session: str, x: float, pair: Mapping[str, str] | None, times: Mapping[str, float], links: Mapping[str, str]
) -> Visit:
    when = f", day {times[session]:.0f}" if times else ""
    if pair is None:
        return Visit(x, session, None, 10.0, "", f"ses-{session}{when}")
    count = int(number(pair.get("new_count")) or 0)
    volume = number(pair.get("new_volume_mm3")) or 0.0
    since = pair.get("baseline_session", "")
    text = f"ses-{session}{when}: {count} new since ses-{since}, {volume:.0f} mm³"
    return Visit(x, session, count, min(18 + 4 * count**0.5, 34.0), links.get(pair.get("pair", ""), ""), text)
