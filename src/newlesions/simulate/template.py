"""The standard head that every simulated subject is warped from: MNI tissue maps with a cranium and a skin around."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import nibabel as nib
import numpy as np
from scipy import ndimage

from newlesions.images.volume import Affine, Array
from newlesions.simulate.fields import Field, ramp

# The box of every subject in RAS mm, wide enough for face and neck.
BOX_FIRST, BOX_LAST = np.array([-98.0, -132.0, -126.0]), np.array([98.0, 112.0, 98.0])
# Below this height (MNI mm) the spinal cord starts and the brain mask ends.
BRAIN_FLOOR = -70.0


@dataclass(frozen=True)
class Template:
    """Tissue maps on the MNI lattice and distances on a coarse lattice over the subject box.

    ``fluid`` and ``white`` hold fractions in [0, 1] (grey matter is the rest), ``affine`` maps their voxels to RAS mm.
    ``brain``, ``cavity`` (the cranial one), ``ventricles`` and ``skin`` are signed distances in mm, negative inside;
    ``coarse_affine`` is theirs.
    """

    fluid: Field
    white: Field
    affine: Affine
    brain: Field
    cavity: Field
    ventricles: Field
    skin: Field
    coarse_affine: Affine


@lru_cache(maxsize=2)
def load_template(spacing: int) -> Template:
    """Build the template with tissue maps of ``spacing`` mm (whole millimetres) and distances of at least 2 mm."""
    fluid, white, affine = _tissue_maps(spacing)
    coarse = max(2, spacing)
    coarse_affine = np.diag([coarse, coarse, coarse, 1.0])
    coarse_affine[:3, 3] = BOX_FIRST
    shape = tuple(((BOX_LAST - BOX_FIRST) // coarse + 1).astype(int))
    tissue_to_coarse = np.linalg.inv(affine) @ coarse_affine

    def carried(field: Field) -> Field:
        smooth = ndimage.gaussian_filter(field, 0.4 * (coarse / spacing - 1)) if coarse > spacing else field
        return ndimage.affine_transform(
            smooth, tissue_to_coarse[:3, :3], tissue_to_coarse[:3, 3], output_shape=shape, order=1
        )

    tissue = 1 - carried(fluid)
    x, y, z = (BOX_FIRST.reshape(3, 1, 1, 1) + coarse * np.indices(shape)).astype(np.float32)
    solid = _closed((tissue > 0.5) & (z >= BRAIN_FLOOR), 6.0 / coarse)
    brain = _signed_distance(solid, coarse)
    cavity = _signed_distance(_closed(solid, 14.0 / coarse), coarse) - 1.5
    deep = (tissue < 0.5) & (brain < -24) & (z > -20) & (np.abs(x) < 42)
    ventricles = _signed_distance(_largest(deep, structure=np.ones((3, 3, 3))), coarse)
    return Template(fluid, white, affine, brain, cavity, ventricles, _skin(cavity, x, y, z), coarse_affine)


def _tissue_maps(spacing: int) -> tuple[Field, Field, Affine]:
    package = find_spec("nilearn")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("nilearn is needed for its MNI tissue maps")
    folder = Path(package.origin).parent / "datasets" / "data"
    images = [nib.load(folder / f"mni_icbm152_{name}_tal_nlin_sym_09a_converted.nii.gz") for name in ("t1", "gm", "wm")]
    t1, grey, white = (np.asanyarray(image.dataobj).astype(np.float32) / 255 for image in images)
    # An average over many heads blurs the sulci in the tissue maps; in the T1 template fluid stays dark.
    fluid = np.maximum(ramp(1 - grey - white, 0.35, 0.75), 1 - ramp(t1, 0.42, 0.62))
    white = white * (1 - fluid)
    affine = np.asarray(images[0].affine, dtype=np.float64).copy()
    affine[:3, 3] += affine[:3, :3] @ np.full(3, (spacing - 1) / 2)
    affine[:3, :3] *= spacing
    return _block_mean(fluid, spacing), _block_mean(white, spacing), affine


def _block_mean(data: Field, n: int) -> Field:
    i, j, k = (length // n for length in data.shape)
    return data[: i * n, : j * n, : k * n].reshape(i, n, j, n, k, n).mean(axis=(1, 3, 5), dtype=np.float32)


def _signed_distance(mask: Array, step: float) -> Field:
    outside = ndimage.distance_transform_edt(~mask)
    inside = ndimage.distance_transform_edt(mask)
    return ndimage.gaussian_filter(((outside - inside) * step).astype(np.float32), 0.8)


def _closed(mask: Array, radius: float) -> Array:
    """Closing by a ball of ``radius`` voxels, holes filled, the largest part kept."""
    grown = ndimage.distance_transform_edt(~np.pad(mask, 1)) <= radius
    shrunk = ndimage.distance_transform_edt(grown) > radius
    return _largest(ndimage.binary_fill_holes(shrunk[1:-1, 1:-1, 1:-1] | mask))


def _largest(mask: Array, structure: Array | None = None) -> Array:
    labels, _ = ndimage.label(mask, structure)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray(labels == sizes.argmax())


def _skin(cavity: Field, x: Field, y: Field, z: Field) -> Field:
    """Signed distance of the head's outer surface: a shell about the cranium, a face and a neck, smoothly joined."""
    scalp = cavity - 13
    face = _ellipsoid(x, y - 42, z + 62, (60, 52, 62))
    nose = _ellipsoid(x, y - 92, z + 62, (13, 16, 24))
    neck = np.maximum(_ellipsoid(x, y + 28, z * 0, (58, 66, 1e3)), z + 40)
    return _smooth_minimum(_smooth_minimum(scalp, _smooth_minimum(face, nose, 8), 14), neck, 16)


def _ellipsoid(x: Field, y: Field, z: Field, radii: tuple[float, float, float]) -> Field:
    a, b, c = radii
    return (np.sqrt((x / a) ** 2 + (y / b) ** 2 + (z / c) ** 2) - 1) * min(radii)


def _smooth_minimum(a: Field, b: Field, width: float) -> Field:
    mix = np.clip(0.5 + (b - a) / (2 * width), 0, 1)
    return b * (1 - mix) + a * mix - width * mix * (1 - mix)
