"""Where in the brain the new lesions of a cohort lie, on the MNI template."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from newlesions.images.volume import Affine, Array, Volume, apply_affine
from newlesions.report.encode import data_uri
from newlesions.report.figures import diverging, enlarge, grey, montage
from newlesions.report.picture import Figure, Text, letters_in
from newlesions.report.tables import Lesion

_SPACING = 2.0
_FIRST, _LAST, _SECTIONS, _COLUMNS = -44, 72, 12, 6
_SMALLEST_RADIUS = 2.0  # mm: below it a lesion would vanish between the voxels of the map


@dataclass(frozen=True)
class FrequencyMap:
    """The picture, and what it shows: lesions drawn, pairs they come from, most pairs at one place."""

    figure: Figure
    lesions: int
    pairs: int
    most: int


def frequency_map(cohort: Iterable[Sequence[Lesion]], template: Volume) -> FrequencyMap | None:
    """Draw the new lesions of each pair as balls of their volume about their centres in MNI space.

    Parameters
    ----------
    cohort
        The lesions of each pair. Those without MNI coordinates or volume are left out.
    template
        The MNI152 T1 image, RAS, cubic voxels.

    Returns
    -------
    FrequencyMap
        Axial sections from low to high; each shows the most pairs of the slab around it. None without new lesions.
    """
    step = round(_SPACING / float(template.affine[0, 0]))
    head = template.data[::step, ::step, ::step]
    affine = template.affine.copy()
    affine[:3, :3] *= step
    known = [lesions for pair in cohort if (lesions := [one for one in pair if _drawable(one)])]
    if not known:
        return None
    counts = pairs_at(known, head.shape, affine)
    most = max(int(counts.max()), 1)
    return FrequencyMap(_figure(head, counts, affine, most), sum(map(len, known)), len(known), most)


def pairs_at(cohort: Sequence[Sequence[Lesion]], shape: tuple[int, ...], affine: Affine) -> NDArray[np.int32]:
    """How many pairs have a lesion at each voxel, shape (I, J, K); ``affine`` is from voxels to MNI mm."""
    counts = np.zeros(shape, np.int32)
    flat = counts.ravel()
    for lesions in cohort:
        touched = np.concatenate([_ball(lesion, shape, affine) for lesion in lesions])
        flat[np.unique(touched)] += 1
    return counts


def _drawable(lesion: Lesion) -> bool:
    return lesion.kind == "new" and lesion.mni is not None and bool(lesion.volume)


def _ball(lesion: Lesion, shape: tuple[int, ...], affine: Affine) -> NDArray[np.intp]:
    """The flat indices of the voxels within the lesion's ball."""
    spacing = float(affine[0, 0])
    radius = max((3 * (lesion.volume or 0) / (4 * np.pi)) ** (1 / 3), _SMALLEST_RADIUS) / spacing
    centre = apply_affine(np.asarray(np.linalg.inv(affine), np.float64), np.array(lesion.mni, np.float64))
    low = np.floor(centre - radius).astype(int)
    sides = [np.arange(start, start + int(2 * radius) + 3) for start in low]
    points = np.stack(np.meshgrid(*sides, indexing="ij"), axis=-1).reshape(-1, 3)
    inside = ((points - centre) ** 2).sum(axis=1) <= radius**2
    inside &= np.all((points >= 0) & (points < np.array(shape)), axis=1)
    return np.ravel_multi_index(tuple(points[inside].T), shape)


def _figure(head: Array, counts: NDArray[np.int32], affine: Affine, most: int) -> Figure:
    heights = np.linspace(_FIRST, _LAST, _SECTIONS)
    half = (heights[1] - heights[0]) / 2
    origin, spacing = float(affine[2, 3]), float(affine[2, 2])
    window = (0.0, float(np.percentile(head[head > 0], 99.5)) * 1.25)  # dim, so that the colours stand out
    pictures = []
    for height in heights:
        level, first, last = (round((z - origin) / spacing) for z in (height, height - half, height + half))
        background = grey(_turned(head[:, :, level]), window)
        slab = _turned(counts[:, :, max(first, 0) : last + 1].max(axis=2))
        colours = diverging(_shown(slab, most), 1.0)
        picture = np.where((slab > 0)[..., None], colours, np.repeat(background[..., None], 3, axis=-1))
        pictures.append(np.stack([_larger(picture[..., channel]) for channel in range(3)], axis=-1))
    sheet, corners = montage(pictures, _COLUMNS)
    texts = [
        Text(f"z {round(height):+d}".replace("-", "\N{MINUS SIGN}"), x + 4, y + 14, "level", "start")
        for height, (x, y) in zip(heights, corners, strict=True)
    ]
    rows, columns = pictures[0].shape[:2]
    texts += [letter for corner in corners for letter in letters_in(corner, columns, rows)]
    alt = f"{_SECTIONS} axial sections of the MNI template from low to high, coloured where pairs have new lesions"
    return Figure(data_uri(sheet, 82), sheet.shape[1], sheet.shape[0], alt, texts=texts)


def _shown(slab: NDArray[np.int32], most: int) -> NDArray[np.float32]:
    """Counts from 1 to ``most`` as 0.35 to 1 of the scale of colours: a single pair is seen as well."""
    share = (slab - 1) / max(most - 1, 1)
    return np.where(slab > 0, 0.35 + 0.65 * share, 0).astype(np.float32)


def _larger(channel: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.clip(np.rint(enlarge(channel, 1.5)), 0, 255).astype(np.uint8)


def _turned(flat: Array) -> Array:
    return flat[::-1, ::-1].T
