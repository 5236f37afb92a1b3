"""The page of a benchmark: one file, nothing from elsewhere."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from newlesions.report.picture import Figure
from newlesions.report.render import render

Rows = Sequence[Sequence[str]]
"""A header and rows of equal length."""


@dataclass(frozen=True)
class HardLesion:
    """A reference lesion with its pictures. ``finders`` are the systems that find it, of ``systems``."""

    pair: str
    number: int
    volume_mm3: float
    centre_mm: tuple[float, float, float]
    finders: Sequence[str]
    systems: int
    figures: Sequence[Figure]


@dataclass(frozen=True)
class LeaderboardPage:
    """What the page shows.

    Attributes
    ----------
    about
        ``pairs``, ``subjects``, ``folds``, ``seed``, ``minutes`` (None: the papers' budgets), ``limits``,
        ``failed_pairs`` and ``left_out`` (reasons by name), ``remarks``.
    compared, with_lesions, without
        Pairs that all systems have, those with a lesion in the reference, and those without.
    table, ranking, tests, costs, reported
        Tables of text, their headers first.
    figures
        SVG by name: forest, ranking, tests, froc, lesions; absent ones have nothing to show.
    hard
        The hardest lesions, hardest first, of ``lesions`` in all.
    verdicts, consensus
        Where recipes are fused: lines that tell whether that helps, and a table.
    notes
        What the reader has to know, a sentence each.
    conventions
        What the numbers mean, a paragraph each.
    version
        Of this package.
    """

    about: Mapping[str, Any]
    compared: int
    with_lesions: int
    without: int
    table: Rows
    ranking: Rows
    tests: Rows
    costs: Rows
    reported: Rows
    figures: Mapping[str, str] = field(default_factory=dict)
    hard: Sequence[HardLesion] = ()
    lesions: int = 0
    verdicts: Sequence[str] = ()
    consensus: Rows = ()
    notes: Sequence[str] = ()
    conventions: Sequence[str] = ()
    version: str = ""


_ALT = {
    "forest": "Means with their intervals: a panel per measure, a row per recipe; the numbers stand in the table above",
    "ranking": "Ranks with their intervals and how often each was drawn; the numbers stand in the table below",
    "tests": "Paired tests as matrices: which recipe differs from which; the numbers stand in tests.tsv",
    "froc": "Lesion sensitivity against false lesions per scan over all thresholds, a panel per recipe",
    "lesions": "Which recipe finds which reference lesion; the same stands in lesions.tsv",
}


def leaderboard_html(page: LeaderboardPage) -> str:
    """The whole page as text. Equal content gives equal text."""
    drawn = {name: {"source": _svg_uri(page.figures[name]), "alt": _ALT[name]} for name in _ALT if name in page.figures}
    return render("leaderboard.html.jinja", {**vars(page), "figures": drawn})


def _svg_uri(content: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(content.encode()).decode("ascii")
