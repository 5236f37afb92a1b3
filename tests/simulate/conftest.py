"""One tiny subject with every kind of change, drawn once for all tests of the room."""

from __future__ import annotations

import pytest

from newlesions.simulate.lesions import ChangeCounts
from newlesions.simulate.plan import SubjectPlan, plan_subject
from newlesions.simulate.subject import Subject, draw_subject


@pytest.fixture(scope="session")
def tiny_plan() -> SubjectPlan:
    changes = (ChangeCounts(new=3, enlarging=2, gone=2, shrinking=2), ChangeCounts(new=1))
    return plan_subject("busy", (7, 0), visits=3, changes=changes, tiny=True)


@pytest.fixture(scope="session")
def tiny_subject(tiny_plan: SubjectPlan) -> Subject:
    return draw_subject(tiny_plan)
