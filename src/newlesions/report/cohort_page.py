"""The page of a cohort: what failed, what needs a look, how its numbers are spread, and one row per pair."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from statistics import median
from typing import Any

from newlesions.images.volume import Volume
from newlesions.report import assets
from newlesions.report.cohort_columns import PairRow, cohort_table, pair_row
from newlesions.report.cohort_scores import CohortScores, per_pair, scores_context
from newlesions.report.distributions import distributions
from newlesions.report.frequency_map import frequency_map
from newlesions.report.render import render
from newlesions.report.tables import Lesion, flattened, without_folders
from newlesions.report.timeline import time_marks, timelines

# The last value that belongs to each bar.
_COUNTS = (("0", 0.0), ("1", 1.0), ("2", 2.0), ("3–5", 5.0), ("6–10", 10.0), ("> 10", inf))
_VOLUMES = (("0", 0.0), ("≤ 50", 50.0), ("≤ 100", 100.0), ("≤ 300", 300.0), ("≤ 1,000", 1000.0), ("> 1,000", inf))
_DAYS_PER_YEAR = 365.25
_SCRIPTS = ("cohort_data.js", "cohort_csv.js", "cohort_table.js", "cohort.js")


@dataclass(frozen=True)
class CohortPage:
    """What the cohort's page shows, already read.

    ``rows`` are those of ``newlesions.tsv``, ``quality`` those of ``group_quality.tsv``; ``index`` is the content of
    ``pairs.json``, ``summary`` facts of the run; ``scores`` are those against references, where there are any;
    ``lesions`` the lesion table of each finished pair, drawn on ``template``, the MNI152 T1 image, if that is given.
    """

    rows: Sequence[Mapping[str, str]]
    index: Mapping[str, Any] = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)
    version: str = ""
    scores: CohortScores | None = None
    quality: Sequence[Mapping[str, str]] = ()
    lesions: Sequence[Sequence[Lesion]] = ()
    template: Volume | None = None


def cohort_html(page: CohortPage) -> str:
    """The whole page as text. Equal content gives equal text. The size grows by about 500 bytes per pair."""
    done = [row for row in page.rows if row.get("status") == "done"]
    failed = [row for row in page.rows if row.get("status") != "done"]
    rows = _rows(done, page)
    scripts = assets.scripts(_SCRIPTS)
    doubtful = sorted((row for row in rows if row.raised), key=lambda row: row.severity != "bad")
    context = {
        "version": page.version,
        "scripts": scripts,
        "policy_digests": [script.digest for script in scripts],
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
        "counts": _histogram([row.counts["new"] for row in rows], _COUNTS),
        "volumes": _histogram([row.volumes["new"] for row in rows], _VOLUMES),
        "doubtful": doubtful[:8],
        "doubtful_count": len(doubtful),
        "distributions": distributions([row.measures for row in rows]),
        "frequency": frequency_map(page.lesions, page.template) if page.template is not None else None,
        "time_marks": time_marks(done),
        "timelines": timelines(done, {row.pair: row.href for row in rows}),
        "table": cohort_table(rows, scored=page.scores is not None).as_dict(),
    }
    return render("cohort.html.jinja", context)


def _rows(done: Sequence[Mapping[str, str]], page: CohortPage) -> list[PairRow]:
    quality = {row.get("pair", ""): row for row in page.quality}
    scores = per_pair(page.scores)
    return [
        pair_row(row, quality.get(row.get("pair", ""), row), scores.get(row.get("pair", ""), (None, None)))
        for row in done
    ]


def _numbers(rows: Sequence[PairRow], done: Sequence[Mapping[str, str]]) -> dict[str, Any]:
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


def _histogram(values: Sequence[float], bins: Sequence[tuple[str, float]]) -> list[dict[str, Any]]:
    """How many values lie in each bin (its name, its last value), with the bar's height in pixels."""
    counts = Counter(next(name for name, last in bins if value <= last) for value in values)
    most = max(counts.values(), default=0)
    heights = {name: round(75 * counts[name] / most) if most else 0 for name, _ in bins}
    return [{"name": name, "count": counts[name], "height": heights[name]} for name, _ in bins]
