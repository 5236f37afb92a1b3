"""The map of regions, its masks, and the names of lesions on drawn and real heads."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import cc3d
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from newlesions.detect.regions import (
    DEEP_WHITE,
    INFRATENTORIAL,
    JUXTACORTICAL,
    OUTSIDE,
    PERIVENTRICULAR,
    Region,
    brain_mask,
    load_regions,
    name_regions,
    regions_on,
    subject_ventricle,
    ventricle_mask,
)
from newlesions.images.io import read_volume
from newlesions.images.transforms import rigid_exp
from newlesions.images.volume import Grid, apply_affine

THICK = Grid((150, 180, 34), np.array([[-1.0, 0, 0, 75], [0, 1, 0, -105], [0, 0, 5, -75], [0, 0, 0, 1]]))
# Centres in MNI mm whose place is beyond doubt, on either side.
PLACES = {
    PERIVENTRICULAR: [(-19, -8, 26), (14, 24, 14), (20, -20, 27)],
    INFRATENTORIAL: [(0, -28, -35), (28, -60, -36), (4, -20, -19), (-22, -80, -32)],
    JUXTACORTICAL: [(44, -22, 44), (-40, 34, 12), (8, -82, 22)],
    DEEP_WHITE: [(27, -20, 36), (-27, 0, 34)],
    OUTSIDE: [(0, 95, 0), (85, 0, 0)],
}


def milliliters(*codes: Region) -> float:
    return float(np.isin(load_regions().data, codes).sum()) / 1000


def head(grid: Grid, mni_from_space: NDArray[np.float64], ventricle_growth: float = 0.0) -> NDArray[np.float32]:
    """A FLAIR of MNI's regions on ``grid``: tissue 100, fluid 10; ventricles wider by ``ventricle_growth`` mm."""
    regions = regions_on(grid, mni_from_space)
    fluid = np.isin(regions, (Region.VENTRICLE, Region.FOURTH_VENTRICLE, Region.OUTER_FLUID, Region.POSTERIOR_FLUID))
    distance = ndimage.distance_transform_edt(regions != Region.VENTRICLE, sampling=grid.spacing)
    image = np.where(fluid | (distance <= ventricle_growth), 10, 100) * (regions > 0)
    return image.astype(np.float32)


def balls(
    centres: list[tuple[float, float, float]], radius: float, grid: Grid, mni_from_space: NDArray[np.float64]
) -> NDArray[np.int32]:
    """Balls of ``radius`` mm about ``centres`` (MNI mm), labelled from 1; at least the nearest voxel each."""
    labels = np.zeros(grid.shape, dtype=np.int32)
    points = apply_affine(mni_from_space @ grid.affine, np.moveaxis(np.indices(grid.shape), 0, -1))
    for label, centre in enumerate(centres, start=1):
        distance = np.linalg.norm(points - centre, axis=-1)
        labels[distance <= max(radius, distance.min())] = label
    return labels


def test_volumes_of_the_map_are_those_of_a_brain() -> None:
    assert 15 < milliliters(Region.VENTRICLE) < 35
    assert 1 < milliliters(Region.FOURTH_VENTRICLE) < 4
    assert 150 < milliliters(Region.INFRATENTORIAL) < 230
    assert 40 < milliliters(Region.DEEP_GREY) < 75
    assert 1500 < milliliters(*Region) < 2000


def test_map_is_symmetric_and_small_and_not_to_be_written_to() -> None:
    regions = load_regions()
    assert (regions.data == regions.data[::-1]).all()
    assert regions.affine[0, 3] == -(regions.data.shape[0] - 1) / 2
    with pytest.raises(ValueError, match="read-only"):
        regions.data[0, 0, 0] = 1


@pytest.mark.parametrize(
    ("point", "region"),
    [
        ((6, 10, 10), Region.VENTRICLE),
        ((30, -9, -20), Region.VENTRICLE),  # temporal horn
        ((0, -20, 0), Region.VENTRICLE),  # third
        ((0, -45, -32), Region.FOURTH_VENTRICLE),
        ((0, -42, 0), Region.OUTER_FLUID),  # quadrigeminal cistern
        ((46, 0, -4), Region.OUTER_FLUID),  # Sylvian fissure
        ((10, -18, 8), Region.DEEP_GREY),
        ((26, 4, 2), Region.DEEP_GREY),
        ((38, 4, -2), Region.CORTEX),  # insula
        ((25, -20, -14), Region.CORTEX),  # hippocampus
        ((35, -52, -21), Region.CORTEX),  # fusiform gyrus, above the tentorium
        ((34, -55, -26), Region.INFRATENTORIAL),  # below it
        ((4, -20, -18), Region.INFRATENTORIAL),
        ((25, -20, 35), Region.WHITE),
    ],
)
def test_known_places(point: tuple[float, float, float], region: Region) -> None:
    regions = load_regions()
    for side in (-1, 1):
        place = apply_affine(np.linalg.inv(regions.affine), np.array(point) * [side, 1, 1])
        i, j, k = np.rint(place).astype(int)
        assert regions.data[i, j, k] == region


def test_erosions_peel_off_one_voxel_each() -> None:
    for mask in (ventricle_mask, brain_mask):
        whole, twice = mask(0), mask(2)
        distance = ndimage.distance_transform_cdt(whole.data, metric="taxicab")
        assert (twice.data == (distance > 2)).all()
        assert twice.grid.matches(load_regions().grid)
        assert twice.data.any()


