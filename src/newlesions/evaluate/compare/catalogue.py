"""What can be compared: each measure with its unit, its better direction, and the pairs over which it is averaged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Population = Literal["lesion", "empty", "all"]
"""Pairs with a lesion in the reference, pairs whose reference is empty, or all pairs."""

POPULATIONS: dict[Population, str] = {
    "lesion": "pairs with a lesion in the reference",
    "empty": "pairs whose reference is empty",
    "all": "all pairs",
}


@dataclass(frozen=True)
class Measure:
    """One column of the tables of scores, or an absolute value derived from one.

    Parameters
    ----------
    name
        The column's name.
    label
        How a figure or a printed table names it.
    better
        Which values are better; ``None`` for signed errors, which are described but neither tested nor ranked.
    population
        The pairs over which it is defined.
    digits
        Decimals in printed tables.
    source
        For an absolute value: the signed column from which it is made.
    """

    name: str
    label: str
    better: Literal["higher", "lower"] | None
    population: Population = "lesion"
    digits: int = 3
    source: str = ""


SCORES: tuple[Measure, ...] = (
    Measure("Jaccard", "Jaccard", "higher"),
    Measure("Dice", "Dice", "higher"),
    Measure("Sensitivity", "Voxel sensitivity", "higher"),
    Measure("Specificity", "Voxel specificity", "higher", digits=5),
    Measure("PPV", "Voxel PPV", "higher"),
    Measure("NPV", "Voxel NPV", "higher", digits=5),
    Measure("RelativeVolumeError", "Relative volume error (%)", None, digits=1),
    Measure("HausdorffDistance", "Hausdorff distance (mm)", "lower", digits=2),
    Measure("ContourMeanDistance", "Contour mean distance (mm)", "lower", digits=2),
    Measure("SurfaceDistance", "SurfaceDistance (Anima)", "lower", digits=6),
    Measure("PPVL", "Lesion PPV", "higher"),
    Measure("SensL", "Lesion sensitivity", "higher"),
    Measure("F1_score", "Lesion F1", "higher"),
    Measure("NbTestedLesions", "False lesions", "lower", "empty", 2),
    Measure("VolTestedLesions", "Volume of false lesions (mm³)", "lower", "empty", 1),
)
"""The columns of ``scores.tsv``: the fifteen measures of animaSegPerfAnalyzer."""

ADDITIONS: tuple[Measure, ...] = (
    Measure("assd_mm", "ASSD (mm)", "lower", digits=2),
    Measure("hd95_mm", "95 % Hausdorff (mm)", "lower", digits=2),
    Measure("dice_modified", "Modified Dice", "higher", "all"),
    Measure("ppv_lesion_26", "Lesion PPV (26)", "higher"),
    Measure("sens_lesion_26", "Lesion sensitivity (26)", "higher"),
    Measure("f1_26", "Lesion F1 (26)", "higher"),
    Measure("volume_difference_mm3", "Volume difference (mm³)", None, "all", 1),
    Measure("count_difference", "Count difference", None, "all", 2),
)
"""The columns of ``scores/additions.tsv`` that are averaged."""

ABSOLUTE: tuple[Measure, ...] = (
    Measure(
        "absolute_relative_volume_error", "|Relative volume error| (%)", "lower", digits=1, source="RelativeVolumeError"
    ),
    Measure(
        "absolute_volume_difference_mm3", "|Volume difference| (mm³)", "lower", "all", 1, source="volume_difference_mm3"
    ),
    Measure("absolute_count_difference", "|Count difference|", "lower", "all", 2, source="count_difference"),
)
"""Absolute values of the signed errors: those can be tested, since smaller is better."""

MEASURES: dict[str, Measure] = {measure.name: measure for measure in (*SCORES, *ADDITIONS, *ABSOLUTE)}
HEADLINE = ("F1_score", "SensL", "PPVL", "Dice", "assd_mm", "hd95_mm", "NbTestedLesions", "VolTestedLesions")
"""What is printed unless other measures are asked for; all others are in ``comparison.tsv``."""
RANKED = ("F1_score", "Dice", "NbTestedLesions", "VolTestedLesions")
"""The four rankings of MSSEG-2: two over pairs with lesions, two over pairs without."""
