"""Pictures by which a person sees whether the brain masks and the registration of a pair can be trusted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from newlesions.images.volume import Affine, Array, Volume, apply_affine
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


BiasField = tuple[Volume, Affine]
"""A bias field, on any grid in its scan's space, and the 4x4 matrix from the working space to that of the scan."""

FIELD_LIMIT_PERCENT = 40.0
"""The end of the scale of bias fields, the same on all pages, so that they can be compared."""


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


def field_figures(images: PairImages, found: BiasField, name: str) -> list[Figure]:
    """A scan's bias field in the brain, in percent of its median there, with the outline of the brain."""
    places = sections(images)
    fields = [_field_at(images, found, plane, index) for plane, index in places]
    brains = [section(images.brain, plane, index) for plane, index in places]
    inside = np.concatenate([field[brain] for field, brain in zip(fields, brains, strict=True)])
    level = float(np.median(inside)) if inside.size else 1.0
    figures = []
    for (plane, _), field, brain in zip(places, fields, brains, strict=True):
        flat = np.where(brain, 100 * (field / level - 1), 0)
        source = data_uri(diverging(flat, FIELD_LIMIT_PERCENT), _QUALITY)
        alt = f"Bias field of the {name.lower()} in the brain, {plane}"
        figures.append(_figure(source, flat, plane, alt, brain_outline(brain)))
    return figures


def _field_at(images: PairImages, found: BiasField, plane: Plane, index: int) -> Array:
    """The field in one section of the images; beyond its own field of view it goes on as at its border."""
    field, scan_from_working = found
    sides = [np.arange(size) for size in images.brain.shape]
    sides[AXES[plane][0]] = np.array([index])
    voxels = np.stack(np.meshgrid(*sides, indexing="ij"), axis=-1)
    places = apply_affine(np.linalg.inv(field.affine) @ scan_from_working @ images.affine, voxels)
    sampled = ndimage.map_coordinates(field.data, np.moveaxis(places, -1, 0), order=1, mode="nearest")
    return section(sampled, plane, 0)


def _figure(source: str, flat: Array, plane: Plane, alt: str, outlines: Sequence[Outline] = ()) -> Figure:
    height, width = flat.shape
    return Figure(source, width, height, alt, outlines=outlines, letters=letters_of(plane), letter_size=10)
