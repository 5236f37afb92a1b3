"""One small simulated head, drawn once for all tests of the room."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from newlesions.images.volume import Volume
from newlesions.preprocess.halfway import Visit
from newlesions.simulate.acquisition import Protocol
from newlesions.simulate.lesions import ChangeCounts
from newlesions.simulate.plan import plan_subject
from newlesions.simulate.reference import brain_mask
from newlesions.simulate.subject import Subject, draw_subject, render

_PROTOCOL = Protocol(spacing=(4.0, 4.0, 4.0), bias=0.0)


@pytest.fixture(scope="session")
def subject() -> Subject:
    """Two visits at 4 mm without bias, stored on different axes, with lesions that come and go."""
    protocols = (_PROTOCOL, replace(_PROTOCOL, codes="RAS", tilt=(4.0, -3.0, 5.0)))
    changes = (ChangeCounts(new=3, enlarging=1, gone=1),)
    return draw_subject(plan_subject("small", (3, 1), changes=changes, protocols=protocols, tiny=True))


@pytest.fixture(scope="session")
def visits(subject: Subject) -> tuple[Visit, Visit]:
    """Both visits with their true brains and the true way to the space in which the head was drawn."""
    return _visit(subject, 0), _visit(subject, 1)


def _visit(subject: Subject, number: int) -> Visit:
    scan = render(subject, number)
    pose = subject.poses[number]
    image = Volume(scan.data.astype(np.float32), scan.affine)
    return Visit(image, image.with_data(brain_mask(subject, scan.grid, pose)), np.asarray(np.linalg.inv(pose)))
