"""The ranking with its uncertainty."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from newlesions.evaluate.compare.catalogue import MEASURES
from newlesions.evaluate.compare.figures.style import colour, legend_below, panels, styled
from newlesions.evaluate.compare.ranking import OVERALL, Rank

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@styled
def rank_plot(ranks: Sequence[Rank], most_columns: int = 4) -> Figure | None:
    """A panel per ranking: the rank (cross), its confidence interval (bar), and how often each rank was drawn (discs).

    A disc's area is the share of resampled cohorts with that rank, after the blob plots of Wiesenfarth et al., Sci
    Rep 2021, 11:2369. Systems stand in the order of the overall ranking.

    Parameters
    ----------
    ranks
        As `ranking.rankings` gives them.
    most_columns
        Panels side by side; three where there are more.

    Returns
    -------
    matplotlib.figure.Figure or None
        ``None`` if there is no ranking.
    """
    if not ranks:
        return None
    overall = sorted((rank for rank in ranks if rank.ranking == OVERALL), key=lambda rank: (rank.rank, rank.value))
    order = [rank.system for rank in overall]
    colours = {rank.system: colour(index) for index, rank in enumerate(r for r in ranks if r.ranking == OVERALL)}
    titles = dict.fromkeys(rank.ranking for rank in ranks)
    columns = min(3 if len(titles) > 4 else len(titles), most_columns)
    width = 2.6 + 0.32 * len(order)
    figure, all_axes = panels(len(titles), columns, (width, 1.0 + 0.45 * len(order)))
    for axes, ranking in zip(all_axes, titles, strict=True):
        for rank in ranks:
            if rank.ranking == ranking:
                _draw(axes, order.index(rank.system), rank, colours[rank.system])
        _frame(axes, ranking, order)
    legend_below(figure, _key())
    return figure


def _draw(axes: Axes, row: int, rank: Rank, chosen: str) -> None:
    at, shares = zip(*rank.frequencies, strict=True)
    axes.scatter(at, [row] * len(at), s=[230 * share for share in shares], color=chosen, alpha=0.45, linewidths=0)
    axes.hlines(row, rank.low, rank.high, color="black", linewidth=1.1)
    axes.scatter([rank.rank], [row], marker="x", s=38, color="black", linewidths=1.6, zorder=4)


def _frame(axes: Axes, ranking: str, order: Sequence[str]) -> None:
    axes.set_title("Overall (mean rank)" if ranking == OVERALL else MEASURES[ranking].label)
    axes.set_yticks(range(len(order)), order)
    axes.set_ylim(len(order) - 0.4, -0.6)
    axes.set_xlim(0.6, len(order) + 0.4)
    axes.set_xticks(range(1, len(order) + 1))
    axes.set_xlabel("rank")
    axes.grid(visible=False, axis="y")


def _key() -> list[object]:
    from matplotlib.lines import Line2D

    return [
        Line2D([], [], color="black", marker="x", linestyle="", label="rank"),
        Line2D([], [], color="black", label="confidence interval"),
        Line2D([], [], color="#999999", marker="o", linestyle="", markersize=9, label="share of resampled cohorts"),
    ]
