import numpy as np
import pytest
import torch

from newlesions.learn.networks.batch import Element, collate


def element(*sides, weight=1.0, value=1.0):
    return Element(
        np.full((2, *sides), value, np.float32), np.ones((1, *sides), np.float32), np.ones(sides, np.float32), weight
    )


def test_ragged_patches_grow_to_the_largest_and_to_the_multiple():
    batch = collate([element(3, 5, 4), element(6, 2, 4, weight=0.5, value=2.0)], multiple=4)
    assert batch.inputs.shape == (2, 2, 8, 8, 4)
    assert batch.target.shape == batch.valid.shape == (2, 1, 8, 8, 4)
    assert batch.weight.tolist() == [1, 0.5]
    assert batch.valid.sum((1, 2, 3, 4)).tolist() == [60, 48]
    assert bool((batch.valid[0, 0, :3, :5] == 1).all())
    assert bool((batch.target == batch.valid).all())
    assert bool((batch.inputs[1] == 2).all())  # images go on at their ends


@pytest.mark.parametrize("sides", [(4, 4), (4, 4, 4)])
def test_patches_of_one_size_are_stacked_as_they_are(sides):
    batch = collate([element(*sides), element(*sides)])
    assert batch.inputs.shape == (2, 2, *sides)
    assert batch.inputs.dtype == torch.float32
    assert bool(batch.valid.all())
