"""Where a voxel lies: in MNI space, among tissues, and against the other hemisphere."""

from __future__ import annotations

from functools import cache, partial

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from newlesions.detect.features.pair import Image, PairData
from newlesions.detect.features.region import brain_level
from newlesions.detect.regions import Region, load_regions
from newlesions.images.morphology import Mask
from newlesions.images.volume import Affine, apply_affine

PLACE_NAMES = (
    "mni_x_abs",
    "mni_y",
    "mni_z",
    "to_ventricle_mm",
    "to_cortex_mm",
    "to_brain_edge_mm",
    "white_matter",
    "cortex",
    "deep_grey",
    "infratentorial",
    "asymmetry_followup",
    "asymmetry_difference",
)

_COARSE = 2  # mm; of the maps of distance and tissue, which are smooth
_TISSUE_MM = 2.0
_FAR_MM = 60.0


def place_features(pair: PairData, region: Mask) -> list[NDArray[np.float32]]:
    """One array per name of `PLACE_NAMES` for the region's voxels in the order of memory."""
    voxels = np.argwhere(region)
    mni = apply_affine(pair.mni_from_working @ pair.grid.affine, voxels)
    maps, affine = _maps()
    index = apply_affine(np.linalg.inv(affine).astype(np.float64), mni).T
    sampled = [ndimage.map_coordinates(field, index, order=1, mode="nearest") for field in maps]
    columns = [np.abs(mni[:, 0]), mni[:, 1], mni[:, 2], *sampled[:2], _to_edge(pair, voxels), *sampled[2:]]
    return [np.asarray(column, np.float32) for column in (*columns, *_asymmetries(pair, voxels, mni))]


@cache
def _maps() -> tuple[tuple[Image, ...], Affine]:
    """Distances to ventricle and cortex, and shares of tissues, at 2 mm in MNI space."""
    regions = load_regions()
    codes = regions.data[::_COARSE, ::_COARSE, ::_COARSE]
    affine = regions.affine @ np.diag([_COARSE, _COARSE, _COARSE, 1.0])
    distances = [
        np.minimum(ndimage.distance_transform_edt(codes != code, sampling=_COARSE), _FAR_MM)
        for code in (Region.VENTRICLE, Region.CORTEX)
    ]
    below = (Region.FOURTH_VENTRICLE, Region.INFRATENTORIAL, Region.POSTERIOR_FLUID)
    tissues: tuple[tuple[Region, ...], ...] = ((Region.WHITE,), (Region.CORTEX,), (Region.DEEP_GREY,), below)
    shares = [
        ndimage.gaussian_filter(np.isin(codes, group).astype(np.float32), _TISSUE_MM / _COARSE) for group in tissues
    ]
    return tuple(field.astype(np.float32) for field in (*distances, *shares)), affine


def _to_edge(pair: PairData, voxels: NDArray[np.intp]) -> Image:
    """The distance to the brain's edge, from a map at about 2 mm."""
    step = max(1, round(_COARSE / pair.spacing))
    coarse = np.pad(pair.brain, 1)[::step, ::step, ::step]
    distance = ndimage.distance_transform_edt(coarse, sampling=pair.spacing * step)
    return np.asarray(ndimage.map_coordinates(distance, (voxels + 1).T / step, order=1, mode="nearest"), np.float32)


def _asymmetries(pair: PairData, voxels: NDArray[np.intp], mni: NDArray[np.float64]) -> list[Image]:
    """How far the follow-up, and its rise, exceed those at the mirrored place of the other hemisphere."""
    mirrored = apply_affine(
        np.linalg.inv(pair.mni_from_working @ pair.grid.affine).astype(np.float64), mni * np.array([-1.0, 1.0, 1.0])
    ).T
    level = brain_level(pair)
    here = tuple(voxels.T)
    columns = []
    # Wide enough that the hemispheres' differences in shape do not matter.
    before, after = (
        pair.once(image, "asymmetry", partial(ndimage.gaussian_filter, image, 1.5 / pair.spacing, truncate=3.0))
        for image in (pair.before, pair.after)
    )
    for smooth in (after, after - before):
        there = ndimage.map_coordinates(smooth, mirrored, order=1, mode="nearest")
        columns.append(((smooth[here] - there) / level).astype(np.float32))
    return columns
