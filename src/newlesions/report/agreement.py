"""What a pair's scores say, in words and rows: how its new lesions agree with a reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from newlesions.report.tables import Lesion, number, shown, without_folders

_SAME_PLACE_MM = 5.0
_CONSENSUS, _PREDICTION = "consensus", "prediction"


@dataclass(frozen=True)
class Measure:
    """One number: its name, its value as text, and a sentence about it."""

    name: str
    value: str
    sentence: str


@dataclass(frozen=True)
class Finding:
    """A reference lesion that was missed, or a lesion called new that the reference lacks. ``label``: on this page."""

    number: int
    volume: float | None
    size_class: str
    region: str
    world: tuple[float, float, float] | None
    overlap: float | None
    label: str = ""


@dataclass(frozen=True)
class Rating:
    """How one set of masks agrees with another: the prediction with a rater, a rater with the consensus."""

    reference: str
    prediction: str
    dice: float | None
    f1: float | None
    sensitivity: float | None
    ppv: float | None


@dataclass(frozen=True)
class Agreement:
    """A pair's scores as its page shows them; ``failed`` says why there are none."""

    failed: str = ""
    empty: bool = False
    headline: str = ""
    measures: list[Measure] = field(default_factory=list)
    missed: list[Finding] = field(default_factory=list)
    false: list[Finding] = field(default_factory=list)
    ratings: list[Rating] = field(default_factory=list)
    between_raters: Rating | None = None
    gone: list[Measure] = field(default_factory=list)


def agreement_of(result: Mapping[str, Any], lesions: Sequence[Lesion]) -> Agreement:
    """What to show of a pair's ``scores.json``; ``lesions`` are those of the page, to which false ones are led."""
    if result.get("failed"):
        return Agreement(failed=without_folders(str(result["failed"])))
    measures, additions = result["measures"], result["additions"]
    sides = {side: [row for row in result["lesions"] if row["side"] == side] for side in ("reference", "predicted")}
    empty = number(measures.get("NbTestedLesions")) is not None
    ratings = [_rating(row) for row in result.get("raters") or ()]
    apart = [rating for rating in ratings if not {_CONSENSUS, _PREDICTION} & {rating.reference, rating.prediction}]
    return Agreement(
        empty=empty,
        headline=_headline(sides, empty=empty),
        measures=_of_false_lesions(measures) if empty else _measures(measures, additions, sides),
        missed=[_finding(row) for row in sides["reference"] if not _hit(row)],
        false=[_finding(row, lesions) for row in sides["predicted"] if not _hit(row)],
        ratings=[rating for rating in ratings if rating not in apart],
        between_raters=_mean_rating(apart),
        gone=_gone(result.get("gone") or {}),
    )


def _headline(sides: Mapping[str, Sequence[Mapping[str, Any]]], *, empty: bool) -> str:
    false = sum(not _hit(row) for row in sides["predicted"])
    many = f"{false} {'lesion' if false == 1 else 'lesions'} called new"
    if empty:
        return (
            "The reference has no new lesion, and none was found."
            if not false
            else (f"The reference has no new lesion; {many} here {'is' if false == 1 else 'are'} false.")
        )
    found, all_of_them = sum(map(_hit, sides["reference"])), len(sides["reference"])
    if not all_of_them:
        return "The reference marks voxels, but no lesion above 3\N{NO-BREAK SPACE}mm³, the least that is counted."
    rest = f"{many} {'is' if false == 1 else 'are'} not in it" if false else "nothing was called new that it lacks"
    return f"{found} of {all_of_them} lesions of the reference were found; {rest}."


def _of_false_lesions(measures: Mapping[str, Any]) -> list[Measure]:
    """The two measures of the challenge for a reference without lesions."""
    count, volume = number(measures.get("NbTestedLesions")), number(measures.get("VolTestedLesions"))
    return [
        Measure("False lesions", shown(count), "Nothing is new in the reference: every lesion called new is false."),
        Measure("Their volume", shown(volume, 1, "mm³"), "The other scores have no meaning without a lesion to find."),
    ]


