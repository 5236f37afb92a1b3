"""One subject's head on a fine grid: warped tissue maps, their FLAIR intensities, and what lies outside the brain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from newlesions.images.volume import Affine, Array
from newlesions.simulate.fields import Field, ramp, shell, smooth_noise, upsample
from newlesions.simulate.outside import outside_brain
from newlesions.simulate.template import BOX_FIRST, BOX_LAST, BRAIN_FLOOR, Template, load_template

WHITE = 1.0
FLUID = 0.05
# The middle of the template's brain (RAS mm): scaling and the pattern of the sulci are centred on it.
_CENTRE = np.array([0.0, -18.0, 8.0])


@dataclass(frozen=True)
class Anatomy:
    """A subject without lesions, on a fine grid in the subject's own RAS millimetres.

    ``flair`` is the intensity (white matter 1), ``brain`` the exact brain mask, ``white`` and ``fluid`` tissue
    fractions. ``depth`` is the distance below the brain's surface (mm, negative outside), ``ventricles`` the signed
    distance to the ventricles (mm, negative inside). All have shape (I, J, K).
    """

    flair: Field
    brain: Array
    white: Field
    fluid: Field
    depth: Field
    ventricles: Field
    affine: Affine

    @property
    def spacing(self) -> float:
        """Voxel size in mm."""
        return float(self.affine[0, 0])

    def brain_points(self) -> Array:
        """Voxel indices all over the brain, every fourth along each axis, shape (n, 3)."""
        return np.argwhere(self.brain[::4, ::4, ::4]) * 4


@dataclass(frozen=True)
class _Tissue:
    """Working fields of one subject: template position (3, I, J, K), fractions, and signed distances in mm."""

    points: Field
    fluid: Field
    white: Field
    surface: Field
    ventricles: Field
    spacing: int


def make_anatomy(rng: np.random.Generator, spacing: int = 1) -> Anatomy:
    """Draw a head: scaling per axis, a smooth warp, ventricle size, folding, texture, skull, scalp and face.

    Parameters
    ----------
    rng
        Source of everything random about the subject.
    spacing
        Voxel size of the fine grid in whole mm.
    """
    template = load_template(spacing)
    i, j, k = ((BOX_LAST - BOX_FIRST) // spacing + 1).astype(int).tolist()
    points = _warped_points(rng, template, (i, j, k), spacing)
    surface, cavity, skin, ventricles = (
        _distance(template, field, points, spacing)
        for field in (template.brain, template.cavity, template.skin, template.ventricles)
    )
    near = ndimage.find_objects((surface < 2 * spacing).astype(np.int8))[0]
    fluid, white = np.ones_like(surface), np.zeros_like(surface)
    for output, source in ((fluid, template.fluid), (white, template.white)):
        output[near] = _at(source, template.affine, points[(slice(None), *near)], mode="constant")

    height = points[2]
    tissue = _Tissue(points, np.maximum(fluid, ramp(surface, -0.5, 1.0)), white, surface, ventricles, spacing)
    tissue = _fold(rng, tissue)
    inside = np.where(height < BRAIN_FLOOR, 0, ramp(-cavity, -0.7, 0.7)).astype(np.float32)
    flair = _tissue_intensity(rng, tissue) * inside
    flair += outside_brain(rng, points, cavity, skin, spacing) * (1 - inside)
    flair[(height < BRAIN_FLOOR) & (np.hypot(points[0], points[1] + 46) < 9)] = 0.9  # the spinal cord
    affine = np.diag([spacing, spacing, spacing, 1.0])
    affine[:3, 3] = BOX_FIRST
    depth = np.minimum(-surface, height - BRAIN_FLOOR)
    return Anatomy(flair, depth > 0, tissue.white, tissue.fluid, depth, ventricles, affine)


def _warped_points(rng: np.random.Generator, template: Template, shape: tuple[int, int, int], spacing: int) -> Field:
    """Where in the template (RAS mm) each fine voxel takes its tissue from, shape (3, I, J, K).

    The warp's shifts are 3 to 8 mm at their largest and change slowly enough (SD 22 mm) not to fold.
    """
    centre = _CENTRE.reshape(3, 1, 1, 1)
    # The MNI head is larger than most (1.85 l of brain with its sulci): subjects end between 1.2 and 1.8 l.
    scale = (rng.normal(0.93, 0.02) * rng.uniform(0.97, 1.03, 3)).reshape(3, 1, 1, 1)
    step = 8
    coarse = tuple(n * spacing // step + 2 for n in shape)
    shift = np.stack([1.7 * smooth_noise(rng, coarse, step, 22.0) for _ in range(3)])
    axes = [first + step * np.arange(n) for first, n in zip(BOX_FIRST, coarse, strict=True)]
    points = (np.stack(np.meshgrid(*axes, indexing="ij")) - centre) / scale + centre
    swelling = rng.uniform(-1.5, 4.0)
    blurred = ndimage.gaussian_filter((template.ventricles < 0).astype(np.float32), 7 / template.coarse_affine[0, 0])
    pull = np.stack(np.gradient(blurred))
    pull /= np.sqrt((pull**2).sum(axis=0)).max()
    pulled = np.stack([_at(component, template.coarse_affine, points) for component in pull])
    return np.stack([upsample(field, step / spacing, shape) for field in points + shift + swelling * pulled])


def _distance(template: Template, field: Field, points: Field, spacing: int) -> Field:
    """A coarse distance of the template at the subject's voxels; sampled at every other voxel, since it is smooth."""
    if spacing > 2:
        return _at(field, template.coarse_affine, points)
    values = _at(field, template.coarse_affine, points[:, ::2, ::2, ::2])
    i, j, k = points.shape[1:]
    return upsample(values, 2, (i, j, k))


