"""``comparison.md``: the whole comparison as a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from newlesions.evaluate.compare import tables, text
from newlesions.evaluate.compare.catalogue import POPULATIONS
from newlesions.evaluate.compare.comparison import Comparison

_CAPTIONS = {
    "violin": "Scores over pairs: median (line), mean (diamond), every pair a point.",
    "ranking": "Ranks (cross), their intervals (bar), and the share of resampled cohorts with each rank (disc).",
    "size_recall": "Lesion sensitivity against lesion volume: size classes with Wilson's 95 % interval, and smoothed.",
    "bland_altman_volume": "Predicted minus reference lesion volume: bias and 95 % limits of agreement.",
    "bland_altman_count": "Predicted minus reference number of lesions: bias and 95 % limits of agreement.",
    "froc": "FROC: lesion sensitivity against false lesions per scan, pooled; large markers are the written masks.",
    "precision_recall": "Precision and recall over voxels and lesions, pooled; large markers are the written masks.",
}


def markdown(comparison: Comparison, figures: Mapping[str, bool], notes: Sequence[str]) -> str:
    """The page.

    Parameters
    ----------
    figures
        Name of the figure -> whether it was drawn. Those drawn are linked as ``NAME.svg``.
    notes
        What the reader has to know first, one sentence each.
    """
    cohort = comparison.cohort
    parts = [f"# {_escaped(' against '.join(cohort.names) if len(cohort.names) > 1 else cohort.names[0])}"]
    parts.append(summary(comparison))
    if notes:
        parts.append("\n".join(f"- {_escaped(note)}" for note in notes))
    for population, name in POPULATIONS.items():
        parts += _section(f"Scores: {name}", tables.descriptions(comparison, population))
    parts += _section("Paired tests (first − second)", tables.tests(comparison))
    parts += _section("Ranking", tables.ranking(comparison))
    parts += _section("Agreement of volumes and counts (all pairs)", tables.agreement(comparison))
    parts += _section("Over all thresholds", tables.curves(comparison))
    parts += _section("Recall by size", tables.sizes(comparison))
    if any(figures.values()):
        parts.append("## Figures")
        parts += [f"![{_CAPTIONS[name]}]({name}.svg)\n\n{_CAPTIONS[name]}" for name, drawn in figures.items() if drawn]
    parts += ["## Conventions", "\n".join(f"- {line}" for line in text.conventions(comparison.bootstrap))]
    return "\n\n".join(parts) + "\n"


def summary(comparison: Comparison) -> str:
    """How many systems and pairs there are."""
    cohort = comparison.cohort
    systems = f"{len(cohort.names)} systems over" if len(cohort.names) > 1 else "One system over"
    return (
        f"{systems} {len(cohort.pairs)} pairs: {cohort.size('lesion')} with a lesion in the reference, "
        f"{cohort.size('empty')} with an empty reference."
    )


def _section(title: str, rows: tables.Rows) -> list[str]:
    return [f"## {title}", _table(rows)] if len(rows) > 1 else []


def _table(rows: tables.Rows) -> str:
    lines = ["| " + " | ".join(map(_escaped, row)) + " |" for row in rows]
    numeric = [all(row[at][:1] in "–-<[0123456789" for row in rows[1:]) for at in range(len(rows[0]))]
    return "\n".join([lines[0], "|" + "|".join("--:" if right else "---" for right in numeric) + "|", *lines[1:]])


def _escaped(cell: str) -> str:
    """``cell`` with the characters that Markdown would take for markup or for a column's end."""
    for character in "\\`*_|<>" + ("[]" if "](" in cell else ""):
        cell = cell.replace(character, "\\" + character)
    return cell
