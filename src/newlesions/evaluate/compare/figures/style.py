"""What all figures share: fonts, colours that colour-blind readers tell apart, and files of equal bytes."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec, TypeVar

from newlesions.images.files import write_bytes, write_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe & Ito, without the yellow, which is too pale on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LINES = ("-", "--", "-.", ":")
GREY = "#666666"
MANY = 300
"""From so many points on, a vector figure holds them as a picture, lest it take megabytes."""
FEW = 4
"""Up to so many systems are named beside their lines; more get a legend."""

_STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",  # ships with matplotlib, so that text is as wide everywhere
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#E3E3E3",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "svg.hashsalt": "newlesions",
    "svg.fonttype": "path",
    "savefig.facecolor": "white",
    "axes.formatter.useoffset": False,
    "axes.unicode_minus": True,
}
_DPI = 200
P = ParamSpec("P")
T = TypeVar("T")


class Label(NamedTuple):
    """A name beside the end of a line that ends at the height ``y``, in data coordinates."""

    y: float
    text: str
    colour: str


def styled(draw: Callable[P, T]) -> Callable[P, T]:
    """Run a function that draws with the figures' own settings, whatever the user's matplotlib is set to."""

    @wraps(draw)
    def within(*args: P.args, **kwargs: P.kwargs) -> T:
        with _settings():
            return draw(*args, **kwargs)

    return within


def panels(count: int, columns: int, size: tuple[float, float]) -> tuple[Figure, list[Axes]]:
    """A figure of ``count`` panels in rows of ``columns``, each of ``size`` (width, height) in inches."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    columns = min(columns, count)
    rows = -(-count // columns)
    figure = Figure(figsize=(columns * size[0], rows * size[1]), layout=ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08))
    grid = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
    for unused in grid[count:]:
        unused.remove()
    return figure, grid[:count]


def colour(index: int) -> str:
    """The colour of the system at ``index``."""
    return COLOURS[index % len(COLOURS)]


def marker(index: int) -> str:
    """The marker of the system at ``index``."""
    return MARKERS[index % len(MARKERS)]


def line(index: int) -> str:
    """The line style of the system at ``index``: solid until the colours are used up."""
    return LINES[index // len(COLOURS) % len(LINES)]


def name_axis(axes: Axes, names: Sequence[str]) -> None:
    """Write ``names`` at 0, 1, ... of the x axis, turned where they would touch."""
    axes.set_xticks(range(len(names)))
    turned = are_long(names)
    axes.set_xticklabels(
        names, rotation=35 if turned else 0, ha="right" if turned else "center", rotation_mode="anchor"
    )
    axes.grid(visible=False, axis="x")
    axes.set_xlim(-0.6, len(names) - 0.4)


def are_long(names: Sequence[str]) -> bool:
    """Whether ``names`` would touch beside each other under one panel."""
    return max(map(len, names)) * len(names) > 26


def label_right(axes: Axes, labels: Sequence[Label], gap: float = 0.065, size: float = 9) -> None:
    """Write each label to the right of the axes at its height, moved up or down so that none covers another.

    Call it after the limits are set. ``gap`` is the least distance, as a share of the axes' height.
    """
    bottom, top = axes.get_ylim()
    wanted = sorted(((label.y - bottom) / (top - bottom), label) for label in labels)
    heights: list[float] = []
    for height, _ in wanted:
        heights.append(max(height, heights[-1] + gap) if heights else height)
    heights[-1] = min(heights[-1], 1.0)
    for index in range(len(heights) - 2, -1, -1):  # what was pushed beyond the top goes back down
        heights[index] = min(heights[index], heights[index + 1] - gap)
    for (_, label), height in zip(wanted, heights, strict=True):
        axes.annotate(
            label.text, (1.015, height), xycoords="axes fraction", color=label.colour, va="center",
            annotation_clip=False, fontweight="bold", fontsize=size,
        )  # fmt: skip


def legend_below(figure: Figure, handles: Sequence[Any]) -> None:
    """A legend of ``handles`` under all panels, in as many columns as its longest name leaves room for."""
    wide = 0.6 + 0.09 * max(len(handle.get_label()) for handle in handles)  # inches
    columns = max(1, min(len(handles), int(figure.get_figwidth() / wide)))
    further = -(-len(handles) // columns) - 1
    figure.set_figheight(figure.get_figheight() + 0.22 * further)
    figure.legend(handles=list(handles), loc="outside lower center", ncols=columns)


@styled
def svg(figure: Figure) -> str:
    """``figure`` as SVG text without a date; its letters are outlines, so that it looks the same everywhere."""
    _lay_out(figure)
    stream = io.BytesIO()
    figure.savefig(stream, format="svg", dpi=_DPI, metadata={"Date": None, "Creator": None})
    return stream.getvalue().decode()


@styled
def png(figure: Figure) -> bytes:
    """``figure`` as PNG at 200 dots per inch, without the program's version."""
    _lay_out(figure)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=_DPI, metadata={"Software": None})
    return stream.getvalue()


def save(figure: Figure, stem: Path) -> tuple[Path, Path]:
    """Write ``figure`` as ``stem``.svg and ``stem``.png."""
    paths = stem.with_name(stem.name + ".svg"), stem.with_name(stem.name + ".png")
    write_text(paths[0], svg(figure))
    write_bytes(paths[1], png(figure))
    return paths


def _lay_out(figure: Figure) -> None:
    """Place the panels once for all formats: it takes longer than drawing them."""
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    if isinstance(figure.get_layout_engine(), ConstrainedLayoutEngine):
        figure.draw_without_rendering()
        figure.set_layout_engine("none")


def _settings() -> AbstractContextManager[None]:
    import matplotlib

    return matplotlib.rc_context(matplotlib.rcParamsDefault | _STYLE | {"backend": matplotlib.rcParams["backend"]})
