"""Who finds which lesion: systems by reference lesions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from newlesions.evaluate.compare.disagreement import ReferenceLesion
from newlesions.evaluate.compare.figures.style import COLOURS, GREY, legend_below, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LEFT_ALONE = "#ECECEC"


@styled
def lesion_map(lesions: Sequence[ReferenceLesion], names: Sequence[str], order: Sequence[str]) -> Figure | None:
    """A column per reference lesion, hardest at the left; a row per system, blue where it finds the lesion.

    Above stand the lesions' volumes; their columns are those of the table ``lesions.tsv``.

    Parameters
    ----------
    lesions
        As `disagreement.lesion_matrix` gives them.
    names, order
        The systems in the order of ``found``, and as they are to stand from above.

    Returns
    -------
    matplotlib.figure.Figure or None
        ``None`` if there is no lesion.
    """
    from matplotlib.colors import ListedColormap
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine
    from matplotlib.patches import Patch

    if not lesions:
        return None
    rows = [list(names).index(name) for name in order]
    found = np.array([lesion.found for lesion in lesions], float).T[rows]
    width = float(np.clip(2.5 + 0.14 * len(lesions), 6.0, 13.0))
    figure = Figure(figsize=(width, 1.9 + 0.22 * len(order)), layout=ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.06))
    above, axes = figure.subplots(2, 1, sharex=True, height_ratios=[1, 0.25 * len(order) + 0.4])
    at = np.arange(len(lesions))
    above.bar(at, [lesion.volume_mm3 for lesion in lesions], color=GREY, width=0.8)
    above.set_yscale("log")
    above.set_ylabel("mm³", fontsize=8)
    above.tick_params(labelsize=8)
    colours = ListedColormap([_LEFT_ALONE, COLOURS[0]])
    axes.pcolormesh(
        np.arange(len(lesions) + 1) - 0.5, np.arange(len(order) + 1) - 0.5, found, cmap=colours, vmin=0, vmax=1,
        edgecolors="white", linewidth=0.6 if len(lesions) <= 150 else 0.0,
    )  # fmt: skip
    axes.invert_yaxis()
    axes.set_yticks(range(len(order)), order)
    axes.tick_params(labelsize=8, length=0)
    axes.grid(visible=False)
    axes.set_xlim(-0.6, len(lesions) - 0.4)
    axes.set_xlabel("reference lesions, those that fewest systems find first")
    if len(lesions) > 60:
        axes.set_xticks([])
    else:
        axes.set_xticks(at, [str(number + 1) for number in at], fontsize=6)
    legend_below(figure, [Patch(color=COLOURS[0], label="found"), Patch(color=_LEFT_ALONE, label="missed")])
    return figure