def _at(field: Field, affine: Affine, points: Array, mode: str = "nearest") -> Field:
    """Linear interpolation of a template field at ``points`` (RAS mm, shape (3, ...))."""
    first = affine[:3, 3].reshape(3, *[1] * (points.ndim - 1))
    voxels = ((points - first) / affine[0, 0]).astype(np.float32)
    return np.asarray(ndimage.map_coordinates(field, voxels, order=1, mode=mode))


def _fold(rng: np.random.Generator, tissue: _Tissue) -> _Tissue:
    """Individual sulci in the outer 16 mm of the cerebrum, where the template, an average, is blurred.

    Sheets of fluid with grey matter beside them run along the zero crossings of a field that is constant towards the
    brain's middle, so that they stand upright on its surface.
    """
    radius, step = 62.0, 3.0
    n = int(2 * (radius + 12) / step)
    wave = smooth_noise(rng, (n, n, n), step, 6.5)
    affine = np.diag([step, step, step, 1.0])
    affine[:3, 3] = _CENTRE - radius - 12

    band = (tissue.surface > -17) & (tissue.surface < 1)
    x, y, z = tissue.points[:, band]
    ray = np.stack([x, y, z]) - _CENTRE.reshape(3, 1)
    length = np.sqrt((ray**2).sum(axis=0))
    ray *= radius / np.maximum(length, 1)
    sheet = 6.5 * np.abs(_at(wave, affine, ray + _CENTRE.reshape(3, 1)))

    below = ramp(-z, 8, 18) * np.maximum(ramp(-y, 22, 34), 1 - ramp(np.hypot(x, y + 25), 16, 26))
    outer = ramp(tissue.surface[band], -16, -7) * (1 - ramp(tissue.white[band], 0.5, 0.95)) * (1 - below)
    outer *= ramp(length, 36, 46)
    fluid, white = tissue.fluid.copy(), tissue.white.copy()
    fluid[band] = np.maximum(fluid[band], outer * (1 - ramp(sheet, 0.4, 1.3)))
    white[band] *= 1 - outer * (1 - ramp(sheet, 2.0, 3.5))
    return _Tissue(tissue.points, fluid, white * (1 - fluid), tissue.surface, tissue.ventricles, tissue.spacing)


def _tissue_intensity(rng: np.random.Generator, tissue: _Tissue) -> Field:
    """FLAIR intensities from fractions: bright cortex, deep nuclei like white matter, dark fluid, a ventricular rim."""
    cortex, deep = rng.uniform(1.25, 1.42), rng.uniform(0.96, 1.04)
    shape, spacing = tissue.white.shape, tissue.spacing
    grey = deep + (cortex - deep) * ramp(tissue.surface, -30, -14)
    texture = 1 + 0.03 * smooth_noise(rng, shape, spacing, 9.0) + 0.025 * smooth_noise(rng, shape, spacing, 2.5)
    value = (tissue.white * WHITE + (1 - tissue.white) * grey) * texture
    value *= 1 - 0.1 * ramp(-tissue.points[2], 20, 50)
    value += rng.uniform(0.05, 0.25) * shell(tissue.ventricles, 0.5, 2.5)
    return np.asarray(value * (1 - tissue.fluid) + FLUID * tissue.fluid, dtype=np.float32)
