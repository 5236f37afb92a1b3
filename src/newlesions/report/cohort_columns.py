"""The columns of the table on the cohort's page: what the script sorts, filters, shows, hides and exports."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from newlesions.report.flags import Flag, Severity, flags_of, overall, raised
from newlesions.report.measures import measures_of
from newlesions.report.tables import KINDS, number, without_folders


@dataclass(frozen=True)
class PairRow:
    """One finished pair on the cohort's page. Volumes in mm3; ``measures`` are the numbers that the rules judge."""

    pair: str
    href: str
    subject: str
    sessions: str
    days: int | None
    counts: dict[str, int]
    volumes: dict[str, float]
    flags: list[Flag]
    measures: dict[str, float]
    remarks: str
    dice: float | None = None
    f1: float | None = None

    @property
    def severity(self) -> Severity:
        """The worst of its flags."""
        return overall(self.flags)

    @property
    def raised(self) -> list[Flag]:
        """The flags that are not fine."""
        return raised(self.flags)


@dataclass(frozen=True)
class Column:
    """A column: its title, the value of a row, and how it is shown.

    ``decimals`` is None for text. ``shown`` tells whether it is there before somebody chooses; ``short`` is what the
    head of the column says, where the title is long.
    """

    key: str
    title: str
    value: Callable[[PairRow], Any]
    decimals: int | None = None
    shown: bool = False
    short: str = ""


@dataclass(frozen=True)
class CohortTable:
    """The table as the page's script reads it: what each column is, and its values from the first row to the last."""

    columns: list[dict[str, Any]] = field(default_factory=list)
    values: list[list[Any]] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    rules: list[dict[str, str]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"columns": self.columns, "values": self.values, "links": self.links, "rules": self.rules}


def _measured(key: str, title: str, measure: str, decimals: int, short: str = "") -> Column:
    return Column(key, title, lambda row: row.measures.get(measure), decimals, short=short)


_FIRST = (
    Column("pair", "Pair", lambda row: row.pair, shown=True),
    Column("sessions", "Sessions", lambda row: row.sessions, shown=True),
    Column("days", "Days between", lambda row: row.days, 0, shown=True, short="Days"),
    Column("new", "New lesions", lambda row: row.counts["new"], 0, shown=True, short="New"),
    Column("new_mm3", "New, mm³", lambda row: row.volumes["new"], 0, shown=True),
    Column("enlarging", "Enlarging lesions", lambda row: row.counts["enlarging"], 0, shown=True, short="Enlarging"),
    Column("enlarging_mm3", "Enlarging, mm³", lambda row: row.volumes["enlarging"], 0),
    Column("gone", "Gone lesions", lambda row: row.counts["gone"], 0, shown=True, short="Gone"),
    Column("gone_mm3", "Gone, mm³", lambda row: row.volumes["gone"], 0),
    Column("shrinking", "Shrinking lesions", lambda row: row.counts["shrinking"], 0, shown=True, short="Shrinking"),
    Column("shrinking_mm3", "Shrinking, mm³", lambda row: row.volumes["shrinking"], 0),
)
_SCORES = (
    Column("dice", "Dice against the reference", lambda row: row.dice, 3, shown=True, short="Dice"),
    Column("f1", "F1 of the lesions against the reference", lambda row: row.f1, 3, shown=True, short="F1"),
)
_LAST = (
    Column("quality", "Quality", lambda row: row.severity, shown=True),
    Column("flags", "Flags", lambda row: "; ".join(flag.rule.name for flag in row.raised), shown=True),
    _measured("similarity", "Similarity of the aligned scans", "registration_correlation", 3, "Similarity"),
    _measured("residual", "Registration, there and back, mm", "inverse_consistency_mm", 2, "Residual, mm"),
    _measured("moved", "Movement, mm", "moved_mm", 1, "Moved, mm"),
    _measured("rotated", "Turn, degrees", "rotated_deg", 1, "Turned, °"),
    _measured("brain_overlap", "Overlap of the brain masks (Dice)", "brain_overlap", 3, "Brain Dice"),
    _measured("brain_baseline", "Brain at baseline, ml", "brain_baseline_ml", 0, "Brain 1, ml"),
    _measured("brain_followup", "Brain at follow-up, ml", "brain_followup_ml", 0, "Brain 2, ml"),
    _measured("cut", "Brain at the border of the image, cm²", "brain_cut_cm2", 1, "Cut, cm²"),
    _measured("bias", "Bias field, range in %", "inu_range_percent", 0, "Bias, %"),
    _measured("bias_left", "Shading that differs, %", "differential_bias_percent", 1, "Shading, %"),
    _measured("shared", "Histograms shared, %", "histogram_overlap_percent", 1, "Shared, %"),
    _measured("snr", "Signal to noise", "snr", 1, "SNR"),
    _measured("noise", "Noise of the difference, %", "noise_percent", 1, "Noise, %"),
    _measured("slices", "Slice thickness, mm", "slice_mm", 1, "Slices, mm"),
    Column("remarks", "Remarks of the input checks", lambda row: row.remarks, short="Remarks"),
)


def pair_row(
    row: Mapping[str, str], quality: Mapping[str, str], scores: tuple[float | None, float | None] = (None, None)
) -> PairRow:
    """The row of one finished pair.

    Parameters
    ----------
    row
        Its row of newlesions.tsv.
    quality
        Its row of group_quality.tsv, or the same row again where there is no such table.
    scores
        Dice and F1 against its reference.
    """
    days = number(row.get("days"))
    return PairRow(
        pair=row.get("pair", ""),
        href=quote(f"sub-{row.get('subject', '')}/{row.get('pair', '')}.html"),
        subject=row.get("subject", ""),
        sessions=f"{row.get('baseline_session', '')} → {row.get('followup_session', '')}",
        days=None if days is None else int(days),
        counts={kind: int(number(row.get(f"{kind}_count")) or 0) for kind in KINDS},
        volumes={kind: number(row.get(f"{kind}_volume_mm3")) or 0.0 for kind in KINDS},
        flags=flags_of(quality),
        measures=measures_of(quality)[0],
        remarks=without_folders(row.get("warnings", "")),
        dice=scores[0],
        f1=scores[1],
    )


def cohort_table(rows: Sequence[PairRow], *, scored: bool) -> CohortTable:
    """The table of ``rows``, without the columns of which no row has a value, and without scores if none is scored."""
    columns, values = [], []
    for column in (*_FIRST, *(_SCORES if scored else ()), *_LAST):
        found = [_rounded(column.value(row), column.decimals) for row in rows]
        if column.shown or any(value not in (None, "") for value in found):
            columns.append(_described(column))
            values.append(found)
    used = {flag.rule.key: flag.rule.name for row in rows for flag in row.raised}
    counts = {key: sum(any(flag.rule.key == key for flag in row.raised) for row in rows) for key in used}
    rules = [{"name": name, "count": str(counts[key])} for key, name in used.items()]
    return CohortTable(columns, values, [row.href for row in rows], sorted(rules, key=lambda rule: -int(rule["count"])))


def _described(column: Column) -> dict[str, Any]:
    head = {"key": column.key, "title": column.title, "head": column.short or column.title, "shown": column.shown}
    return head if column.decimals is None else {**head, "decimals": column.decimals}


def _rounded(value: Any, decimals: int | None) -> Any:
    """``value`` as the table shows it, so that a page holds no more digits than it shows."""
    if decimals is None or value is None:
        return value
    return round(float(value), decimals) if decimals else round(float(value))
