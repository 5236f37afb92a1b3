"""Figures of scores. Each function takes plain data and gives a figure, or ``None`` where there is nothing to draw;
`svg`, `png` and `save` turn figures into files whose bytes depend on the data alone."""

from newlesions.evaluate.compare.figures.bland_altman import bland_altman
from newlesions.evaluate.compare.figures.forest import forest
from newlesions.evaluate.compare.figures.froc import froc
from newlesions.evaluate.compare.figures.lesion_map import lesion_map
from newlesions.evaluate.compare.figures.precision_recall import precision_recall
from newlesions.evaluate.compare.figures.rank_plot import rank_plot
from newlesions.evaluate.compare.figures.size_recall import size_recall
from newlesions.evaluate.compare.figures.small_multiples import froc_multiples
from newlesions.evaluate.compare.figures.style import png, save, svg
from newlesions.evaluate.compare.figures.tests_map import tests_map
from newlesions.evaluate.compare.figures.violin import violins

__all__ = [
    "bland_altman", "forest", "froc", "froc_multiples", "lesion_map", "png", "precision_recall", "rank_plot", "save",
    "size_recall", "svg", "tests_map", "violins",
]  # fmt: skip
