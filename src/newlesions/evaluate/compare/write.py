"""The files of a comparison."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from newlesions.errors import ConfigError
from newlesions.evaluate.compare import figures
from newlesions.evaluate.compare.agreement import QUANTITIES, sides
from newlesions.evaluate.compare.comparison import Comparison
from newlesions.evaluate.compare.latex import latex
from newlesions.evaluate.compare.long_table import long_table
from newlesions.evaluate.compare.markdown import markdown
from newlesions.images.files import write_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WHY_NOT = {
    "violin": "no measure has a value",
    "ranking": "there is one system",
    "size_recall": "there is no table of lesions, or no lesion in it",
    "bland_altman_volume": "no system has additions.tsv",
    "bland_altman_count": "no system has additions.tsv",
    "froc": "there are no scores over thresholds of a probability map, or no lesions to find",
    "precision_recall": "there are no scores over thresholds of a probability map, or no lesions to find",
}


@dataclass(frozen=True)
class Written:
    """What `write` left: the tables, the figures (SVG and PNG), and notes for the reader."""

    tables: tuple[Path, ...]
    figures: tuple[Path, ...]
    notes: tuple[str, ...]


def write(comparison: Comparison, out: Path) -> Written:
    """Write ``comparison`` into the folder ``out``: tables, a Markdown page, and each figure as SVG and PNG.

    Figures of an earlier comparison that cannot be drawn now are removed.
    """
    if out.exists() and not out.is_dir():
        raise ConfigError(f"{out}: found a file; expected a folder, or a new name")
    drawn = draw(comparison)
    notes = [*comparison.cohort.notes]
    notes += [f"No figure {name}: {_WHY_NOT[name]}." for name, figure in drawn.items() if figure is None]
    pictures: list[Path] = []
    for name, figure in drawn.items():
        if figure is None:
            for ending in (".svg", ".png"):
                (out / (name + ending)).unlink(missing_ok=True)
        else:
            pictures += figures.save(figure, out / name)
    contents = {
        "comparison.md": markdown(comparison, {name: figure is not None for name, figure in drawn.items()}, notes),
        "comparison.tsv": long_table(comparison),
        "comparison.tex": latex(comparison),
    }
    for name, content in contents.items():
        write_text(out / name, content)
    return Written(tuple(out / name for name in contents), tuple(pictures), tuple(notes))


def draw(comparison: Comparison) -> dict[str, Figure | None]:
    """Every figure by its name; ``None`` where there is nothing to draw."""
    cohort = comparison.cohort
    violins = {
        measure.label: dict(zip(cohort.names, cohort.values(measure), strict=True)) for measure in comparison.shown
    }
    lesions = {system.name: system.lesions for system in cohort.systems if system.lesions is not None}
    curves = {system.name: system.curves for system in cohort.systems if system.curves is not None}
    out = {
        "violin": figures.violins(violins),
        "ranking": figures.rank_plot(comparison.ranks),
        "size_recall": figures.size_recall(lesions),
    }
    for quantity in QUANTITIES:
        both = {system.name: found for system in cohort.systems if (found := sides(system, quantity)) is not None}
        out[f"bland_altman_{quantity}"] = figures.bland_altman(both, quantity)
    return out | {"froc": figures.froc(curves), "precision_recall": figures.precision_recall(curves)}
