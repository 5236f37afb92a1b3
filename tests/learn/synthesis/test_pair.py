"""Pairs: references agree with what was rendered, marked lesions come and go, everything repeats."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from learn.synthesis.heads import EVERYTHING, draw_head, radius_of
from newlesions.images.resample import resample
from newlesions.learn.synthesis.host import Host
from newlesions.learn.synthesis.insert import seen
from newlesions.learn.synthesis.lesions import Lesion, box_on, place_lesions
from newlesions.learn.synthesis.library import Library
from newlesions.learn.synthesis.pair import PairPlan, SyntheticPair, draw_plan, make_pair, make_real_pair
from newlesions.learn.synthesis.reference import change_labels, marked
from newlesions.simulate.lesions import Change, ChangeCounts, LesionSizes


def test_every_kind_of_change_is_in_the_reference(pair: SyntheticPair) -> None:
    assert [pair.count(kind) for kind in Change] == [1, 2, 1, 1, 1]
    assert np.unique(pair.labels).tolist() == [0, 1, 2, 3, 4]
    assert pair.labels.dtype == np.uint8 and pair.labels.shape == pair.followup.data.shape


def test_references_agree_with_what_the_voxels_see(thick_head: Host, library: Library) -> None:
    lesions = place_lesions(np.random.default_rng(6), thick_head, ChangeCounts(3, 2, 2, 2), 0, library)
    grid = thick_head.image.grid
    change = np.zeros(grid.shape)
    for lesion in lesions:
        for visit, sign in ((0, -1), (1, 1)):
            extent = lesion.extent(visit)
            box = box_on(extent.grid, grid, np.eye(4))
            change[box] += sign * seen(extent, thick_head.image, box, np.eye(4))
    labels = change_labels(lesions, grid)
    rose, fell = np.isin(labels, (Change.NEW, Change.ENLARGING)), np.isin(labels, (Change.GONE, Change.SHRINKING))
    assert change[rose].min() > 0.05 and change[fell].max() < -0.05
    assert change[rose].mean() > 0.4 and change[fell].mean() < -0.4
    assert rose[change > 0.75].mean() > 0.9 and fell[change < -0.75].mean() > 0.9


def test_the_smallest_lesions_survive_the_thickest_slices() -> None:
    host = draw_head((1.5, 1.5, 6.0))
    sizes = LesionSizes(median=10, spread=0)
    lesions = place_lesions(np.random.default_rng(7), host, ChangeCounts(new=6), 0, sizes=sizes)
    assert lesions
    assert all(change_labels([lesion], host.image.grid).any() for lesion in lesions)


def test_half_a_voxel_counts_and_the_fullest_stays() -> None:
    none, part = np.zeros((1, 1, 3)), np.array([[[0.5, 0.49, 0.1]]])
    assert marked(none, part, Change.NEW).tolist() == [[[True, False, False]]]
    assert marked(part, none, Change.GONE).tolist() == [[[True, False, False]]]
    assert marked(none, part * 0.5, Change.NEW).tolist() == [[[True, False, False]]]
    assert not marked(part, part, Change.ENLARGING).any()


def test_equal_seeds_give_equal_pairs_and_others_do_not(pair: SyntheticPair, head: Host, library: Library) -> None:
    again = make_pair(head, EVERYTHING, library, np.random.default_rng(4))
    for name in ("baseline", "followup"):
        np.testing.assert_array_equal(getattr(again, name).data, getattr(pair, name).data)
    np.testing.assert_array_equal(again.labels, pair.labels)
    other = make_pair(head, EVERYTHING, library, np.random.default_rng(5))
    assert other.baseline.data.shape != pair.baseline.data.shape or (other.baseline.data != pair.baseline.data).any()


def test_the_transform_lays_the_heads_on_each_other(head: Host) -> None:
    for seed in (0, 1, 2):
        pair = make_pair(head, PairPlan(ChangeCounts()), None, np.random.default_rng(seed))
        carried = resample(pair.followup, pair.baseline.grid, pair.followup_from_baseline, order=1).data
        inside = radius_of(pair.baseline) < 33
        assert np.corrcoef(carried[inside], pair.baseline.data[inside])[0, 1] > 0.8
        assert (pair.followup.data[pair.followup_brain.data] > 0).mean() > 0.99
        assert not pair.labels.any()


def test_exactly_one_visit_is_moved(head: Host) -> None:
    moved = []
    for seed in range(6):
        pair = make_pair(head, PairPlan(ChangeCounts()), None, np.random.default_rng(seed))
        still = [np.array_equal(v.data, head.brain.data) for v in (pair.baseline_brain, pair.followup_brain)]
        assert sum(still) == 1
        moved.append(still[1])
    assert 0 < sum(moved) < 6


@pytest.mark.parametrize(("new", "gone"), [(1, 0), (0, 1)])
def test_a_marked_lesion_is_missing_at_one_visit(marked_head: Host, new: int, gone: int) -> None:
    plan = PairPlan(ChangeCounts(), known_new=new, known_gone=gone)
    pair = make_pair(marked_head, plan, None, np.random.default_rng(8))
    kind = Change.NEW if new else Change.GONE
    assert pair.count(kind) == 1 and set(np.unique(pair.labels)) == {0, kind}
    assert pair.labels.astype(bool).sum() * pair.followup.voxel_volume == pytest.approx(4 / 3 * np.pi * 125, rel=0.35)
    where = pair.labels > 0
    followup = pair.followup.data[where].mean() / np.median(pair.followup.data[pair.followup_brain.data])
    before = resample(pair.baseline, pair.followup.grid, np.linalg.inv(pair.followup_from_baseline), order=1).data
    baseline = before[where].mean() / np.median(pair.baseline.data[pair.baseline_brain.data])
    brighter, darker = (followup, baseline) if new else (baseline, followup)
    assert brighter > 1.2 * darker


def test_marked_lesions_that_are_not_bright_are_left(marked_head: Host) -> None:

    dull = replace(
        marked_head, image=marked_head.image.with_data(np.where(marked_head.lesions, 100, marked_head.image.data))
    )
    pair = make_pair(dull, PairPlan(ChangeCounts(), known_new=1), None, np.random.default_rng(8))
    assert not pair.lesions


def test_real_pairs_keep_their_own_changes_and_voxels(head: Host, thick_head: Host, library: Library) -> None:
    real = np.zeros(thick_head.image.data.shape, dtype=np.uint8)
    real[50:54, 60:64, 10:12] = Change.NEW
    plan = PairPlan(ChangeCounts(new=3, gone=2), stable=1)
    pair = make_real_pair(head, thick_head, np.eye(4), plan, library, np.random.default_rng(9), real)
    assert (pair.labels[real > 0] == Change.NEW).all() and pair.count(Change.NEW) == 3
    own = (pair.labels > 0) & (real == 0)
    assert own.any()
    new = (pair.labels == Change.NEW) & (real == 0)
    assert (pair.followup.data[new] > thick_head.image.data[new]).mean() > 0.9
    gone = pair.labels == Change.GONE
    np.testing.assert_array_equal(pair.followup.data[gone], thick_head.image.data[gone])
    assert (pair.baseline.data > head.image.data).any()


def test_plans_have_new_lesions_or_none() -> None:
    rng = np.random.default_rng(0)
    new = [draw_plan(rng).counts.new for _ in range(200)]
    assert min(new) >= 1 and max(new) <= 17 and 3 <= np.median(new) <= 7
    quiet = [draw_plan(rng, new=False) for _ in range(50)]
    assert all(plan.counts.new + plan.known_new + plan.counts.enlarging == 0 for plan in quiet)


def test_a_lesion_knows_its_change(pair: SyntheticPair) -> None:
    for lesion in pair.lesions:
        assert isinstance(lesion, Lesion)
        volumes = [float(lesion.mask(visit).data.sum()) for visit in (0, 1)]
        expected = {Change.NEW: 1, Change.ENLARGING: 1, Change.GONE: -1, Change.SHRINKING: -1, Change.NONE: 0}
        assert np.sign(volumes[1] - volumes[0]) == expected[lesion.change]