@pytest.mark.parametrize("tilted", [False, True])
@pytest.mark.parametrize("grid", [load_regions().grid, THICK], ids=["1 mm", "5 mm slices"])
def test_names_of_known_places(grid: Grid, tilted: bool) -> None:
    mni_from_space = rigid_exp(np.array([0.1, -0.05, 0.08, 3.0, -4.0, 2.0])) if tilted else np.eye(4)
    expected = [name for name, centres in PLACES.items() if name != OUTSIDE for _ in centres]
    centres = [centre for name, places in PLACES.items() if name != OUTSIDE for centre in places]
    labels = balls(centres, 2.0, grid, mni_from_space)
    image = head(grid, mni_from_space)
    assert name_regions(labels, grid, mni_from_space, image, image > 0) == expected


def test_outside() -> None:
    grid = Grid((110, 130, 100), np.array([[2.0, 0, 0, -110], [0, 2, 0, -130], [0, 0, 2, -90], [0, 0, 0, 1]]))
    labels = balls(PLACES[OUTSIDE], 3.0, grid, np.eye(4))
    image = head(grid, np.eye(4))
    assert name_regions(labels, grid, np.eye(4), image, image > 0) == [OUTSIDE, OUTSIDE]
    assert name_regions(labels, grid, np.eye(4), image, np.zeros(grid.shape, dtype=bool)) == [OUTSIDE, OUTSIDE]


def test_a_number_without_voxels_keeps_its_place() -> None:
    grid = load_regions().grid
    labels = balls([(0, -28, -35), (25, -12, 38)], 2.0, grid, np.eye(4))
    labels[labels == 2] = 3
    image = head(grid, np.eye(4))
    assert name_regions(labels, grid, np.eye(4), image, image > 0) == [INFRATENTORIAL, OUTSIDE, DEEP_WHITE]
    assert name_regions(np.zeros_like(labels), grid, np.eye(4), image, image > 0) == []


def test_wide_ventricles_are_found_in_the_image() -> None:
    grid = load_regions().grid
    labels = balls([(26, -16, 30)], 1.5, grid, np.eye(4))
    for growth, name in ((0.0, DEEP_WHITE), (6.0, PERIVENTRICULAR)):
        image = head(grid, np.eye(4), growth)
        assert name_regions(labels, grid, np.eye(4), image, image > 0) == [name]


def test_ventricle_of_the_subject_keeps_out_of_other_fluid_and_falls_back_on_mni() -> None:
    regions, spacing = load_regions().data, np.ones(3)
    image = head(load_regions().grid, np.eye(4), 4.0)
    found = subject_ventricle(regions, image, regions > 0, spacing)
    truth = image == 10
    assert not (found & np.isin(regions, (Region.OUTER_FLUID, Region.FOURTH_VENTRICLE))).any()
    near = ndimage.distance_transform_edt(regions != Region.VENTRICLE) <= 4
    assert 2 * (found & near & truth).sum() / (found.sum() + (near & truth).sum()) > 0.85
    bright = np.full_like(image, 100)
    assert (subject_ventricle(regions, bright, regions > 0, spacing) == (regions == Region.VENTRICLE)).all()


def test_fifty_lesions_take_below_two_seconds() -> None:
    spacing = np.array([0.7, 0.7, 3.5])
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = -(np.array([320, 320, 46]) - 1) / 2 * spacing + [0, -18, 0]
    grid = Grid((320, 320, 46), affine)
    image = head(grid, np.eye(4))
    random = np.random.default_rng(0)
    voxels = random.permutation(np.argwhere(ndimage.binary_erosion(image > 50, iterations=4)))[:50]
    labels = np.zeros(grid.shape, dtype=np.int32)
    for label, (i, j, k) in enumerate(voxels, start=1):
        labels[i - 3 : i + 4, j - 3 : j + 4, k] = label
    start = time.process_time()
    names = name_regions(labels, grid, np.eye(4), image, image > 0)
    assert time.process_time() - start < 2.0
    assert len(names) == labels.max()


def test_lesions_of_patients_lie_where_multiple_sclerosis_puts_them(shared_data: Path) -> None:
    counts: Counter[str] = Counter()
    volumes: Counter[str] = Counter()
    for subject in ("msl18", "msl39"):
        stem = shared_data / "single_timepoint" / f"sub-{subject}" / f"sub-{subject}_space-MNI"
        flair = read_volume(f"{stem}_FLAIR.nii.gz")
        labels = cc3d.connected_components(
            read_volume(f"{stem}_label-lesion_mask.nii.gz", np.uint8).data > 0, connectivity=26
        )
        names = name_regions(labels, flair.grid, np.eye(4), flair.data, flair.data > 0)
        counts.update(names)
        for name, voxels in zip(names, np.bincount(labels.ravel())[1:], strict=True):
            volumes[name] += int(voxels)
    assert counts[OUTSIDE] == 0
    assert counts[INFRATENTORIAL] < 0.25 * counts.total()
    assert counts[JUXTACORTICAL] > 0.25 * counts.total()
    assert volumes[PERIVENTRICULAR] > 0.8 * volumes.total()