def _measures(
    measures: Mapping[str, Any], additions: Mapping[str, Any], sides: Mapping[str, Sequence[Mapping[str, Any]]]
) -> list[Measure]:
    value = {name: number(item) for name, item in {**measures, **additions}.items()}
    found = f"{sum(map(_hit, sides['reference']))} of {len(sides['reference'])}"
    true = f"{sum(map(_hit, sides['predicted']))} of {len(sides['predicted'])}"
    difference = value.get("volume_difference_mm3")
    more = "" if difference is None else f"{shown(abs(difference), 0, 'mm³')} {'more' if difference > 0 else 'less'}"
    return [
        Measure("F1 of the lesions", _score(value.get("F1_score")), "Finding lesions and being right, in one number."),
        Measure("Lesions found (SensL)", _score(value.get("SensL")), f"{found} lesions of the reference were found."),
        Measure("Findings that are true (PPVL)", _score(value.get("PPVL")), f"{true} lesions called new are in it."),
        Measure("Dice", _score(value.get("Dice")), "Overlap of the voxels, from 0 (apart) to 1 (the same mask)."),
        Measure(
            "Mean distance of the surfaces (ASSD)",
            shown(value.get("assd_mm"), 2, "mm"),
            "How far the outlines are apart on average; small only where nothing is missed or false.",
        ),
        Measure(
            "95 % of the distances (HD95)",
            shown(value.get("hd95_mm"), 2, "mm"),
            "Large where a lesion of one mask has no counterpart in the other.",
        ),
        Measure(
            "Volume",
            f"{shown(value.get('predicted_volume_mm3'), 0)} and {shown(value.get('reference_volume_mm3'), 0, 'mm³')}",
            f"Called new and in the reference{': ' + more if difference else ''}.",
        ),
    ]


def _gone(measures: Mapping[str, Any]) -> list[Measure]:
    """The headline numbers of gone lesions, those that apply."""
    count = number(measures.get("NbTestedLesions"))
    if count is not None:
        return [Measure("False lesions", shown(count), "No lesion is gone in the reference.")]
    names = {"F1_score": "F1 of the lesions", "SensL": "Found (SensL)", "PPVL": "True (PPVL)", "Dice": "Dice"}
    return [Measure(text, _score(number(measures[name])), "") for name, text in names.items() if name in measures]


def _score(value: float | None) -> str:
    """A share; "undefined" where 0 was to be divided by 0."""
    return "undefined" if value is None else f"{value:.3f}"


def _hit(row: Mapping[str, Any]) -> bool:
    return str(row["hit"]) in ("1", "True")


def _finding(row: Mapping[str, Any], lesions: Sequence[Lesion] = ()) -> Finding:
    x, y, z = (number(row.get(f"{axis}_mm")) for axis in "xyz")
    world = None if x is None or y is None or z is None else (x, y, z)
    return Finding(
        int(row["id"]),
        number(row.get("volume_mm3")),
        str(row.get("size_class") or ""),
        str(row.get("region") or ""),
        world,
        number(row.get("overlap")),
        _label_at(world, lesions),
    )


def _label_at(world: tuple[float, float, float] | None, lesions: Sequence[Lesion]) -> str:
    """The label of the new lesion at this place, "" if none is near."""
    near = [
        (float(np.linalg.norm(np.subtract(world, lesion.world))), lesion.label)
        for lesion in lesions
        if world is not None and lesion.world is not None and lesion.kind == "new"
    ]
    distance, label = min(near, default=(np.inf, ""))
    return label if distance <= _SAME_PLACE_MM else ""


def _rating(row: Mapping[str, Any]) -> Rating:
    values = [number(row.get(name)) for name in ("Dice", "F1_score", "SensL", "PPVL")]
    return Rating(str(row["reference"]), str(row["prediction"]), *values)


def _mean_rating(ratings: Sequence[Rating]) -> Rating | None:
    """The mean of raters against one another, each measure over the pairs of raters that have it."""
    if not ratings:
        return None

    def mean(values: Sequence[float | None]) -> float | None:
        defined = [value for value in values if value is not None]
        return sum(defined) / len(defined) if defined else None

    columns = zip(*((item.dice, item.f1, item.sensitivity, item.ppv) for item in ratings), strict=True)
    return Rating("another rater", "a rater", *(mean(column) for column in columns))
