"""All lesions at one glance: glass brains, and axial sections through the whole brain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from newlesions.images.volume import Affine, apply_affine
from newlesions.report.encode import data_uri
from newlesions.report.figures import (
    PLANES,
    Plane,
    bounding_box,
    enlarge,
    grey,
    montage,
    projection,
    section,
    thickness,
)
from newlesions.report.lesion_cards import Place
from newlesions.report.outlines import contours, svg_path
from newlesions.report.pair_images import CHANGE_CODES, PairImages
from newlesions.report.picture import Figure, Outline, Text, change_outlines, letters_in, reference_outline
from newlesions.report.tables import Lesion

_SECTIONS = 24
_COLUMNS = 6
_GAP = 4
_NAME_WIDTH = 26.0


@dataclass(frozen=True)
class GlassBrain:
    """A view through the whole brain: its silhouette, lines of equal depth, and the lesions' shadows."""

    plane: Plane
    width: int
    height: int
    silhouette: str
    depths: list[str]
    lesions: list[Outline]


def glass_brains(images: PairImages) -> list[GlassBrain]:
    """The three views. Shadows are largest-value projections, so that a lesion is seen however deep it lies."""
    return [_glass_brain(images, plane) for plane in PLANES]


def axial_montage(
    images: PairImages, lesions: list[Lesion], places: dict[int, Place], mni_from_working: Affine | None
) -> Figure:
    """Axial sections of the follow-up from below to above, with every lesion's outline.

    The brain is cut into slabs of equal thickness. Each is shown at its section with most lesion, or at its middle
    where it has none, and carries the outlines of the whole slab, so that no lesion falls between two sections.
    """
    inside = images.brain | (images.change > 0)
    if images.reference is not None:
        inside = inside | images.reference
    rows, columns, _ = bounding_box(inside, round(5 / images.spacing))
    levels = bounding_box(inside, 0)[2]
    slabs = [slab for slab in np.array_split(np.arange(levels.start, levels.stop), _SECTIONS) if len(slab)]
    shown = [_section_of(slab, images.change) for slab in slabs]
    cut = (slice(rows.start, rows.stop), slice(columns.start, columns.stop), slice(None))
    followup, change = images.followup[cut], images.change[cut]
    height, width = followup.shape[1], followup.shape[0]
    factor = min(1.5, 210 / width)
    pictures = [grey(enlarge(section(followup, "axial", level), factor), images.window) for level in shown]
    sheet, corners = montage(pictures, _COLUMNS, _GAP)
    tile_rows, tile_columns = pictures[0].shape
    to_x, to_y = width / tile_columns, height / tile_rows

    outlines: list[Outline] = []
    texts: list[Text] = []
    frames: list[tuple[float, float, float, float, str]] = []
    for slab, level, (left, top) in zip(slabs, shown, corners, strict=True):
        x, y = left * to_x, top * to_y
        labels = change[:, :, slab[0] : slab[-1] + 1]
        outlines += change_outlines(_slab_labels(labels), (x, y))
        if images.reference is not None:
            marked = np.any(images.reference[cut][:, :, slab[0] : slab[-1] + 1], axis=2)
            outlines += reference_outline(np.flip(marked).T, (x, y))
        texts.append(Text(_level_name(images, level, mni_from_working), x + 3, y + 9, "level", "start"))
        texts += letters_in((x, y), width, height)
        kinds = [kind for kind, code in CHANGE_CODES.items() if (labels == code).any()]
        if kinds:
            frames.append((x, y, width, height, kinds[0]))
    texts += _lesion_labels(lesions, places, slabs, corners, (rows, columns), (width, height), (to_x, to_y))
    drawn = len([lesion for lesion in lesions if lesion.id in places])
    alt = f"{len(slabs)} axial sections of the follow-up from the lowest to the highest, with {drawn} lesions outlined"
    return Figure(
        data_uri(sheet, 80),
        sheet.shape[1] * to_x,
        sheet.shape[0] * to_y,
        alt,
        outlines=outlines,
        texts=texts,
        frames=frames,
    )


def _glass_brain(images: PairImages, plane: Plane) -> GlassBrain:
    depth = thickness(images.brain, plane)
    silhouette = svg_path(contours(depth > 0, tolerance=0.5))
    deepest = float(depth.max())
    depths = [svg_path(contours(depth, share * deepest, tolerance=0.5)) for share in (0.35, 0.6, 0.8) if deepest > 0]
    lesions = []
    for kind, code in CHANGE_CODES.items():
        shadow = projection(images.change == code, plane)
        if shadow.any():
            lesions.append(Outline(kind, svg_path(contours(shadow))))
    return GlassBrain(plane, depth.shape[1], depth.shape[0], silhouette, depths, lesions)


def _section_of(slab: NDArray[np.int64], change: NDArray[np.uint8]) -> int:
    areas = (change[:, :, slab[0] : slab[-1] + 1] > 0).sum(axis=(0, 1))
    return int(slab[areas.argmax()] if areas.any() else slab[len(slab) // 2])


def _slab_labels(labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The projection of a slab of labels; where kinds overlap, new hides enlarging hides gone hides shrinking."""
    flat = np.zeros(labels.shape[:2], np.uint8)
    for code in sorted(CHANGE_CODES.values(), reverse=True):
        flat[(labels == code).any(axis=2)] = code
    return flat[::-1, ::-1].T


def _level_name(images: PairImages, level: int, mni_from_working: Affine | None) -> str:
    """The height of the section's middle: in MNI space where it is known, else in the working space."""
    middle = np.array([images.brain.shape[0] / 2, images.brain.shape[1] / 2, level])
    point = apply_affine(images.affine, middle)
    if mni_from_working is not None:
        point = apply_affine(mni_from_working, point)
    return f"z {round(float(point[2])):+d}".replace("-", "\N{MINUS SIGN}")


def _lesion_labels(
    lesions: list[Lesion],
    places: dict[int, Place],
    slabs: list[NDArray[np.int64]],
    corners: list[tuple[int, int]],
    cut: tuple[slice, slice],
    tile: tuple[int, int],
    scale: tuple[float, float],
) -> list[Text]:
    """The names of the lesions beside them, each in the slab where the lesion is largest."""
    texts: list[Text] = []
    for lesion in lesions:
        place = places.get(lesion.id)
        if place is None:
            continue
        level = round(float(place.point[2]))
        slab = next((number for number, levels in enumerate(slabs) if levels[0] <= level <= levels[-1]), None)
        if slab is None:
            continue
        x = cut[0].stop - 0.5 - place.point[0]
        y = cut[1].stop - 0.5 - place.point[1]
        outward = 1 if x > tile[0] / 2 else -1
        if not _NAME_WIDTH < x < tile[0] - _NAME_WIDTH:  # a name must not run into the next section
            outward = -outward
        left, top = corners[slab][0] * scale[0], corners[slab][1] * scale[1]
        texts.append(
            Text(lesion.label, left + x + 5 * outward, top + y + 3, lesion.kind, "start" if outward > 0 else "end")
        )
    return _apart(texts)


def _apart(texts: list[Text], height: float = 9.0, width: float = 16.0) -> list[Text]:
    """The same texts, each moved down until it covers none of those before it."""
    placed: list[Text] = []
    for text in texts:
        y = text.y
        while any(abs(other.x - text.x) < width and abs(other.y - y) < height for other in placed):
            y += height / 2
        placed.append(Text(text.text, text.x, y, text.kind, text.anchor))
    return placed
