"""The page of a cohort: what failed, what needs a look, and one row per pair."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any
from urllib.parse import quote

from newlesions.report import quality
from newlesions.report.cohort_scores import CohortScores, per_pair, scores_context
from newlesions.report.render import render
from newlesions.report.tables import flattened, number, without_folders

_BINS = (("0", 0, 0), ("1", 1, 1), ("2", 2, 2), ("3–5", 3, 5), ("6–10", 6, 10), ("> 10", 11, 10**9))
_DAYS_PER_YEAR = 365.25


@dataclass(frozen=True)
class CohortPage:
    """What the cohort's page shows: rows of ``newlesions.tsv``, the content of ``pairs.json``, facts of the run.

    ``scores`` are those against references, where there are any.
    """

    rows: Sequence[Mapping[str, str]]
    index: Mapping[str, Any] = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)
    version: str = ""
    scores: CohortScores | None = None


@dataclass(frozen=True)
class Row:
    """One finished pair in the table. Volumes in mm3; ``share`` is its bar's length in percent."""

    pair: str
    href: str
    sessions: str
    days: int | None
    counts: dict[str, int]
    volumes: dict[str, float]
    share: float
    level: quality.Level
    remarks: str
    dice: float | None = None
    f1: float | None = None


def cohort_html(page: CohortPage) -> str:
    """The whole page as text. Equal content gives equal text. The size grows by about 400 bytes per pair."""
    done = [row for row in page.rows if row.get("status") == "done"]
    failed = [row for row in page.rows if row.get("status") != "done"]
    rows = _rows(done, per_pair(page.scores))
    context = {
        "version": page.version,
        "rows": rows,
        "failed": [{"pair": row.get("pair", ""), "reason": without_folders(row.get("reason", ""))} for row in failed],
        "unscored": [
            {"pair": row["pair"], "reason": without_folders(row["reason"])} for row in done if row.get("reason")
        ],
        "scores": scores_context(page.scores) if page.scores else None,
        "skipped": list(page.index.get("skipped") or ()),
        "notes": [without_folders(str(note)) for note in page.index.get("notes") or ()],
        "filters": list(page.index.get("filters") or ()),
        "facts": list(flattened(page.summary)),
        "numbers": _numbers(rows, done),
        "histogram": _histogram(rows),
        "doubtful": [row for row in rows if row.level in ("check", "poor")][:50],
        "doubtful_count": sum(row.level in ("check", "poor") for row in rows),
    }
    return render("cohort.html.jinja", context)


def pair_link(row: Mapping[str, str]) -> str:
    """The page of a pair as seen from the cohort's page."""
    return quote(f"sub-{row.get('subject', '')}/{row.get('pair', '')}.html")


def _rows(done: Sequence[Mapping[str, str]], scores: Mapping[str, tuple[float | None, float | None]]) -> list[Row]:
    noises = [noise for row in done if (noise := number(row.get("noise"))) is not None]
    reference = 20 * median(noises) if len(noises) >= 5 else None  # a few pairs have no usual noise
    largest = max((number(row.get("new_volume_mm3")) or 0.0 for row in done), default=0.0)
    return [_row(row, reference, largest, scores.get(row.get("pair", ""), (None, None))) for row in done]


def _row(
    row: Mapping[str, str],
    noise_reference: float | None,
    largest: float,
    scores: tuple[float | None, float | None],
) -> Row:
    judged = quality.verdicts(row, noise_reference)
    worst = [verdict for verdict in judged if verdict.level in ("check", "poor")]
    remarks = [f"{verdict.name} {verdict.value}." for verdict in worst]
    if row.get("warnings"):
        remarks.append(without_folders(row["warnings"]))
    days = number(row.get("days"))
    kinds = ("new", "enlarging", "gone", "shrinking")
    volume = number(row.get("new_volume_mm3")) or 0.0
    return Row(
        pair=row.get("pair", ""),
        href=pair_link(row),
        sessions=f"{row.get('baseline_session', '')} → {row.get('followup_session', '')}",
        days=None if days is None else int(days),
        counts={kind: int(number(row.get(f"{kind}_count")) or 0) for kind in kinds},
        volumes={kind: number(row.get(f"{kind}_volume_mm3")) or 0.0 for kind in kinds},
        share=round(100 * volume / largest, 1) if largest > 0 else 0.0,
        level=quality.overall(judged),
        remarks=" ".join(remarks),
        dice=scores[0],
        f1=scores[1],
    )


def _numbers(rows: Sequence[Row], done: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    with_new = [row for row in rows if row.counts["new"]]
    starts = [(row.get("subject"), row.get("baseline_session")) for row in done]
    overlapping = len(set(starts)) < len(starts)  # all visits against the first: their times count more than once
    timed = [] if overlapping else [row for row in rows if row.days and row.days > 0]
    years = sum(row.days or 0 for row in timed) / _DAYS_PER_YEAR
    return {
        "subjects": len({row.get("subject") for row in done}),
        "with_new": len(with_new),
        "new_count": sum(row.counts["new"] for row in rows),
        "new_volume": sum(row.volumes["new"] for row in rows),
        "median_volume": median(row.volumes["new"] for row in with_new) if with_new else None,
        "per_year": sum(row.counts["new"] for row in timed) / years if years else None,
        "years": years,
    }


def _histogram(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """How many pairs have none, one, two, ... new lesions, with the bar's height in pixels."""
    counts = Counter(name for row in rows for name, low, high in _BINS if low <= row.counts["new"] <= high)
    most = max(counts.values(), default=0)
    heights = {name: round(85 * counts[name] / most) if most else 0 for name, _, _ in _BINS}
    return [{"name": name, "count": counts[name], "height": heights[name]} for name, _, _ in _BINS]
