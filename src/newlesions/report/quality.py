"""What the numbers that judge a pair mean, in plain words.

The limits are rules of thumb, kept together here: they choose which pairs a person looks at first and change no result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from newlesions.report.tables import number, shown

Level = Literal["good", "note", "check", "poor"]
_ORDER: dict[Level, int] = {"good": 0, "note": 1, "check": 2, "poor": 3}
HEADLINE: dict[str, str] = {
    "good": "The scans match well",
    "check": "Please look at the checks",
    "poor": "Do not rely on this pair before looking at the checks",
}


@dataclass(frozen=True)
class Verdict:
    """One judged number: what it is, its value as text, how good it is, and a sentence about it."""

    name: str
    value: str
    level: Level
    sentence: str


def verdicts(row: Mapping[str, object], noise_reference: float | None = None) -> list[Verdict]:
    """Judge a row of ``newlesions.tsv``.

    Parameters
    ----------
    row
        Values as text or numbers; empty or absent ones are not judged.
    noise_reference
        What the noise is compared with, in the same harmonised units: the width of the grey window of the pair,
        or 20 times the median noise of the cohort. Without it, noise is not judged.
    """
    judged = [
        _registration(number(row.get("registration_correlation"))),
        _overlap(number(row.get("brain_overlap"))),
        _consistency(number(row.get("inverse_consistency_mm"))),
        _brains(number(row.get("brain_baseline_ml")), number(row.get("brain_followup_ml"))),
        _noise(number(row.get("noise")), noise_reference),
    ]
    return [verdict for verdict in judged if verdict]


def slice_verdict(baseline: Sequence[float], followup: Sequence[float]) -> Verdict | None:
    """Say how thick the slices are, where that limits what can be found. Voxel sizes in mm."""
    thick = [max(spacing) for spacing in (baseline, followup) if len(spacing)]
    if not thick:
        return None
    text = " and ".join(f"{value:.1f}" for value in thick) + "\N{NO-BREAK SPACE}mm"
    if max(thick) <= 2:
        return Verdict("Slice thickness", text, "good", "Thin slices: small lesions can be seen.")
    if len(thick) == 2 and max(thick) > 1.5 * min(thick):
        return Verdict(
            "Slice thickness", text, "note", "The visits differ: edges of bright structures may look changed."
        )
    return Verdict("Slice thickness", text, "note", "Lesions thinner than a slice can be missed.")


def overall(judged: Sequence[Verdict]) -> Level:
    """The worst level among ``judged``; good if there is none. Notes tell of limits of the scans and count as good."""
    levels: list[Level] = ["good", *(verdict.level for verdict in judged)]
    worst = max(levels, key=_ORDER.__getitem__)
    return "good" if worst == "note" else worst


def _level(value: float, good: float, check: float) -> Level:
    """The level of a value of which less is better."""
    return "good" if value <= good else "check" if value <= check else "poor"


def _registration(value: float | None) -> Verdict | None:
    if value is None:
        return None
    level = _level(-value, -0.85, -0.70)
    words = {
        "good": "Both scans show the same anatomy in the same place.",
        "check": "The scans differ more than usual: look at the checkerboard.",
        "poor": "The scans do not match: misaligned, or not the same person.",
    }
    return Verdict("Similarity of the aligned scans", f"{value:.3f}", level, words[level])


def _overlap(value: float | None) -> Verdict | None:
    if value is None:
        return None
    level = _level(-value, -0.95, -0.90)
    words = {
        "good": "The two brain masks agree.",
        "check": "The brain masks differ: look at their outlines.",
        "poor": "The brain masks disagree: one of them is wrong, or a scan is cut off.",
    }
    return Verdict("Overlap of the brain masks (Dice)", f"{value:.3f}", level, words[level])


def _consistency(value: float | None) -> Verdict | None:
    if value is None:
        return None
    level = _level(value, 0.5, 1.0)
    words = {
        "good": "Registering either way gives the same answer.",
        "check": "Registering the other way gives another answer: look at the checkerboard.",
        "poor": "Registration did not settle: edges may pass for lesions.",
    }
    return Verdict("Registration, there and back", f"{value:.2f}\N{NO-BREAK SPACE}mm", level, words[level])


def _brains(baseline: float | None, followup: float | None) -> Verdict | None:
    if not baseline or not followup:
        return None
    change = followup / baseline - 1
    level = _level(abs(change), 0.03, 0.08)
    words = {
        "good": "Both brains have the same size.",
        "check": "The brain volumes differ by more than disease explains.",
        "poor": "The brain volumes differ too much: one of the masks is wrong.",
    }
    value = f"{shown(baseline)} and {shown(followup)}\N{NO-BREAK SPACE}ml"
    return Verdict("Brain volume", value, level, words[level])


def _noise(value: float | None, reference: float | None) -> Verdict | None:
    if value is None or not reference:
        return None
    level = _level(value / reference, 0.08, 0.15)
    words = {
        "good": "Small lesions stand out from it.",
        "check": "Higher than usual: faint lesions can be missed or invented.",
        "poor": "Very high: faint lesions cannot be told from noise.",
    }
    return Verdict("Noise of the difference", f"{value:.3g}", level, words[level])
