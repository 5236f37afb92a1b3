"""Is a series a FLAIR of the brain? By what its header says; a user's table has the last word."""

from __future__ import annotations

import re

from newlesions.dicom.headers import Series

_FLAIR = re.compile(r"flair|dark.?fl|(?<![a-z])da.?fl(?![a-z])|fluid.?att", re.IGNORECASE)
_OTHER = re.compile(r"(?<![a-z])(dir|psir|stir|dwi|dti|adc|swi|asl|mra|tof)(?![a-z])", re.IGNORECASE)
_T1 = re.compile(r"(?<![a-z0-9])t1(?![0-9])", re.IGNORECASE)
_NOT_BRAIN = re.compile(
    r"spin(e(?!cho)|al)|cervic|thora[ck]|lumb|myel|orbit|wirbel|(?<![a-z])([hbl]ws|neck|hals)(?![a-z])", re.IGNORECASE
)
_NOT_BRAIN_PARTS = frozenset({"SPINE", "CSPINE", "TSPINE", "LSPINE", "SSPINE", "NECK", "CERVICAL SPINE", "ORBIT"})
_MADE = frozenset({
    "LOCALIZER", "MPR", "CSA MPR", "CSA RESAMPLED", "CSA 3D EDITOR", "REFORMATTED", "CURVED", "MIP", "MINIP", "MNIP",
    "PROJECTION IMAGE", "SUBTRACTION", "SUBTRACT", "SCREEN SAVE", "P", "R", "I", "PHASE", "PHASE MAP", "REAL",
    "IMAGINARY", "T1 MAP", "T2 MAP", "ADC",
})  # fmt: skip
_CONTRAST = re.compile(
    r"\+\s*[cg](?![a-z])|(?<![a-z])(gd|km|ce|post|gado[a-z]*|contrast|kontrast)(?![a-z])", re.IGNORECASE
)

# A T2-weighted FLAIR has a long echo time and an inversion time that nulls fluid; T1-FLAIR and STIR have neither.
_SHORTEST_ECHO_MS = 50.0
_SHORTEST_INVERSION_MS = 1200.0
_UNNAMED = {"echo_time": 70.0, "inversion_time": 1500.0, "repetition_time": 4000.0}


def why_not(series: Series) -> str:
    """Why ``series`` is no FLAIR of the brain, in a few words; "" if it is one."""
    made = sorted(series.image_type & _MADE)
    if made:
        return f"image type {made[0]}"
    if series.body_part in _NOT_BRAIN_PARTS or _NOT_BRAIN.search(series.description):
        return "not of the brain"
    if not (_FLAIR.search(series.description) or _timed_as_flair(series)):
        return "no FLAIR by name or times"
    return _contradiction(series)


def with_contrast(series: Series) -> bool:
    """Whether header or name tell of a contrast agent."""
    return series.contrast or bool(_CONTRAST.search(series.description))


def original(series: Series) -> bool:
    """Whether the scanner made the images themselves, not from other images."""
    return "DERIVED" not in series.image_type and "SECONDARY" not in series.image_type


def _timed_as_flair(series: Series) -> bool:
    """Whether the times are those of a FLAIR, where the name is that of no other inversion recovery."""
    if _OTHER.search(series.description):
        return False
    values = {name: getattr(series, name) for name in _UNNAMED}
    return all(value is not None and value >= _UNNAMED[name] for name, value in values.items())


def _contradiction(series: Series) -> str:
    """What the header says against a name that tells of FLAIR."""
    if _OTHER.search(series.description):
        return "another kind of image by its name"
    if _T1.search(series.description):
        return "T1-weighted by its name"
    if series.echo_time is not None and series.echo_time < _SHORTEST_ECHO_MS:
        return f"echo time {series.echo_time:g} ms: T1-weighted"
    if series.inversion_time is not None and 0 < series.inversion_time < _SHORTEST_INVERSION_MS:
        return f"inversion time {series.inversion_time:g} ms: fluid is not nulled"
    return ""
