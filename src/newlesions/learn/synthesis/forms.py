"""The form of one synthetic lesion on a fine lattice of its own, at one or two nested sizes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from newlesions.images.morphology import Mask, bounding_box, largest_component, signed_distance
from newlesions.images.resample import resample
from newlesions.images.volume import Affine, Array, Grid
from newlesions.learn.synthesis.host import Host
from newlesions.learn.synthesis.library import Library
from newlesions.simulate.fields import Field, smooth_noise

_STEP = (0.4, 1.0)  # mm: bounds of the fine lattice
_PAD = 6  # voxels around a shape: beyond them its distance field knows nothing
_GREY_MM = 3.0  # how much further a lesion would rather go in tissue than in half fluid
_KEPT = 0.7  # a lesion that keeps less than this share of itself in its surroundings finds no room


@dataclass(frozen=True)
class Form:
    """A lesion's extent on a fine isotropic lattice in a scan's RAS mm.

    Attributes
    ----------
    extents
        Soft, 0 to 1, shape (2, i, j, k): the smaller size, then the larger; equal where there is one size.
    masks
        The same as exact sets of voxels, bool.
    affine
        4x4, from the lattice's indices to the host scan's RAS mm.
    """

    extents: Field
    masks: Array
    affine: Affine

    def volume(self, size: int) -> float:
        """Volume in mm3 of the size 0 (smaller) or 1 (larger)."""
        return float(self.masks[size].sum() * abs(np.linalg.det(self.affine[:3, :3])))


def draw_form(
    rng: np.random.Generator,
    host: Host,
    centre: Array,
    volume: float,
    library: Library | None,
    *,
    resized: bool = False,
    free: Field | None = None,
) -> Form | None:
    """A lesion of ``volume`` mm3 (the larger size) around ``centre`` (the scan's RAS mm), kept to where there is room.

    Parameters
    ----------
    library
        Where shapes come from: scaled, turned by up to about 30 degrees, mirrored, elastically perturbed. Random smooth
        blobs when absent.
    resized
        Draw a smaller size within the larger one, 40 to 65 % of its volume, which does not share its centre.
    free
        In place of the host's ``room``.

    Returns
    -------
    Form | None
        None where there is no room.
    """
    radius = (volume * 3 / (4 * np.pi)) ** (1 / 3)
    step = float(np.clip(radius / 6, *_STEP))
    reach = int(np.ceil((2.4 * radius + 3) / step))
    offset = (np.indices((2 * reach + 1,) * 3) - reach) * step
    affine = np.diag([step, step, step, 1.0])
    affine[:3, 3] = centre - reach * step
    if library is None:
        depth = _blob(rng, offset, radius, step)
    else:
        depth = _from_shape(rng, library.draw(rng, volume), offset, volume, step, host.mni_from_scan)
    room = host.image.with_data(host.room if free is None else free)
    open_ = resample(room, Grid(depth.shape, affine), order=1).data
    wanted = depth >= np.partition(depth.ravel(), -round(volume / step**3))[-round(volume / step**3)]
    if open_[wanted].mean() < _KEPT:
        return None
    depth = np.where(open_ > 0.3, depth - _GREY_MM * (1 - open_), -np.inf)
    edge = float(rng.uniform(0.8, 1.8))
    larger, extent = _cut(depth, volume / step**3, edge)
    if larger is None:
        return None
    smaller, smaller_extent = larger, extent
    if resized:
        towards = rng.standard_normal(3)
        tilt = np.tensordot(towards / np.linalg.norm(towards), offset, axes=1) * 0.35
        share = float(rng.uniform(0.4, 0.65))
        part, smaller_extent = _cut(np.where(larger, depth + tilt, -np.inf), larger.sum() * share, edge)
        if part is None:
            return None
        smaller, smaller_extent = part, np.minimum(smaller_extent, extent)
    box = bounding_box(larger, margin=int(np.ceil(edge / step)) + 1)
    affine[:3, 3] += [side.start * step for side in box]
    extents = np.stack([smaller_extent[box], extent[box]])
    return Form(extents.astype(np.float32), np.stack([smaller[box], larger[box]]), affine)


def _from_shape(
    rng: np.random.Generator, shape: Mask, offset: Array, volume: float, step: float, mni_from_scan: Affine
) -> Array:
    """Distance (mm) below the surface of ``shape``, brought to ``volume``, ``offset`` mm from its deepest point."""
    scale = (volume / shape.sum()) ** (1 / 3)
    distance = ndimage.gaussian_filter(signed_distance(np.pad(shape, _PAD), 1.0), 0.6)
    deepest = np.array(np.unravel_index(distance.argmax(), distance.shape), dtype=float)
    turn = Rotation.from_euler("xyz", rng.normal(0, 15, 3).clip(-35, 35), degrees=True).as_matrix()
    mirror = np.diag([float(rng.choice([-1.0, 1.0])), 1.0, 1.0])
    left, _, right = np.linalg.svd(mni_from_scan[:3, :3])
    to_shape = mirror @ turn @ (left @ right) / scale
    radius = (volume * 3 / (4 * np.pi)) ** (1 / 3)
    wobble = [smooth_noise(rng, offset.shape[1:], step, max(1.5, 0.6 * radius)) for _ in range(3)]
    at = np.tensordot(to_shape, offset + 0.15 * radius * np.stack(wobble), axes=1) + deepest.reshape(3, 1, 1, 1)
    last = np.array(distance.shape).reshape(3, 1, 1, 1) - 1
    beyond = np.sqrt(((at - np.clip(at, 0, last)) ** 2).sum(axis=0))
    return scale * (ndimage.map_coordinates(distance, at, order=1, mode="nearest") - beyond)


def _blob(rng: np.random.Generator, offset: Array, radius: float, step: float) -> Array:
    """Depth (mm) below the surface of an ellipsoid with a rough surface."""
    frame = Rotation.random(rng=rng).as_matrix()
    stretch = np.exp(rng.normal(0, 0.2, 3))
    along = np.tensordot(stretch[:, None] * frame, offset, axes=1)
    rough = smooth_noise(rng, offset.shape[1:], step, max(1.2, 0.5 * radius))
    return np.asarray(radius - np.sqrt((along**2).sum(axis=0)) + 0.2 * radius * rough)


def _cut(depth: Array, voxels: float, edge: float) -> tuple[Mask | None, Field]:
    """The ``voxels`` deepest voxels, one piece, and their soft extent across ``edge`` mm; None if they do not fit."""
    count = max(1, round(voxels))
    ordered = np.partition(depth.ravel(), depth.size - count)
    level = float(ordered[depth.size - count])
    none = np.zeros(depth.shape, dtype=np.float32)
    if not np.isfinite(level):
        return None, none
    mask = largest_component(depth >= level)
    if mask.sum() < _KEPT * count:
        return None, none
    near = ndimage.binary_dilation(mask, iterations=max(1, round(edge / 2)))
    soft = np.clip(0.5 + (np.where(np.isfinite(depth), depth, level - edge) - level) / edge, 0, 1)
    return mask, np.where(near, soft, 0).astype(np.float32)
