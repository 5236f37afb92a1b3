"""The scores of a cohort as its page shows them."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, median, stdev
from typing import Any

from newlesions.report.tables import number, read_rows, shown

Rows = Sequence[Mapping[str, str]]

_MEASURES = (
    ("F1_score", "F1 of the lesions", 3),
    ("SensL", "Lesions found (SensL)", 3),
    ("PPVL", "Findings that are true (PPVL)", 3),
    ("Dice", "Dice", 3),
    ("Sensitivity", "Voxels found (sensitivity)", 3),
    ("PPV", "Voxels that are true (PPV)", 3),
    ("assd_mm", "Mean distance of the surfaces (ASSD), mm", 2),
    ("hd95_mm", "95 % of the distances (HD95), mm", 2),
    ("volume_difference_mm3", "Volume, called new minus reference, mm³", 0),
    ("count_difference", "Lesions, called new minus reference", 1),
)
_FALSE = (("NbTestedLesions", "False lesions", 2), ("VolTestedLesions", "Their volume, mm³", 1))
_FIGURES = (
    ("froc", "Share of the reference’s lesions that are found against false lesions per pair, over all thresholds"),
    ("precision_recall", "Precision against recall, over all thresholds"),
)


@dataclass(frozen=True)
class CohortScores:
    """The tables of the folder ``scores`` and scores.tsv as rows of text, and its figures as SVG, by name."""

    scores: Rows
    additions: Rows = ()
    by_size: Rows = ()
    by_region: Rows = ()
    figures: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Summary:
    """One measure over pairs: how many have it, and their mean, standard deviation and median, as text."""

    name: str
    count: int
    mean: str
    sd: str
    median: str


def read_cohort_scores(files: Mapping[str, Path]) -> CohortScores | None:
    """The scores of a results folder from its files by name; None where there are none or no pair was scored."""
    if not files["table"].is_file():
        return None
    scores = read_rows(files["table"])
    names = ("additions", "by_size", "by_region")
    tables = {name: read_rows(files[name]) if files[name].is_file() else [] for name in names}
    figures = {name: files[name].read_bytes() for name, _ in _FIGURES if files[name].is_file()}
    return CohortScores(scores, **tables, figures=figures) if scores else None


def per_pair(scores: CohortScores | None) -> dict[str, tuple[float | None, float | None]]:
    """Dice and F1 of each scored pair; None where they do not apply or are undefined."""
    rows = scores.scores if scores else ()
    return {row["pair"]: (number(row.get("Dice")), number(row.get("F1_score"))) for row in rows}


def scores_context(scores: CohortScores) -> dict[str, Any]:
    """What the template shows of ``scores``."""
    additions = {row["pair"]: row for row in scores.additions}
    rows = [{**additions.get(row["pair"], {}), **row} for row in scores.scores]
    empty = [row for row in rows if row.get("NbTestedLesions")]
    with_lesions = [row for row in rows if not row.get("NbTestedLesions")]
    return {
        "pairs": len(with_lesions),
        "empty_pairs": len(empty),
        "clean": sum(number(row["NbTestedLesions"]) == 0 for row in empty),
        "measures": _summaries(with_lesions, _MEASURES),
        "false": _summaries(empty, _FALSE),
        "groups": [
            {"title": title, "rows": [_group(row, key) for row in table]}
            for title, key, table in (
                ("By size of the lesion, mm³", "size_class", scores.by_size),
                ("By region", "region", scores.by_region),
            )
            if table
        ],
        "figures": [
            {"source": _svg_uri(scores.figures[name]), "alt": alt} for name, alt in _FIGURES if name in scores.figures
        ],
    }


def _summaries(rows: Rows, measures: Sequence[tuple[str, str, int]]) -> list[Summary]:
    found = []
    for key, name, decimals in measures:
        values = [value for row in rows if (value := number(row.get(key))) is not None]
        if values:
            sd = stdev(values) if len(values) > 1 else None
            texts = (shown(value, decimals) for value in (fmean(values), sd, median(values)))
            found.append(Summary(name, len(values), *texts))
    return found


def _group(row: Mapping[str, str], key: str) -> dict[str, Any]:
    """A row of the tables by size and by region."""
    name = row.get(key) or row.get("class") or "not named"
    counts = {column: row.get(column, "") for column in ("reference", "found", "predicted", "true")}
    return {"name": name, **counts, **{rate: number(row.get(rate)) for rate in ("sensitivity", "ppv")}}


def _svg_uri(content: bytes) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(content).decode("ascii")
