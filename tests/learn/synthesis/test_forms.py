"""Forms of single lesions."""

from __future__ import annotations

from dataclasses import replace

import cc3d
import numpy as np
import pytest

from newlesions.learn.synthesis.forms import draw_form
from newlesions.learn.synthesis.host import Host
from newlesions.learn.synthesis.library import Library

PLACE = np.array([0.0, 0.0, 20.0])


@pytest.mark.parametrize("volume", [10.0, 70.0, 700.0])
@pytest.mark.parametrize("shapes", [True, False])
def test_a_form_has_the_volume_asked_for_in_one_piece(
    head: Host, library: Library, volume: float, shapes: bool
) -> None:
    form = draw_form(np.random.default_rng(0), head, PLACE, volume, library if shapes else None)
    assert form is not None
    assert form.volume(1) == pytest.approx(volume, rel=0.3)
    assert cc3d.connected_components(form.masks[1], connectivity=26).max() == 1
    assert form.extents.min() >= 0 and form.extents.max() > 0.9
    # The soft extent holds about the same volume, half of it or more within the mask.
    assert form.extents[1].sum() == pytest.approx(form.masks[1].sum(), rel=0.6)


def test_forms_differ_by_seed_and_repeat_with_it(head: Host, library: Library) -> None:
    first, again, other = (draw_form(np.random.default_rng(n), head, PLACE, 200.0, library) for n in (1, 1, 2))
    assert first is not None and again is not None and other is not None
    np.testing.assert_array_equal(first.extents, again.extents)
    assert first.extents.shape != other.extents.shape or (first.extents != other.extents).any()


def test_a_shape_keeps_its_proportions(head: Host, library: Library) -> None:
    """A bar of 4 x 12 x 4 mm stays long along y, whatever the turn of up to 35 degrees."""
    bar = replace(library, shapes=(next(shape for shape in library.shapes if shape.sum() == 192),))
    forms = [draw_form(np.random.default_rng(seed), head, PLACE, 192.0, bar) for seed in range(6)]
    spread = np.mean([np.argwhere(form.masks[1]).std(axis=0) for form in forms if form is not None], axis=0)
    assert spread[1] > 1.5 * max(spread[0], spread[2])


def test_there_is_no_room_in_fluid(head: Host) -> None:
    assert draw_form(np.random.default_rng(0), head, np.zeros(3), 200.0, None) is None
