"""Pictures from volumes: pure functions from arrays to arrays.

Volumes have shape (I, J, K) on a RAS grid with cubic voxels. Pictures have shape (rows, columns) or (rows, columns, 3)
and follow the radiological convention: the patient's left is on the picture's right in axial and coronal sections,
the front is up (axial) or left (sagittal), the crown is up.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage import feature

from newlesions.images.volume import Array

Plane = Literal["axial", "coronal", "sagittal"]
Picture = NDArray[np.uint8]

PLANES: tuple[Plane, ...] = ("axial", "coronal", "sagittal")
# The axis that a plane cuts, then the axes of its columns and rows. All of them run backwards in display.
AXES: dict[Plane, tuple[int, int, int]] = {"axial": (2, 0, 1), "coronal": (1, 0, 2), "sagittal": (0, 1, 2)}
EDGE_LETTERS: dict[Plane, tuple[str, str]] = {"axial": ("R", "L"), "coronal": ("R", "L"), "sagittal": ("A", "P")}

# Dark in the middle, so that what did not change recedes; blue against orange is safe for colour-blind readers.
_DIVERGING = np.array(
    [
        [214, 238, 255],
        [86, 180, 233],
        [0, 96, 160],
        [8, 34, 58],
        [13, 14, 18],
        [62, 26, 6],
        [186, 74, 4],
        [245, 145, 45],
        [255, 232, 190],
    ],
    float,
)
_DIVERGING_AT = np.array([-1, -0.68, -0.42, -0.2, 0, 0.2, 0.42, 0.68, 1])
_EDGE_COLOUR = np.array([255, 196, 0], np.uint8)


def section(volume: Array, plane: Plane, index: int) -> Array:
    """The section of ``volume`` at ``index`` along the axis that ``plane`` cuts, turned for display."""
    cut: list[slice | int] = [slice(None)] * 3
    cut[AXES[plane][0]] = index
    return _turned(volume[tuple(cut)])  # numpy.take would copy a whole volume that lies in Fortran order


def projection(volume: Array, plane: Plane) -> Array:
    """The largest value of ``volume`` along the axis that ``plane`` cuts, turned for display."""
    return _turned(volume.max(axis=AXES[plane][0]))


def thickness(mask: NDArray[np.bool_], plane: Plane) -> NDArray[np.float32]:
    """How many voxels of ``mask`` lie behind each point of the ``plane`` picture."""
    return _turned(mask.sum(axis=AXES[plane][0], dtype=np.float32))


def display_point(point: Array, shape: tuple[int, ...], plane: Plane) -> tuple[float, float]:
    """Where voxel coordinates ``point``, shape (3,), lie in a ``plane`` picture: x to the right, y down.

    A picture's voxel in the first row and column covers 0 to 1 in both, so its centre lies at 0.5.
    """
    _, column, row = AXES[plane]
    return float(shape[column] - 0.5 - point[column]), float(shape[row] - 0.5 - point[row])


def crop(picture: Array, centre: tuple[float, float], size: int) -> tuple[Array, tuple[int, int]]:
    """The square of ``size`` pixels about ``centre`` (x, y), zero beyond the picture.

    Returns
    -------
    tuple
        The square, and the (x, y) of its upper left corner in the picture.
    """
    left, top = (round(value - size / 2) for value in centre)
    out = np.zeros((size, size, *picture.shape[2:]), picture.dtype)
    rows = slice(max(top, 0), min(top + size, picture.shape[0]))
    columns = slice(max(left, 0), min(left + size, picture.shape[1]))
    if rows.start < rows.stop and columns.start < columns.stop:
        out[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] = picture[rows, columns]
    return out, (left, top)


def enlarge(picture: Array, factor: float) -> Array:
    """``picture``, two-dimensional, with ``factor`` times as many pixels each way, by cubic splines, as float32."""
    if factor == 1:
        return picture.astype(np.float32)
    return ndimage.zoom(picture.astype(np.float32), factor, order=3, mode="nearest", grid_mode=True)


def grey_window(
    images: list[Array], mask: NDArray[np.bool_], percentiles: tuple[float, float] = (0.5, 99.8)
) -> tuple[float, float]:
    """One grey window for all ``images``: percentiles of their values inside ``mask``, taken together.

    An empty mask stands for the whole field of view. The window never has zero width.
    """
    inside = mask if mask.any() else np.ones_like(mask)
    low, high = np.percentile(np.concatenate([image[inside] for image in images]), percentiles)
    return float(low), float(high if high > low else low + 1)


def difference_window(difference: Array, mask: NDArray[np.bool_], percentile: float = 99.7) -> float:
    """Half the width of the symmetric window of a difference image: a percentile of its size inside ``mask``."""
    inside = mask if mask.any() else np.ones_like(mask)
    half = float(np.percentile(np.abs(difference[inside]), percentile))
    return half if half > 0 else 1.0


def grey(picture: Array, window: tuple[float, float]) -> Picture:
    """``picture`` as grey levels 0 to 255 between the ends of ``window``."""
    low, high = window
    scaled = np.clip((np.asarray(picture, np.float32) - low) / (high - low), 0, 1)
    return np.rint(scaled * 255).astype(np.uint8)


def diverging(picture: Array, half_width: float) -> Picture:
    """Colours of a difference: blue below zero, almost black at zero, orange above; (rows, columns, 3)."""
    at = np.clip(np.asarray(picture, np.float32) / half_width, -1, 1)
    channels = [np.interp(at, _DIVERGING_AT, _DIVERGING[:, channel]) for channel in range(3)]
    return np.rint(np.stack(channels, axis=-1)).astype(np.uint8)


def diverging_stops() -> list[tuple[float, str]]:
    """The colours of `diverging` from one end of its window to the other: (percent of the way, ``rgb(...)``)."""
    names = [f"rgb({red:g},{green:g},{blue:g})" for red, green, blue in _DIVERGING]
    return [(float(50 + 50 * at), name) for at, name in zip(_DIVERGING_AT, names, strict=True)]


def heat(picture: Array) -> Picture:
    """Colours of a probability in 0 to 1: the upper half of the colours of a difference; (rows, columns, 3)."""
    return diverging(np.clip(picture, 0, 1), 1.0)


def checkerboard(first: Array, second: Array, square: int) -> Array:
    """Squares of ``square`` pixels taken in turn from two pictures of equal shape; the upper left is ``first``'s."""
    if first.shape != second.shape:
        raise ValueError(f"pictures of shapes {first.shape} and {second.shape} cannot share a checkerboard")
    rows, columns = np.indices(first.shape[:2]) // square
    odd = (rows + columns) % 2 == 1
    return np.where(odd if first.ndim == 2 else odd[..., None], second, first)


