from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newlesions.simulate.lesions import ChangeCounts
from newlesions.simulate.plan import plan_cohort, plan_subject, stream
from newlesions.simulate.subject import draw_subject, fine_image, render


@given(st.integers(0, 2**31), st.integers(1, 6), st.integers(2, 4))
@settings(max_examples=25, deadline=None)
def test_a_subject_does_not_depend_on_the_cohort_size(seed: int, subjects: int, visits: int) -> None:
    small, large = plan_cohort(subjects, seed, visits=visits), plan_cohort(subjects + 5, seed, visits=visits)
    assert large[:subjects] == small
    assert len({plan.seed for plan in large}) == len(large)


@given(st.integers(0, 500))
@settings(max_examples=50, deadline=None)
def test_visits_are_in_order(seed: int) -> None:
    plan = plan_subject("a", (seed, 0), visits=4)
    days = [date.fromisoformat(visit.date) for visit in plan.visits]
    assert days == sorted(set(days))
    assert len({visit.label for visit in plan.visits}) == 4
    assert [visit.widening for visit in plan.visits] == sorted(visit.widening for visit in plan.visits)


def test_cohorts_hold_active_and_stable_subjects() -> None:
    plans = plan_cohort(40, seed=1)
    stable = sum(plan.changes == (ChangeCounts(),) for plan in plans)
    assert 3 <= stable <= 20
    assert all(plan.changes[0].new > 0 for plan in plans if plan.changes != (ChangeCounts(),))


def test_streams_are_independent() -> None:
    keys = [("plan", 0), ("noise", 0), ("noise", 1), ("pose", 1)]
    first = [stream((3, 4), purpose, visit).integers(2**62) for purpose, visit in keys]
    assert len(set(first)) == len(keys)
    assert first == [stream((3, 4), purpose, visit).integers(2**62) for purpose, visit in keys]
    with pytest.raises(ValueError, match="tuple"):
        stream((3, 4), "nonsense")


def test_equal_seeds_give_equal_voxels_and_others_do_not() -> None:
    def voxels(seed: int) -> np.ndarray:
        return render(draw_subject(plan_subject("a", (seed, 0), tiny=True)), 1).data

    first = voxels(1)
    np.testing.assert_array_equal(first, voxels(1))
    other = voxels(2)
    assert first.shape != other.shape or not np.array_equal(first, other)


def test_without_change_only_pose_and_noise_differ() -> None:
    subject = draw_subject(plan_subject("null", (5, 0), tiny=True, no_change=True))
    assert {lesion.states for lesion in subject.lesions} == {(2, 2)}
    assert subject.plan.visits[0].protocol == subject.plan.visits[1].protocol
    assert subject.plan.visits[1].widening == 0
    assert not np.allclose(subject.poses[0], subject.poses[1])
    np.testing.assert_array_equal(fine_image(subject, 0), fine_image(subject, 1))
