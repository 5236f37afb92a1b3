"""Insertion: where, how bright, and nothing else touched."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from learn.synthesis.heads import WHITE, draw_head, radius_of
from newlesions.images.volume import Volume
from newlesions.learn.synthesis.forms import draw_form
from newlesions.learn.synthesis.host import Host, white_level
from newlesions.learn.synthesis.insert import insert
from newlesions.learn.synthesis.lesions import Contrasts, Lesion, place_lesions
from newlesions.learn.synthesis.library import Library
from newlesions.learn.synthesis.reference import change_labels
from newlesions.simulate.lesions import Change, ChangeCounts, LesionSizes


def one_lesion(host: Host, library: Library | None, volume: float, contrast: float, seed: int = 0) -> Lesion:
    form = draw_form(np.random.default_rng(seed), host, np.array([0.0, 0.0, 20.0]), volume, library)
    assert form is not None
    return Lesion(form, (0, 2), (contrast, contrast), 7)


def test_beyond_a_lesions_reach_no_voxel_changes(head: Host, library: Library) -> None:
    lesion = one_lesion(head, library, 200, 0.5)
    after = insert(head.image, [lesion], 1, head.white)
    far = ndimage.distance_transform_edt(change_labels([lesion], head.image.grid) == 0, sampling=1.5) > 5
    np.testing.assert_array_equal(after.data[far], head.image.data[far])
    assert (after.data != head.image.data).any()


def test_where_no_lesion_is_shown_the_scan_is_as_it_was(head: Host) -> None:
    lesion = one_lesion(head, None, 200, 0.5)
    np.testing.assert_array_equal(insert(head.image, [lesion], 0, head.white).data, head.image.data)


@pytest.mark.parametrize("contrast", [0.25, 0.5, 0.8])
def test_the_middle_has_the_contrast_that_was_asked_for(head: Host, contrast: float) -> None:
    lesion = one_lesion(head, None, 900, contrast)
    after = insert(head.image, [lesion], 1, head.white)
    middle = ndimage.binary_erosion(change_labels([lesion], head.image.grid) == Change.NEW)
    assert middle.sum() > 20
    assert after.data[middle].mean() / WHITE - 1 == pytest.approx(contrast, abs=0.05)


def test_contrast_follows_the_local_white_matter(head: Host) -> None:
    lesion = one_lesion(head, None, 900, 0.5)
    slope = 1 + 0.01 * (np.arange(head.image.data.shape[2]) - head.image.data.shape[2] / 2)
    tilted = head.image.with_data((head.image.data * slope).astype(np.float32))
    middle = ndimage.binary_erosion(change_labels([lesion], head.image.grid) == Change.NEW)
    local = (WHITE * np.broadcast_to(slope, tilted.data.shape))[middle].mean()
    assert insert(tilted, [lesion], 1, head.white).data[middle].mean() / local - 1 == pytest.approx(0.5, abs=0.06)


def test_noise_stays_and_the_border_is_soft(head: Host) -> None:
    lesion = one_lesion(head, None, 900, 0.5)
    gain = insert(head.image, [lesion], 1, head.white).data / np.maximum(head.image.data, 1)
    middle = ndimage.binary_erosion(change_labels([lesion], head.image.grid) == Change.NEW)
    before, after = head.image.data[middle], (head.image.data * gain)[middle]
    assert np.corrcoef(before, after)[0, 1] > 0.5
    # From one to the full gain takes several voxels: many lie between.
    assert ((gain > 1.1) & (gain < 1.4)).sum() > 0.5 * (gain >= 1.4).sum()


def test_thick_slices_see_the_lesion_over_their_own_thickness(thick_head: Host) -> None:
    lesion = one_lesion(thick_head, None, 60, 0.5)
    after = insert(thick_head.image, [lesion], 1, thick_head.white).data
    gain = (after - thick_head.image.data) / np.maximum(thick_head.image.data, 1)
    slices = gain.max(axis=(0, 1))
    # 60 mm3 are 5 mm across: one or two slices of 4 mm show it, with partial volume in between.
    assert 1 <= (slices > 0.2).sum() <= 3 and (slices > 0.02).sum() <= 4
    total = gain.sum() * thick_head.image.voxel_volume
    assert total == pytest.approx(0.5 * 60, rel=0.35)


@pytest.mark.parametrize("shapes", [True, False])
def test_lesions_lie_in_the_brain_apart_and_not_in_fluid(
    head: Host, thick_head: Host, library: Library, shapes: bool
) -> None:
    for host in (head, thick_head):
        rng = np.random.default_rng(1)
        lesions = place_lesions(rng, host, ChangeCounts(4, 2, 2, 1), 3, library if shapes else None)
        assert len(lesions) >= 8
        radius = radius_of(host.image)
        shares = []
        for lesion in lesions:
            fine = Volume(lesion.form.masks[1], lesion.form.affine)
            distance = radius_of(fine)[fine.data]
            assert distance.max() < 37 and distance.min() > 7  # the brain ends at 38, fluid at 9
            shares.append(change_labels([Lesion(lesion.form, (0, 2), (0.5, 0.5), 0)], host.image.grid) > 0)
        assert np.sum(shares, axis=0).max() == 1
        after = insert(host.image, lesions, 1, host.white)
        np.testing.assert_array_equal(after.data[radius > 40], host.image.data[radius > 40])


def test_lesions_keep_off_tissue_that_is_bright_already(marked_head: Host) -> None:
    lesions = place_lesions(np.random.default_rng(2), marked_head, ChangeCounts(new=12), 0)
    labels = change_labels(lesions, marked_head.image.grid)
    assert (labels > 0).any() and not (labels[marked_head.lesions] > 0).any()


def test_volumes_and_growth_are_what_was_drawn(head: Host, library: Library) -> None:
    sizes = LesionSizes(median=100, spread=0)
    lesions = place_lesions(np.random.default_rng(3), head, ChangeCounts(3, 3), 0, library, sizes=sizes)
    assert [lesion.change for lesion in lesions] == [Change.NEW] * 3 + [Change.ENLARGING] * 3
    for lesion in lesions:
        grown = lesion.change is Change.ENLARGING
        assert lesion.form.volume(1) == pytest.approx(160 if grown else 100, rel=0.31)
        smaller, larger = lesion.form.masks
        assert not (smaller & ~larger).any()
        assert smaller.sum() < 0.7 * larger.sum() if grown else np.array_equal(smaller, larger)


def test_contrasts_are_log_normal_about_their_median() -> None:
    rng = np.random.default_rng(0)
    drawn = [Contrasts().draw(rng) for _ in range(400)]
    assert np.median(drawn) == pytest.approx(0.5, abs=0.04)
    assert min(drawn) >= 0.18 and max(drawn) <= 1.2


def test_places_follow_the_frequency_map(head: Host) -> None:
    one_side = head.image.with_data((np.indices(head.image.data.shape)[0] < 20).astype(np.float32))
    host = draw_head((1.5, 1.5, 1.5), frequency=one_side)
    frequent, rare = host.likelihood[:20].sum(), host.likelihood[21:].sum()
    assert frequent > 0.9 * head.likelihood[:20].sum()
    assert 0 < rare < 0.05 * head.likelihood[21:].sum()


def test_the_level_of_white_matter_ignores_what_is_not(head: Host) -> None:
    level = white_level(head.image, head.white)
    near = radius_of(level) < 30
    assert np.abs(level.data[near] - WHITE).max() < 1
