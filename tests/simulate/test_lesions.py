from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from newlesions.images.volume import Array
from newlesions.simulate.lesions import Change, LesionSizes, change_between, make_lesions
from newlesions.simulate.plan import SubjectPlan, plan_subject
from newlesions.simulate.subject import Subject, fine_image


def on_grid(subject: Subject, visit: int, kinds: set[Change], pair: tuple[int, int] = (0, 1)) -> Array:
    """The lesions of these kinds as they are at a visit, on the fine grid."""
    mask = np.zeros(subject.anatomy.brain.shape, dtype=bool)
    for lesion in subject.lesions:
        if lesion.change(*pair) in kinds:
            mask[lesion.box] |= lesion.mask(visit)
    return mask


def test_every_planned_change_is_there(tiny_subject: Subject) -> None:
    kinds = [lesion.change(0, 1) for lesion in tiny_subject.lesions]
    planned = tiny_subject.plan.changes[0]
    assert kinds.count(Change.NEW) == planned.new
    assert kinds.count(Change.ENLARGING) == planned.enlarging
    assert kinds.count(Change.GONE) == planned.gone
    assert kinds.count(Change.SHRINKING) == planned.shrinking
    assert [lesion.change(1, 2) for lesion in tiny_subject.lesions].count(Change.NEW) == 1


def test_exchanging_visits_exchanges_the_classes() -> None:
    swapped = {Change.NEW: Change.GONE, Change.GONE: Change.NEW, Change.NONE: Change.NONE}
    swapped |= {Change.ENLARGING: Change.SHRINKING, Change.SHRINKING: Change.ENLARGING}
    for before in range(3):
        for after in range(3):
            assert change_between(after, before) == swapped[change_between(before, after)]


def test_new_lesions_touch_no_lesion_that_was_there(tiny_subject: Subject) -> None:
    old = on_grid(tiny_subject, 0, set(Change))
    new = on_grid(tiny_subject, 1, {Change.NEW})
    assert new.any()
    assert not (new & ndimage.binary_dilation(old)).any()


def test_resized_lesions_are_nested_and_grow_by_forty_percent(tiny_subject: Subject) -> None:
    resized = [lesion for lesion in tiny_subject.lesions if lesion.change(0, 1) in (Change.ENLARGING, Change.SHRINKING)]
    assert len(resized) == 4
    for lesion in resized:
        smaller, larger = lesion.masks
        assert not (smaller & ~larger).any()
        assert larger.sum() >= 1.4 * smaller.sum()


def test_lesions_lie_in_brain_tissue_in_one_piece(tiny_subject: Subject) -> None:
    anatomy = tiny_subject.anatomy
    for lesion in tiny_subject.lesions:
        largest = lesion.masks[1]
        assert ndimage.label(largest)[1] == 1
        assert anatomy.brain[lesion.box][largest].all()
        assert (anatomy.fluid[lesion.box][largest] <= 0.3).all()
    white = [anatomy.white[lesion.box][lesion.masks[1]].mean() for lesion in tiny_subject.lesions]
    assert np.mean(white) > 0.5


def test_what_is_marked_brightens_or_darkens(tiny_plan: SubjectPlan, tiny_subject: Subject) -> None:
    still = replace(tiny_plan, visits=tuple(replace(visit, widening=0.0) for visit in tiny_plan.visits))
    subject = replace(tiny_subject, plan=still)
    difference = fine_image(subject, 1) - fine_image(subject, 0)
    for kind, sign in ((Change.NEW, 1), (Change.ENLARGING, 1), (Change.GONE, -1), (Change.SHRINKING, -1)):
        changed = on_grid(subject, 0, {kind}) ^ on_grid(subject, 1, {kind})
        assert sign * difference[changed].mean() > 0.1, kind
    untouched = ndimage.binary_dilation(
        on_grid(subject, 0, set(Change)) | on_grid(subject, 1, set(Change)), iterations=3
    )
    assert np.abs(difference[~untouched]).max() == 0


def test_sizes_follow_the_distribution() -> None:
    rng, sizes = np.random.default_rng(0), LesionSizes()
    drawn = [sizes.draw(rng) for _ in range(4000)]
    assert np.median(drawn) == pytest.approx(70, rel=0.1)
    assert min(drawn) >= 10
    assert max(drawn) <= 2000


def test_shapes_have_the_volume_asked_for_and_are_not_spheres(tiny_subject: Subject) -> None:
    sizes = LesionSizes(median=1200, spread=0.0, smallest=1200, largest=1200)
    lesions = make_lesions(np.random.default_rng(3), tiny_subject.anatomy, 0, tiny_subject.plan.changes, sizes)
    new = [lesion for lesion in lesions if lesion.states == (0, 2, 2)]
    assert len(new) == 3
    for lesion in new:
        volume = lesion.masks[1].sum() * tiny_subject.anatomy.spacing**3
        assert 0.5 * 1200 < volume <= 1.1 * 1200
    extents = np.array([np.ptp(np.argwhere(lesion.masks[1]), axis=0) + 1 for lesion in new])
    assert (extents.max(axis=1) > extents.min(axis=1)).any()


def test_contradicting_plans_are_refused(tiny_plan: SubjectPlan) -> None:
    with pytest.raises(ValueError, match="visits need one less"):
        replace(tiny_plan, changes=())
    with pytest.raises(ValueError, match="no_change"):
        replace(tiny_plan, no_change=True)
    with pytest.raises(ValueError, match="no_change"):
        plan_subject("x", (0, 0), changes=tiny_plan.changes[:1], tiny=True, no_change=True)
