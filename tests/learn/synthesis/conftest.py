"""The heads and shapes that all tests of the room share."""

from __future__ import annotations

import numpy as np
import pytest

from learn.synthesis.heads import EVERYTHING, draw_head
from newlesions.images.volume import Volume
from newlesions.learn.synthesis.host import Host
from newlesions.learn.synthesis.library import Library, make_library
from newlesions.learn.synthesis.pair import SyntheticPair, make_pair


@pytest.fixture(scope="session")
def head() -> Host:
    return draw_head((1.5, 1.5, 1.5))


@pytest.fixture(scope="session")
def thick_head() -> Host:
    return draw_head((1.0, 1.0, 4.0))


@pytest.fixture(scope="session")
def marked_head() -> Host:
    return draw_head((1.5, 1.5, 1.5), lesion=(0.0, 20.0, 0.0))


@pytest.fixture(scope="session")
def library() -> Library:
    """Two shapes on a small grid with flipped axes: a bar and a plate; the bar's place is the only frequent one."""
    affine = np.diag([-1.0, 1.0, 1.0, 1.0])
    affine[:3, 3] = [30, -30, -30]
    masks = [np.zeros((61, 61, 61), dtype=bool) for _ in range(2)]
    masks[0][30:34, 45:57, 30:34] = True
    masks[1][25:35, 45:55, 30:33] = True
    return make_library([Volume(mask, affine) for mask in masks])


@pytest.fixture(scope="session")
def pair(head: Host, library: Library) -> SyntheticPair:
    return make_pair(head, EVERYTHING, library, np.random.default_rng(4))
