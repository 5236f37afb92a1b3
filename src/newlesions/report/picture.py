"""A picture on a page: its pixels as text, what is drawn over it as vectors, and what it says to who cannot see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from newlesions.images.volume import Array
from newlesions.report.encode import data_uri
from newlesions.report.figures import EDGE_LETTERS, Plane, enlarge, grey
from newlesions.report.outlines import contours, svg_path
from newlesions.report.pair_images import CHANGE_CODES


@dataclass(frozen=True)
class Outline:
    """A path over a picture; ``faint`` ones recede. ``kind``: one of the four changes, reference, brain or grid."""

    kind: str
    path: str
    faint: bool = False


@dataclass(frozen=True)
class Text:
    """Words over a picture at (x, y). ``kind`` chooses the colour; ``anchor`` is start, middle or end."""

    text: str
    x: float
    y: float
    kind: str = ""
    anchor: str = "middle"


@dataclass(frozen=True)
class Figure:
    """Everything that the template needs to place one picture. Sizes and positions are in pixels of the section."""

    source: str
    width: float
    height: float
    alt: str
    caption: str = ""
    outlines: Sequence[Outline] = ()
    texts: Sequence[Text] = ()
    cross: tuple[float, float, float] | None = None  # x, y, and the half width of the gap in the middle
    scale_bar: float | None = None  # length of 10 mm
    letters: tuple[str, str] | None = None
    frames: Sequence[tuple[float, float, float, float, str]] = field(default_factory=tuple)  # x, y, width, height, kind
    letter_size: float = 6.0


def grey_source(picture: Array, window: tuple[float, float], factor: float = 1.0, quality: int = 85) -> str:
    """A section, windowed and enlarged by ``factor``, as a data URI."""
    return data_uri(grey(enlarge(picture, factor), window), quality)


def change_outlines(labels: Array, offset: tuple[float, float] = (0.0, 0.0), *, faint: bool = False) -> list[Outline]:
    """One outline per kind of change that occurs in a section of the change image."""
    found = []
    for kind, code in CHANGE_CODES.items():
        mask = labels == code
        if mask.any():
            found.append(Outline(kind, svg_path(contours(mask), offset), faint))
    return found


def reference_outline(mask: NDArray[np.bool_] | None, offset: tuple[float, float] = (0.0, 0.0)) -> list[Outline]:
    """The outline of a section of the reference, where there is any."""
    return [Outline("reference", svg_path(contours(mask), offset))] if mask is not None and mask.any() else []


def brain_outline(mask: NDArray[np.bool_]) -> list[Outline]:
    """The outline of a section of the brain mask, true to a third of a pixel."""
    return [Outline("brain", svg_path(contours(mask, tolerance=0.35)))] if mask.any() else []


def grid_outline(shape: tuple[int, ...], square: int) -> Outline:
    """The borders of a checkerboard's squares."""
    rows, columns = shape
    across = "".join(f"M0 {y}h{columns}" for y in range(square, rows, square))
    down = "".join(f"M{x} 0v{rows}" for x in range(square, columns, square))
    return Outline("grid", across + down)


def letters_in(corner: tuple[float, float], width: float, height: float) -> list[Text]:
    """R and L in the lower corners of an axial section of this size whose upper left ``corner`` is at (x, y)."""
    (x, y), (right, left) = corner, EDGE_LETTERS["axial"]
    foot = y + height - 4
    return [Text(right, x + 4, foot, "level", "start"), Text(left, x + width - 4, foot, "level", "end")]


def letters_of(plane: Plane) -> tuple[str, str]:
    """What lies at the left and at the right edge of a section: R and L, or A and P."""
    return EDGE_LETTERS[plane]
