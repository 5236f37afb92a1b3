"""group_quality.tsv: one row per pair with what was measured of its quality and what is flagged.

It is to pairs what MRIQC's group_T1w.tsv is to scans; ``bids_name``, ``snr`` and ``inu_range`` are its names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from newlesions.report.flags import RULES, flags_of, overall, raised

_VISITS = (("baseline", "the baseline"), ("followup", "the follow-up"))


def _of_both(name: str, meaning: str, units: str = "") -> dict[str, dict[str, str]]:
    """The columns of a number that both visits have; ``{}`` in ``name`` and ``meaning`` stands for the visit."""
    return {name.format(visit): _column(meaning.format(words), units) for visit, words in _VISITS}


def _column(meaning: str, units: str = "") -> dict[str, str]:
    return {"Description": meaning} | ({"Units": units} if units else {})


COLUMNS: Mapping[str, Mapping[str, str]] = {
    "bids_name": _column("name of the follow-up's image, under which the pair is filed"),
    "pair": _column("the pair, as in newlesions.tsv"),
    "subject": _column("label of the subject"),
    "baseline_session": _column("label of the baseline session"),
    "followup_session": _column("label of the follow-up session"),
    "status": _column("done or failed; a pair that failed has no numbers"),
    "severity": _column("the worst flag of the pair: fine, look or bad"),
    "flags": _column("rules that are not fine, bad ones first, as rule=severity joined by semicolons"),
    "registration_correlation": _column("correlation of both brains' intensities in halfway space"),
    "inverse_consistency_mm": _column("RMS distance over the brain between registering either way", "mm"),
    "moved_x_mm": _column("how the middle of the brain moved in the scanner, to the right", "mm"),
    "moved_y_mm": _column("how the middle of the brain moved in the scanner, to the front", "mm"),
    "moved_z_mm": _column("how the middle of the brain moved in the scanner, upwards", "mm"),
    "rotated_deg": _column("angle by which the head turned between the visits", "deg"),
    "brain_overlap": _column("Dice of both brain masks in halfway space"),
    **_of_both("brain_{}_ml", "volume of the brain mask of {}", "ml"),
    **_of_both("brain_cut_{}_cm2", "brain against the border of the field of view of {}, largest face", "cm^2"),
    **_of_both("snr_{}", "median of the brain over the standard deviation of the noise within slices, {}"),
    **_of_both("inu_range_{}", "95th minus 5th percentile of the bias field in the brain over its median, {}"),
    "differential_bias_sd": _column("SD in the brain of the log of the shading that differs between the visits"),
    "histogram_overlap": _column("share of the histograms that both harmonised visits have in common, 0 to 1"),
    "noise": _column("SD of the difference of the harmonised visits in the brain, harmonised units"),
    "noise_percent": _column("the same over the median of the harmonised follow-up's brain", "%"),
    **_of_both("in_plane_{}_mm", "smallest voxel size of {}", "mm"),
    **_of_both("slice_{}_mm", "largest voxel size of {}: the slice thickness", "mm"),
    "warnings": _column("remarks of the input checks"),
}
"""The columns of group_quality.tsv, with their meanings."""


def group_rows(rows: Sequence[Mapping[str, str]], summaries: Mapping[str, Mapping[str, Any]]) -> list[dict[str, str]]:
    """One row per pair, all values as text, "" where there is none.

    Parameters
    ----------
    rows
        Those of newlesions.tsv, in their order.
    summaries
        The summary of each finished pair by the pair's id.
    """
    return [_row(row, summaries.get(row["pair"])) for row in rows]


def group_text(rows: Sequence[Mapping[str, str]]) -> str:
    """The rows as the text of group_quality.tsv."""
    lines = ["\t".join(COLUMNS), *("\t".join(row[column] for column in COLUMNS) for row in rows)]
    return "\n".join(lines) + "\n"


def group_sidecar() -> dict[str, Any]:
    """The content of group_quality.json: what each column means, and the rules behind ``flags``."""
    rules = {
        rule.key: {
            "Description": rule.name,
            "Measure": rule.measure,
            "Worse": rule.worse,
            "Look": rule.look,
            **({} if rule.bad is None else {"Bad": rule.bad}),
            "Reason": rule.reason,
        }
        for rule in RULES
    }
    columns: dict[str, Any] = {name: dict(meaning) for name, meaning in COLUMNS.items()}
    columns["severity"]["Levels"] = {
        "fine": "no rule is above its limit",
        "look": "a person should look at what is flagged",
        "bad": "the result is not to be relied on before somebody looked",
    }
    columns["flags"]["Rules"] = rules
    return columns


def _row(row: Mapping[str, str], summary: Mapping[str, Any] | None) -> dict[str, str]:
    text = {
        **{name: row.get(name, "") for name in COLUMNS},
        "bids_name": f"{row['pair']}_FLAIR",
    }
    if summary is None:
        return text
    text |= {name: _text(summary[name]) for name in COLUMNS if name in summary}
    flags = flags_of(summary)
    return text | {
        "severity": overall(flags),
        "flags": ";".join(f"{flag.rule.key}={flag.severity}" for flag in raised(flags)),
    }


def _text(value: Any) -> str:
    """``value`` in one cell of the table."""
    if value is None:
        return ""
    return f"{value:.10g}" if isinstance(value, float) else " ".join(str(value).split())
