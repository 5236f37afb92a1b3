"""Removal: what was bright looks like the tissue around, and nothing else is touched."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from learn.synthesis.heads import NOISE, WHITE
from newlesions.learn.synthesis.host import Host
from newlesions.learn.synthesis.insert import insert
from newlesions.learn.synthesis.lesions import place_lesions
from newlesions.learn.synthesis.reference import change_labels
from newlesions.learn.synthesis.remove import remove
from newlesions.simulate.lesions import ChangeCounts


def test_a_marked_lesion_takes_the_intensity_and_the_noise_around_it(marked_head: Host) -> None:
    lesion = marked_head.lesions
    assert marked_head.image.data[lesion].mean() > 1.35 * WHITE
    after = remove(marked_head.image, lesion, marked_head.white, np.random.default_rng(0)).data
    assert after[lesion].mean() == pytest.approx(WHITE, abs=1.5)
    assert after[lesion].std() == pytest.approx(NOISE, rel=0.3)
    around = ndimage.binary_dilation(lesion, iterations=2) & ~lesion
    assert after[around].mean() == pytest.approx(WHITE, abs=1.5)


def test_far_from_the_lesion_no_voxel_changes(marked_head: Host) -> None:
    after = remove(marked_head.image, marked_head.lesions, marked_head.white, np.random.default_rng(0)).data
    far = ndimage.distance_transform_edt(~marked_head.lesions, sampling=1.5) > 2.5
    np.testing.assert_array_equal(after[far], marked_head.image.data[far])


def test_removal_undoes_insertion(thick_head: Host) -> None:
    """Also on slices of 4 mm, whose neighbours hold parts of the lesion."""
    lesions = place_lesions(np.random.default_rng(5), thick_head, ChangeCounts(new=4), 0)
    with_lesions = insert(thick_head.image, lesions, 1, thick_head.white)
    mask = change_labels(lesions, thick_head.image.grid) > 0
    after = remove(with_lesions, mask, thick_head.white & ~ndimage.binary_dilation(mask), np.random.default_rng(0))
    excess = ndimage.gaussian_filter(after.data - thick_head.image.data, 1)
    rise = ndimage.gaussian_filter(with_lesions.data - thick_head.image.data, 1)
    assert np.abs(excess[mask]).mean() < 0.15 * rise[mask].mean()
    assert np.abs(excess).max() < 0.4 * rise.max()


def test_nothing_is_removed_without_tissue_to_fill_the_gap(marked_head: Host) -> None:
    none = np.zeros_like(marked_head.white)
    after = remove(marked_head.image, marked_head.lesions, none, np.random.default_rng(0))
    np.testing.assert_array_equal(after.data, marked_head.image.data)
