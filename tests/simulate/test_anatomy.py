from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from newlesions.simulate.anatomy import make_anatomy
from newlesions.simulate.subject import Subject


def test_tissues_have_flair_contrast(tiny_subject: Subject) -> None:
    anatomy = tiny_subject.anatomy
    grey = (1 - anatomy.white - anatomy.fluid) * anatomy.brain
    cortex = anatomy.flair[(grey > 0.9) & (anatomy.depth < 14)].mean()
    white = anatomy.flair[(anatomy.white > 0.95) & anatomy.brain].mean()
    ventricles = anatomy.flair[(anatomy.fluid > 0.95) & (anatomy.ventricles < 0)].mean()
    assert white == pytest.approx(1, abs=0.08)
    assert 1.1 < cortex / white < 1.45
    assert ventricles < 0.25 * white


def test_brain_is_one_piece_of_human_size_inside_the_head(tiny_subject: Subject) -> None:
    anatomy = tiny_subject.anatomy
    assert 1100 < anatomy.brain.sum() * anatomy.spacing**3 / 1000 < 1900
    assert ndimage.label(anatomy.brain)[1] == 1
    beside = ndimage.binary_dilation(anatomy.brain, iterations=5) & ~ndimage.binary_dilation(
        anatomy.brain, iterations=2
    )
    assert (anatomy.flair[beside] > 0.15).mean() > 0.3  # skull and scalp surround it
    edges = [np.take(anatomy.flair, index, axis=axis) for axis in (0, 1) for index in (0, -1)]
    assert max(edge.max() for edge in edges) == 0  # the head ends in air at the sides, front and back


def test_subjects_differ() -> None:
    first, second = (make_anatomy(np.random.default_rng(seed), 4) for seed in (1, 2))
    shared = 2 * (first.brain & second.brain).sum() / (first.brain.sum() + second.brain.sum())
    assert 0.8 < shared < 0.985
    assert ((first.ventricles < 0) != (second.ventricles < 0)).any()
