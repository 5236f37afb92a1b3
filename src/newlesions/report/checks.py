"""Pictures by which a person sees whether the brain masks and the registration of a pair can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from newlesions.images.volume import Array
from newlesions.report.encode import data_uri
from newlesions.report.figures import (
    AXES,
    Plane,
    bounding_box,
    checkerboard,
    diverging,
    edges_on,
    enlarge,
    grey,
    heat,
    projection,
    section,
)
from newlesions.report.pair_images import PairImages
from newlesions.report.picture import (
    Figure,
    Outline,
    brain_outline,
    change_outlines,
    grey_source,
    grid_outline,
    letters_of,
)

_SHARES: tuple[tuple[Plane, float], ...] = (
    ("axial", 0.3),
    ("axial", 0.5),
    ("axial", 0.7),
    ("coronal", 0.5),
    ("sagittal", 0.46),  # beside the midline, where there is brain to see
)
_QUALITY = 78


@dataclass(frozen=True)
class Histogram:
    """Two curves in a box of 600 by 160: SVG paths, and the ticks of the axis as (x, text)."""

    baseline: str
    followup: str
    ticks: list[tuple[float, str]]
    window: tuple[float, float]
    alt: str


def sections(images: PairImages) -> list[tuple[Plane, int]]:
    """The five sections that every check shows: three axial, one coronal, one sagittal, by shares of the brain."""
    box = bounding_box(images.brain, 0)
    chosen = []
    for plane, share in _SHARES:
        part = box[AXES[plane][0]]
        chosen.append((plane, int(part.start + share * (part.stop - 1 - part.start))))
    return chosen


def brain_figures(images: PairImages, visit: str) -> list[Figure]:
    """One visit (``baseline`` or ``followup``) with the outline of the brain mask."""
    name = "Baseline" if visit == "baseline" else "Follow-up"
    figures = []
    for plane, index in sections(images):
        mask = section(images.brain, plane, index)
        source = grey_source(section(getattr(images, visit), plane, index), images.window, 1.0, _QUALITY)
        alt = f"{name}, {plane}, with the outline of the brain mask"
        figures.append(_figure(source, mask, plane, alt, brain_outline(mask)))
    return figures


def checkerboards(images: PairImages, square_mm: float = 22.0) -> list[Figure]:
    """Squares of baseline and follow-up in turn: at a good registration, structures run on across their borders."""
    square = round(square_mm / images.spacing)
    figures = []
    for plane, index in sections(images):
        first, second = (section(volume, plane, index) for volume in (images.baseline, images.followup))
        board = checkerboard(first, second, square)
        source = grey_source(board, images.window, 1.0, _QUALITY)
        alt = f"Checkerboard of baseline and follow-up, {plane}"
        figures.append(_figure(source, board, plane, alt, [grid_outline(board.shape, square)]))
    return figures


def edge_figures(images: PairImages) -> list[Figure]:
    """The baseline's edges on the follow-up: at a good registration, they lie on the follow-up's own edges."""
    figures = []
    for plane, index in sections(images):
        moving = grey(enlarge(section(images.followup, plane, index), 1.5), images.window)
        fixed = grey(enlarge(section(images.baseline, plane, index), 1.5), images.window)
        within = enlarge(section(images.brain, plane, index), 1.5) > 0.5
        picture = edges_on(moving, fixed, within)
        flat = section(images.brain, plane, index)
        figures.append(
            _figure(data_uri(picture, _QUALITY), flat, plane, f"Edges of the baseline on the follow-up, {plane}")
        )
    return figures


def difference_figures(images: PairImages) -> list[Figure]:
    """Follow-up minus baseline in the whole brain."""
    figures = []
    for plane, index in sections(images):
        flat = np.where(section(images.brain, plane, index), section(images.difference, plane, index), 0)
        source = data_uri(diverging(flat, images.difference_limit), _QUALITY)
        figures.append(_figure(source, flat, plane, f"Follow-up minus baseline in the brain, {plane}"))
    return figures


def probability_figures(images: PairImages) -> list[Figure]:
    """The largest probability of new lesion along each line of sight, with the outlines of what was called new."""
    figures = []
    new = (images.change == 1).astype(np.uint8)
    for plane in ("axial", "coronal", "sagittal"):
        flat = projection(images.probability, plane)
        alt = f"Largest probability of new lesion through the brain, {plane}"
        outlines = change_outlines(projection(new, plane))
        figures.append(
            Figure(
                data_uri(heat(flat), _QUALITY),
                flat.shape[1],
                flat.shape[0],
                alt,
                outlines=outlines,
                letters=letters_of(plane),
                letter_size=9,
            )
        )
    return figures


def histogram(images: PairImages, bins: int = 120) -> Histogram:
    """How often each harmonised intensity occurs in the brain at either visit, over the grey window and a bit more."""
    low, high = images.window
    margin = 0.06 * (high - low)
    edges = np.linspace(low - margin, high + margin, bins + 1)
    inside = images.brain if images.brain.any() else np.ones_like(images.brain)
    counts = [np.histogram(volume[inside], edges)[0] for volume in (images.baseline, images.followup)]
    top = max(int(count.max()) for count in counts) or 1
    position = (edges[:-1] + edges[1:]) / 2

    def x_of(value: float) -> float:
        return float(600 * (value - edges[0]) / (edges[-1] - edges[0]))

    def path(count: Array) -> str:
        return "M" + "L".join(f"{x_of(x):.1f} {158 - 150 * y / top:.1f}" for x, y in zip(position, count, strict=True))

    shares = (0, 0.25, 0.5, 0.75, 1)
    ticks = [(x_of(low + share * (high - low)), f"{low + share * (high - low):.3g}") for share in shares]
    medians = [float(np.median(volume[inside])) for volume in (images.baseline, images.followup)]
    alt = (
        f"Histograms of intensity in the brain; medians {medians[0]:.3g} at baseline and {medians[1]:.3g} at follow-up"
    )
    return Histogram(path(counts[0]), path(counts[1]), ticks, (x_of(low), x_of(high)), alt)


def _figure(source: str, flat: Array, plane: Plane, alt: str, outlines: Sequence[Outline] = ()) -> Figure:
    height, width = flat.shape
    return Figure(source, width, height, alt, outlines=outlines, letters=letters_of(plane), letter_size=10)
