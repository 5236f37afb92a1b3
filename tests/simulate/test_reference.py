from __future__ import annotations

from dataclasses import replace

import cc3d
import numpy as np
import pytest
from scipy import ndimage

from newlesions.images.resample import resample
from newlesions.images.transforms import half, rigid_log
from newlesions.images.volume import Array, Grid, Volume, apply_affine
from newlesions.simulate.lesions import Change
from newlesions.simulate.reference import brain_mask, change_labels, lesion_mask
from newlesions.simulate.subject import Subject, fine_image, halfway_poses, render, visit_grid


def dice(a: Array, b: Array) -> float:
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


def test_transforms_carry_one_visit_onto_the_other(tiny_subject: Subject) -> None:
    baseline, followup = visit_grid(tiny_subject, 0), visit_grid(tiny_subject, 1)
    before = Volume(brain_mask(tiny_subject, baseline, tiny_subject.poses[0]), baseline.affine)
    after = brain_mask(tiny_subject, followup, tiny_subject.poses[1])
    moved = tiny_subject.followup_from_baseline(1, 0)  # maps the follow-up's mm to the baseline's
    carried = resample(before.with_data(before.data.astype(np.float32)), followup, moved, order=1).data >= 0.5
    unmoved = resample(before.with_data(before.data.astype(np.float32)), followup, order=1).data >= 0.5
    assert dice(carried, after) > 0.95
    assert dice(unmoved, after) < dice(carried, after)


def test_scans_agree_under_the_transform(tiny_subject: Subject) -> None:
    first, second = render(tiny_subject, 0), render(tiny_subject, 1)
    brain = brain_mask(tiny_subject, second.grid, tiny_subject.poses[1])
    carried = resample(first, second.grid, tiny_subject.followup_from_baseline(1, 0), order=1).data
    unmoved = resample(first, second.grid, order=1).data
    together, apart = (np.corrcoef(image[brain], second.data[brain])[0, 1] for image in (carried, unmoved))
    assert together > 0.7
    assert together > apart + 0.1


def test_halfway_is_in_the_middle(tiny_subject: Subject) -> None:
    baseline_from_halfway, followup_from_halfway, _ = halfway_poses(tiny_subject, 0, 1)
    whole = tiny_subject.followup_from_baseline(0, 1)
    np.testing.assert_allclose(followup_from_halfway @ np.linalg.inv(baseline_from_halfway), whole, atol=1e-9)
    np.testing.assert_allclose(rigid_log(followup_from_halfway), rigid_log(half(whole)), atol=1e-9)
    swapped = halfway_poses(tiny_subject, 1, 0)
    np.testing.assert_allclose(swapped[0], followup_from_halfway, atol=1e-9)


def test_exchanging_visits_exchanges_the_labels(tiny_subject: Subject) -> None:
    grid, pose = visit_grid(tiny_subject, 1), tiny_subject.poses[1]
    forward = change_labels(tiny_subject, 0, 1, grid, pose)
    backward = change_labels(tiny_subject, 1, 0, grid, pose)
    assert set(np.unique(forward)) == {0, 1, 2, 3, 4}
    np.testing.assert_array_equal(np.array([0, 3, 4, 1, 2])[forward], backward)
    assert not change_labels(tiny_subject, 1, 1, grid, pose).any()


def test_what_is_new_is_among_the_later_visits_lesions_and_not_among_the_earlier_ones(tiny_subject: Subject) -> None:
    grid, pose = visit_grid(tiny_subject, 1), tiny_subject.poses[1]
    labels = change_labels(tiny_subject, 0, 1, grid, pose)
    before, after = (lesion_mask(tiny_subject, visit, grid, pose) for visit in (0, 1))
    assert after[labels == Change.NEW].all() and not before[labels == Change.NEW].any()
    assert before[labels == Change.GONE].all() and not after[labels == Change.GONE].any()
    there = [lesion for lesion in tiny_subject.lesions if lesion.mask(1).any()]
    assert int(cc3d.connected_components(after.astype(np.uint8), connectivity=26).max()) >= len(there) // 2


def test_labels_keep_the_volume_of_new_lesions(tiny_subject: Subject) -> None:
    anatomy = tiny_subject.anatomy
    labels = change_labels(tiny_subject, 0, 1, Grid(anatomy.brain.shape, anatomy.affine), np.eye(4))
    fine = sum(int(lesion.masks[1].sum()) for lesion in tiny_subject.lesions if lesion.change(0, 1) == Change.NEW)
    assert (labels == Change.NEW).sum() == fine  # on the fine grid itself nothing is rounded
    affine = visit_grid(tiny_subject, 1).affine.copy()
    affine[:3, :3] /= 2
    grid = Grid((110, 120, 100), affine)  # the follow-up's grid at 2 mm
    carried = change_labels(tiny_subject, 0, 1, grid, tiny_subject.poses[1])
    volume = (carried == Change.NEW).sum() * grid.voxel_volume
    assert volume == pytest.approx(fine * anatomy.spacing**3, rel=0.1)


def test_no_change_vanishes_on_a_coarse_grid(tiny_subject: Subject) -> None:
    fine = visit_grid(tiny_subject, 1)
    affine = fine.affine.copy()
    affine[:3, :3] *= 3
    i, j, k = (int(np.ceil(n / 3)) for n in fine.shape)
    coarse = Grid((i, j, k), affine)  # 12 mm: no lesion fills half a voxel
    labels = change_labels(tiny_subject, 0, 1, coarse, tiny_subject.poses[1])
    for kind in (Change.NEW, Change.GONE):
        centres = [
            np.argwhere(lesion.masks[1]).mean(axis=0) + lesion.first
            for lesion in tiny_subject.lesions
            if lesion.change(0, 1) == kind
        ]
        to_voxel = np.linalg.inv(coarse.affine) @ tiny_subject.poses[1] @ tiny_subject.anatomy.affine
        for centre in centres:
            near = tuple(slice(max(v - 1, 0), v + 2) for v in np.rint(apply_affine(to_voxel, centre)).astype(int))
            assert (labels[near] == kind).any()


def test_ventricles_widen_between_visits(tiny_subject: Subject) -> None:
    visits = tuple(replace(visit, widening=1.5 * n) for n, visit in enumerate(tiny_subject.plan.visits))
    grown = replace(tiny_subject, plan=replace(tiny_subject.plan, visits=visits), lesions=[])
    before, after = fine_image(grown, 0), fine_image(grown, 1)
    wall = np.abs(tiny_subject.anatomy.ventricles) < 3
    assert after[wall].mean() < before[wall].mean()
    far = ~ndimage.binary_dilation(wall, iterations=3)
    np.testing.assert_array_equal(after[far], before[far])