def edges_on(picture: Picture, edges_of: Array, within: NDArray[np.bool_], sigma: float = 2.0) -> Picture:
    """``picture`` (grey) with the edges of ``edges_of`` (same shape) drawn on it in yellow; (rows, columns, 3).

    Edges are Canny's; ``within`` bounds them, so that noise outside the head draws nothing.
    """
    values = np.asarray(edges_of, np.float32)
    edges = feature.canny(values, sigma=sigma, low_threshold=0.75, high_threshold=0.9, use_quantiles=True)
    colour = np.repeat(picture[..., None], 3, axis=-1)
    colour[edges & within] = _EDGE_COLOUR
    return colour


def montage(pictures: list[Picture], columns: int, gap: int = 4) -> tuple[Picture, list[tuple[int, int]]]:
    """Pictures of one shape side by side on black, row by row, ``gap`` pixels apart.

    Returns
    -------
    tuple
        The montage, and the (x, y) of the upper left corner of each picture in it.
    """
    rows, width = pictures[0].shape[:2]
    count = -(-len(pictures) // columns)
    shape = (count * (rows + gap) - gap, columns * (width + gap) - gap, *pictures[0].shape[2:])
    sheet = np.zeros(shape, np.uint8)
    corners = []
    for index, picture in enumerate(pictures):
        y, x = (index // columns) * (rows + gap), (index % columns) * (width + gap)
        sheet[y : y + rows, x : x + width] = picture
        corners.append((x, y))
    return sheet, corners


def bounding_box(mask: NDArray[np.bool_], margin: int) -> tuple[slice, slice, slice]:
    """The slices that hold ``mask`` and ``margin`` voxels around it; the whole array if the mask is empty."""
    if not mask.any():
        return slice(0, mask.shape[0]), slice(0, mask.shape[1]), slice(0, mask.shape[2])
    box = []
    for axis in range(3):
        used = np.flatnonzero(mask.any(axis=tuple(other for other in range(3) if other != axis)))
        box.append(slice(max(int(used[0]) - margin, 0), min(int(used[-1]) + margin + 1, mask.shape[axis])))
    return box[0], box[1], box[2]


def _turned(flat: Array) -> Array:
    return flat[::-1, ::-1].T
