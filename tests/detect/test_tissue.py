from __future__ import annotations

import numpy as np

from detect.made_pairs import AFFINE, SHAPE
from newlesions.detect.regions import Region, regions_on
from newlesions.detect.tissue import LESION, OTHER, OUTSIDE, WHITE, codes_of_freesurfer, of_codes, of_mni
from newlesions.images.volume import Grid

GRID = Grid(SHAPE, AFFINE)
BRAIN = np.ones(SHAPE, bool)


def image() -> np.ndarray:
    return np.asarray(50 + np.random.default_rng(0).normal(0, 2, SHAPE), np.float32)


def test_freesurfers_labels_are_white_matter_lesions_and_the_rest() -> None:
    """White matter of cerebrum, cerebellum, stem; fluid, cortex, thalamus, amygdala; SAMSEG's lesions; background."""
    labels = np.array([2, 41, 7, 46, 77, 16, 251, 4, 24, 3, 42, 10, 54, 99, 0, 258])
    codes = codes_of_freesurfer(labels.reshape(4, 4, 1)).ravel()
    assert codes.tolist() == [WHITE] * 7 + [OTHER] * 6 + [LESION, OUTSIDE, OUTSIDE]
    found = of_codes(codes.reshape(4, 4, 1))
    assert [int(mask.sum()) for mask in found] == [7, 6, 1]


def test_mnis_tissue_is_carried_by_the_affine() -> None:
    found = of_mni(image(), BRAIN, GRID, np.eye(4), 10.0)
    regions = regions_on(GRID, np.eye(4))
    np.testing.assert_array_equal(found.white, np.isin(regions, (Region.WHITE, Region.INFRATENTORIAL)))
    np.testing.assert_array_equal(found.other, ~found.white)
    assert not found.lesion.any() and 0.2 < found.white.mean() < 0.9
    shift = np.eye(4)
    shift[0, 3] = 4.0
    moved = of_mni(image(), BRAIN, GRID, shift, 10.0)
    np.testing.assert_array_equal(moved.white[:-4], found.white[4:])


def test_what_is_dark_is_fluid_and_what_is_bright_in_white_matter_is_lesion() -> None:
    shown = image()
    place = tuple(np.argwhere(of_mni(shown, BRAIN, GRID, np.eye(4), 10.0).white)[500])
    cortex = tuple(np.argwhere(regions_on(GRID, np.eye(4)) == Region.CORTEX)[0])
    dark = shown.copy()
    dark[place] = 20
    found = of_mni(dark, BRAIN, GRID, np.eye(4), 10.0)
    assert found.other[place] and not found.white[place]
    shown[place] = shown[cortex] = 100
    found = of_mni(shown, BRAIN, GRID, np.eye(4), 10.0)
    assert found.lesion[place] and not found.white[place] and not found.other[place]
    assert found.other[cortex] and not found.lesion[cortex], "bright cortex is no lesion"
