from __future__ import annotations

import dataclasses
from collections import Counter

import numpy as np
import pytest

from learn.networks.small import SHAPE, make_case, make_stage
from newlesions.errors import ConfigError
from newlesions.learn.networks.grid import Grid
from newlesions.learn.networks.sample import Batches, Patches
from newlesions.learn.networks.sources import read_source, tasks_of

SIDES = (8, 8, 8)
STAGE = make_stage(sample={"patch": [8, 8, 8], "batch": 4, "positive": 0.5, "options": {"grid": 4}})


def sources(*lesions: int):
    cases = [make_case(number, count) for number, count in enumerate(lesions)]
    return [read_source(task, STAGE, {}) for case in cases for task in tasks_of(case, STAGE)]


def test_patches_begin_on_the_grid_within_the_brain_and_reach_its_end():
    (source,) = sources(2)
    grid = Grid([source], SIDES, 4)
    firsts = np.array([centre for _, centre in grid.with_lesion + grid.without]) - 4
    for axis, n in enumerate(SHAPE):
        allowed = {*range(0, n - 8 + 1, 4), n - 8}
        assert set(firsts[:, axis]) <= allowed
    assert all(source.brain[centre] for _, centre in grid.with_lesion + grid.without)
    for places, expected in ((grid.with_lesion, True), (grid.without, False)):
        boxes = [tuple(slice(at - 4, at + 4) for at in centre) for _, centre in places]
        assert places and {bool(source.target[box].any()) for box in boxes} == {expected}


def test_patches_without_lesion_come_again_only_after_all_have_come():
    grid = Grid(sources(1, 0), SIDES, 4)
    count, rng = len(grid.without), np.random.default_rng(0)
    rounds = [[grid.draw(rng, False, (7, n + turn * count)) for n in range(count)] for turn in (0, 1)]
    assert all(set(one) == set(grid.without) for one in rounds)
    assert rounds[0] != rounds[1], "each round has an order of its own"
    assert rounds[0] != [grid.draw(rng, False, (8, n)) for n in range(count)], "and so has each seed"


def test_half_of_a_batch_holds_a_lesion_and_batches_go_on_where_the_last_one_ended():
    patches = Patches(sources(2, 1), STAGE, SIDES)
    batches = Batches(patches, None, STAGE, seed=3)
    drawn = Counter()
    count = len(patches._grid.without)
    asked = patches._grid.draw
    patches._grid.draw = lambda rng, positive, turn: drawn.update([turn] * (not positive)) or asked(rng, positive, turn)
    for number in range(-(-count // 2)):
        batch = batches.make(number)
        assert batch.target.flatten(1).any(1).tolist() == [True, True, False, False]
    assert [turn[1] for turn in sorted(drawn)] == list(range(2 * -(-count // 2))) and set(drawn.values()) == {1}


def test_without_any_lesion_all_patches_are_negative():
    patches = Patches(sources(0), STAGE, SIDES)
    assert not Batches(patches, None, STAGE, seed=0).make(0).target.any()


def test_a_grid_has_a_step_and_no_views():
    for options, sides in (({"grid": 0}, {}), ({"grid": 2.5}, {}), ({"grid": 4}, {"views": [2]})):
        sample = {"patch": [8, 8, 8], "batch": 2, "options": options} | sides
        with pytest.raises(ConfigError, match=r"sample\.options\.grid"):
            Patches(sources(1), dataclasses.replace(make_stage(sample=sample)), SIDES)
