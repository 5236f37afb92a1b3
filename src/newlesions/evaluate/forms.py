"""The forms in which the scores of one pair are written: the tool's text and XML, JSON, and a table for people."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import quoteattr

from newlesions.evaluate.measures import MEASURES, printed

_MEANING = {
    "Jaccard": "overlap / union",
    "Dice": "2 overlap / sum",
    "Sensitivity": "share of reference voxels found",
    "Specificity": "share of other voxels left alone",
    "PPV": "share of predicted voxels that are right",
    "NPV": "share of other predicted voxels that are right",
    "RelativeVolumeError": "per cent, signed",
    "HausdorffDistance": "mm",
    "ContourMeanDistance": "mm, the larger of both directions",
    "SurfaceDistance": "as the tool computes it: use assd_mm",
    "PPVL": "share of predicted lesions that are right",
    "SensL": "share of reference lesions found",
    "F1_score": "of PPVL and SensL",
    "NbTestedLesions": "lesions where the reference has none",
    "VolTestedLesions": "mm3 where the reference has none",
}


def text_form(measures: Mapping[str, float]) -> str:
    """The line that the tool writes with -T: fifteen fields, blank where a measure does not apply, CRLF at the end."""
    values = printed(measures)
    return "".join(f"{values.get(name, '')};\t" for name in MEASURES) + "\r\n"


def xml_form(measures: Mapping[str, float], name: str) -> str:
    """The document that the tool writes with -X, lines ending with CRLF; ``name`` is its file's without .xml."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f"<image name={quoteattr(name)}>"]
    lines += [f'\t<measure name="{key}">{value}</measure>' for key, value in printed(measures).items()]
    return "".join(f"{line}\r\n" for line in [*lines, "</image>"])


def json_form(result: Mapping[str, Any]) -> dict[str, Any]:
    """A pair's result for a JSON file: the tool's measures to its six decimals, NaN as "nan"."""
    return {key: _rounded(value) if key in ("measures", "gone") else _plain(value) for key, value in result.items()}


def table_form(result: Mapping[str, Any]) -> str:
    """Names, values and what they mean, one per line."""
    values = {
        name: text.removeprefix("-") if "nan" in text else text for name, text in printed(result["measures"]).items()
    }
    rows = [(name, value, _MEANING[name]) for name, value in values.items()]
    extra = result.get("additions", {})
    rows += [(name, _short(value), "") for name, value in extra.items()]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    lines = [f"{name:{widths[0]}}  {value:>{widths[1]}}  {meaning}".rstrip() for name, value, meaning in rows]
    if extra:
        lines.insert(len(values), "")
    return "\n".join(lines)


def _short(value: float) -> str:
    return "nan" if math.isnan(value) else f"{value:.0f}" if value == round(value) else f"{value:.6f}"


def _rounded(measures: Mapping[str, float] | None) -> Any:
    if measures is None:
        return None
    return {name: "nan" if math.isnan(value) else round(value, 6) for name, value in measures.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return "nan" if isinstance(value, float) and math.isnan(value) else value
