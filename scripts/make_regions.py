"""Draw the region map of src/newlesions/data from the tissue maps that nilearn ships; run by hand, once per template.

Seeds at known places of MNI space grow by watershed until they meet where tissue (tentorium, capsules) or fluid
(foramina, fissures) is thinnest.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.segmentation import watershed

from newlesions.detect.regions import Region
from newlesions.images.io import write_volume
from newlesions.images.morphology import bounding_box, dilate, erode, largest_component
from newlesions.images.volume import Affine, Volume
from newlesions.preprocess.template import load_template

TARGET = Path(__file__).parents[1] / "src" / "newlesions" / "data" / "mni_regions.nii.gz"

Mask = NDArray[np.bool_]
Map = NDArray[np.float32]
Points = list[tuple[float, float, float]]

# Seeds in MNI mm at x >= 0; each counts on both sides.
CEREBRUM: Points = [(25, -10, 35), (30, 30, 10), (40, -30, -12), (35, -5, -28), (25, -85, 0), (35, -65, 5),
                    (45, 10, -28), (25, -30, -17), (24, -14, -22), (34, -50, -14), (12, -70, 0), (10, -60, 8),
                    (22, -62, -7), (14, -45, 0), (50, -50, -16), (45, -65, -8), (20, -90, -10), (11, -83, -6),
                    (5, -12, 4)]  # fmt: skip
POSTERIOR: Points = [(25, -60, -36), (2, -55, -28), (2, -62, -15), (3, -25, -33), (2, -40, -58), (30, -50, -30),
                     (40, -65, -40), (15, -75, -35), (20, -80, -32), (25, -45, -50), (8, -50, -8), (6, -55, -4),
                     (5, -22, -18), (20, -58, -20), (12, -72, -20), (42, -55, -28)]  # fmt: skip
# The midbrain ends on a plane from the mammillary bodies to the posterior commissure: (y, z) of two of its points.
MIDBRAIN_TOP = ((-10.0, -13.0), (-29.0, -2.0))

LATERAL_VENTRICLE: Points = [(8, 10, 12), (15, -15, 23), (26, -42, 12), (30, -50, 8), (33, -41, -2), (30, -8, -19),
                             (31, -8, -22)]  # fmt: skip
TEMPORAL_HORN = ((23.0, -36.0, -27.0), (38.0, -4.0, -4.0))
THIRD_VENTRICLE: Points = [(0, -18, -4), (0, -4, -8), (0, -20, 2)]
FOURTH_VENTRICLE: Points = [(0, -46, -32), (0, -40, -25), (0, -48, -38)]
CISTERNS: Points = [(0, -45, 0), (0, -38, -5), (12, -40, -3), (0, -34, 6), (0, -25, 13), (18, -30, -8), (21, -27, -12),
                    (0, 5, -15), (42, 0, 0), (40, -20, 8), (0, -60, 3), (0, -50, 5), (0, -30, 12), (8, -14, -14),
                    (12, -35, -20), (0, -56, -60), (0, -50, -53), (20, -15, -20), (0, -36, -17),
                    (15, 5, -16)]  # fmt: skip

DEEP: Points = [(12, 12, 10), (14, 0, 18), (26, 4, 2), (28, -8, 2), (11, -18, 8), (16, -26, 6), (19, -4, -1),
                (9, 10, -7), (6, -12, 8), (22, 10, -4), (12, -14, -6), (4, -4, -9), (5, -18, 6), (8, -25, 9),
                (14, -28, 4), (16, -20, 2), (10, -10, 4), (17, -22, 10)]  # fmt: skip
CORTEX: Points = [(36, 10, 0), (35, -10, 4), (37, 0, 8), (34, 16, -8), (25, -20, -14), (24, -32, -6), (4, 20, -9),
                  (6, 12, -14), (20, 14, -16), (22, -2, -16), (4, 10, 34), (18, -36, -2), (14, -34, -6),
                  (28, 0, -16)]  # fmt: skip
DEEP_BOX = ((-36.0, -36.0, -14.0), (36.0, 26.0, 26.0))


def main() -> None:
    """Write the map."""
    volume = draw_regions()
    write_volume(TARGET, volume, level=9)
    for region in Region:
        print(f"{region.name:20s} {np.count_nonzero(volume.data == region) / 1000:8.1f} ml")
    print(f"{TARGET.stat().st_size / 1000:.0f} kB")


def draw_regions() -> Volume:
    """The map, uint8, cropped to the brain, on a 1 mm grid that is symmetric about x = 0."""
    template = load_template(1.0)
    affine = template.brain.affine
    grey, white = template.grey.data, template.white.data
    tissue = np.clip(grey + white, 0, 1)
    brain = largest_component(ndimage.binary_opening(template.brain.data > 0.5, iterations=2))
    x, y, z = (affine[:3, 3].reshape(3, 1, 1, 1) + np.indices(brain.shape)).astype(np.float32)

    posterior = _posterior(tissue, brain, affine, x, y, z)
    lateral, fourth = _ventricles(1 - tissue, brain, affine, x, y, z)
    is_tissue = (tissue > 0.5) & ~lateral & ~fourth
    deep = _deep_grey(white, is_tissue & ~posterior, affine, x, y, z)
    deep |= _ventricle_wall(lateral, brain, tissue, z) & (grey >= white)

    regions = np.zeros(brain.shape, dtype=np.uint8)
    regions[brain] = Region.OUTER_FLUID
    regions[brain & posterior] = Region.POSTERIOR_FLUID
    regions[brain & is_tissue] = Region.CORTEX
    regions[brain & is_tissue & (white > grey)] = Region.WHITE
    regions[brain & is_tissue & deep] = Region.DEEP_GREY
    regions[brain & is_tissue & posterior] = Region.INFRATENTORIAL
    regions[lateral] = Region.VENTRICLE
    regions[fourth] = Region.FOURTH_VENTRICLE
    return _cropped(_mirrored(regions, x), affine)


def _posterior(tissue: Map, brain: Mask, affine: Affine, x: Map, y: Map, z: Map) -> Mask:
    """The posterior fossa, fluid included, up to the tentorium and the top of the midbrain."""
    (y0, z0), (y1, z1) = MIDBRAIN_TOP
    above = (z - z0) * (y0 - y1) - (z1 - z0) * (y0 - y) > 0
    middle = (np.abs(x) < 17) & (y > -34) & (y < -6) & (z > -24) & (z < 4) & (tissue > 0.7)
    markers = _seeds([CEREBRUM, POSTERIOR], affine, brain.shape)
    markers[middle & above] = 1
    markers[middle & ~above & (np.abs(x) < 9)] = 2
    markers[brain & (z > 22)] = 1
    markers[brain & (z < -42) & (y < -30)] = 2
    fluid = ndimage.gaussian_filter(1 - tissue, 0.7)
    sides = watershed(fluid, markers, mask=brain)
    return np.asarray(ndimage.binary_opening(sides == 2, iterations=1) & brain)


def _ventricles(fluid: Map, brain: Mask, affine: Affine, x: Map, y: Map, z: Map) -> tuple[Mask, Mask]:
    """Lateral and third ventricles, and the fourth.

    In an average of many heads the temporal horns are blurred to less than half fluid: there a third is enough.
    """
    (x0, y0, z0), (x1, y1, z1) = TEMPORAL_HORN
    horn = (np.abs(x) > x0) & (np.abs(x) < x1) & (y > y0) & (y < y1) & (z > z0) & (z < z1)
    is_fluid = fluid > np.where(horn, np.float32(0.33), np.float32(0.5))
    markers = _seeds([LATERAL_VENTRICLE + THIRD_VENTRICLE, FOURTH_VENTRICLE, CISTERNS], affine, brain.shape)
    markers[(markers == 0) & ~erode(brain, 7.0, 1.0) & is_fluid] = 3
    parts = watershed(-ndimage.gaussian_filter(fluid, 0.5), markers, mask=is_fluid)
    return parts == 1, parts == 2


def _deep_grey(white: Map, cerebrum: Mask, affine: Affine, x: Map, y: Map, z: Map) -> Mask:
    """Caudate, putamen, pallidum and thalamus."""
    (x0, y0, z0), (x1, y1, z1) = DEEP_BOX
    box = (x >= x0) & (x <= x1) & (y >= y0) & (y <= y1) & (z >= z0) & (z <= z1)
    markers = _seeds([DEEP, CORTEX], affine, cerebrum.shape)
    markers[cerebrum & ((white > 0.8) | ~box)] = 2
    parts = watershed(ndimage.gaussian_filter(white, 0.5), markers, mask=cerebrum)
    return np.asarray((parts == 1) & (white < 0.75))


def _ventricle_wall(lateral: Mask, brain: Mask, tissue: Map, z: Map) -> Mask:
    """Where a mix of white matter and fluid, or the caudate's tail, looks grey beside the ventricles."""
    fluid_outside = brain & (tissue <= 0.5) & ~lateral
    to_ventricle = ndimage.distance_transform_edt(~lateral)
    nearer = to_ventricle < ndimage.distance_transform_edt(~fluid_outside)
    return np.asarray(nearer & (to_ventricle <= 4) & (z > -2))


def _seeds(groups: list[Points], affine: Affine, shape: tuple[int, ...]) -> NDArray[np.int32]:
    markers = np.zeros(shape, dtype=np.int32)
    for label, points in enumerate(groups, start=1):
        for px, py, pz in points:
            for side in (-px, px):
                i, j, k = np.rint(np.array([side, py, pz]) - affine[:3, 3]).astype(int)
                markers[i - 1 : i + 2, j - 1 : j + 2, k - 1 : k + 2] = label
    return markers


def _mirrored(regions: NDArray[np.uint8], x: Map) -> NDArray[np.uint8]:
    """The half at x >= 0 on both sides: the template is symmetric, the order of a watershed is not."""
    assert x[0, 0, 0] == -x[-1, 0, 0]
    return np.where(x >= 0, regions, regions[::-1])


def _cropped(regions: NDArray[np.uint8], affine: Affine) -> Volume:
    box = bounding_box(dilate(regions > 0, 1.0, 1.0), 1)
    cropped = affine.copy()
    cropped[:3, 3] += [side.start for side in box]
    return Volume(regions[box], cropped)


if __name__ == "__main__":
    main()
