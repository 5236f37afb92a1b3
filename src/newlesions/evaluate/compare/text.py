"""Numbers as text, and the conventions that every output states."""

from __future__ import annotations

import math

from newlesions.evaluate.compare.bootstrap import Bootstrap
from newlesions.evaluate.compare.catalogue import MEASURES, POPULATIONS, Measure

MISSING = "–"
_BY_SUBJECT = "Subjects are drawn, each with all of its pairs; where one has several, intervals are percentiles. "


def number(value: float, digits: int = 3) -> str:
    """``value`` with ``digits`` decimals; a dash where it is undefined."""
    if not math.isfinite(value):
        return MISSING
    text = f"{value:.{digits}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def interval(low: float, high: float, digits: int = 3) -> str:
    """``[low, high]``; a dash where it is undefined."""
    return f"[{number(low, digits)}, {number(high, digits)}]" if math.isfinite(low) else MISSING


def p_value(p: float) -> str:
    """A p-value with three decimals, or ``<0.001``."""
    if not math.isfinite(p):
        return MISSING
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def rank(value: float) -> str:
    """A rank: ``1``, or ``1.5`` for a tie."""
    return f"{value:g}"


def percent(level: float) -> str:
    """A confidence level: ``95 %``."""
    return f"{100 * level:g} %"


def label(name: str) -> str:
    """How a measure, or the overall ranking, is named in print."""
    return MEASURES[name].label if name in MEASURES else "Overall (mean rank)"


def heading(measure: Measure) -> str:
    """The label of ``measure`` with an arrow towards better values."""
    return measure.label + {"higher": " ↑", "lower": " ↓", None: ""}[measure.better]


def conventions(bootstrap: Bootstrap) -> list[str]:
    """What the numbers mean, one paragraph each, in Markdown."""
    return [
        f"**Pairs.** Segmentation, surface and detection measures are means over {POPULATIONS['lesion']}, "
        f"`NbTestedLesions` and `VolTestedLesions` over {POPULATIONS['empty']}, as in MSSEG-2; the modified Dice, "
        "differences and agreement over all pairs. Every pair weighs the same.",
        "**Undefined values** (0/0, as a surface distance of an empty mask) are left out and counted under "
        "`undefined`. Read such means beside that count: a system that finds nothing gets no distance, not a bad one. "
        "`F1_score` is 0 where the tool says 0.",
        f"**Intervals** are {percent(bootstrap.confidence)} bootstrap intervals of the mean over pairs "
        f"({bootstrap.resamples} resamples, seed {bootstrap.seed}), bias-corrected and accelerated (BCa); percentile "
        "intervals where BCa is undefined (no spread); none for fewer than two pairs. The column `interval` of "
        f"`comparison.tsv` says which. {_BY_SUBJECT if bootstrap.by_subject else ''}SD divides by n − 1.",
        "**Tests** are two-sided Wilcoxon signed-rank tests over pairs where both systems have a value. Zero "
        "differences are dropped; no difference at all gives p = 1. Exact up to 50 differences, with ties or without; "
        "beyond, the normal approximation, corrected for ties, not for continuity. p (Holm) is corrected over all "
        "comparisons of systems within one measure, not over measures.",
        "**Effects** are of the first system minus the second: median and mean difference, and the matched-pairs "
        "rank-biserial correlation (−1 to 1; zero differences dropped).",
        "**Ranking.** Four separate rankings by mean, as MSSEG-2: `F1_score` and `Dice` over pairs with lesions, "
        "`NbTestedLesions` and `VolTestedLesions` over pairs without. Ties share the average rank. Resampled cohorts, "
        "pairs with and without lesions apart, are ranked likewise: they give the interval of the rank and the chance "
        "to be first (ties share it). Overall is the mean of the ranks, which MSSEG-2 did not publish.",
        "**Agreement** is predicted minus reference over all pairs: bias with its 95 % interval (Student), 95 % limits "
        "of agreement (Bland & Altman 1986), Lin's concordance (1989, moments over n), Spearman's rho.",
        "**Curves** are pooled: counts are summed over the pairs with a probability map, then divided. The FROC score "
        "is the mean, over 1/8, 1/4, 1/2, 1, 2, 4 and 8 false lesions per scan, of the best sensitivity with at most "
        "so many. Average precision is over voxels. Recall by size is pooled over lesions, with Wilson's 95 % "
        "interval.",
    ]
