from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from newlesions.dicom.match import nearest_order, same_voxels
from newlesions.dicom.planes import Plane, StackError, stack
from newlesions.images.volume import Grid

AXIAL = (1.0, 0, 0, 0, 1.0, 0)


def planes(heights: list[float], **values: object) -> list[Plane]:
    made = [Plane(Path(f"{n}.dcm"), 0, (-50.0, -60.0, z), AXIAL, (1.5, 1.25), (96, 80)) for n, z in enumerate(heights)]
    return [replace(plane, **values) for plane in made]


def test_a_stack_is_ordered_and_lies_in_ras() -> None:
    made = stack(planes([8.0, 0.0, 4.0]))
    assert [plane.path.name for plane in made.planes] == ["1.dcm", "2.dcm", "0.dcm"]
    assert made.grid.shape == (80, 96, 3)
    expected = [[-1.25, 0, 0, 50], [0, -1.5, 0, 60], [0, 0, 4, 0], [0, 0, 0, 1]]
    np.testing.assert_allclose(made.grid.affine, expected)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (planes([0.0, 4.0, 12.0, 16.0]), "a gap of up to 8.00 mm between slices 4.00 mm apart, 1 missing"),
        (
            planes([0.0, 4.0, 12.0, 16.0, 20, 24, 32, 36]),
            "2 gaps of up to 8.00 mm between slices 4.00 mm apart, 2 miss",
        ),
        ([*planes([0.0, 4.0]), *planes([8.0], size=(96, 96))], "images of different sizes"),
        (
            [*planes([0.0, 4.0]), *planes([8.0], orientation=(0, 1.0, 0, 0, 0, 1.0))],
            "images that differ in orientation",
        ),
        (planes([0.0, 4.0], position=()), "images without position, orientation or pixel spacing"),
        (
            [*planes([0.0, 4.0]), *planes([8.0], position=(-48.0, -60.0, 8.0))],
            "slices that lie 1.00 mm off an even stack",
        ),
        (planes([0.0]), "a single slice"),
    ],
)
def test_what_makes_no_volume_is_told(wrong: list[Plane], message: str) -> None:
    with pytest.raises(StackError) as raised:
        stack(wrong)
    assert message in str(raised.value)


def test_orders_bring_arrays_onto_each_other() -> None:
    shape, affine = (5, 6, 7), np.diag([1.0, 2.0, 3.0, 1.0])
    other = affine @ np.array([[0, 0, -1, 4], [1, 0, 0, 0], [0, -1, 0, 6], [0, 0, 0, 1]])
    source, target = Grid(shape, affine), Grid((6, 7, 5), other)
    order = same_voxels(source, target, 1e-6)
    assert order is not None
    data = np.arange(210).reshape(shape)
    moved = order.apply(data)
    for index in ((0, 0, 0), (3, 2, 1), (5, 6, 4)):
        i, j, k = np.rint(np.linalg.inv(affine) @ other @ [*index, 1])[:3].astype(int)
        assert moved[index] == data[i, j, k]


def test_other_grids_are_told_apart() -> None:
    grid, moved = Grid((5, 6, 7), np.eye(4)), np.eye(4)
    moved[2, 3] = 0.2
    assert nearest_order(grid, Grid((5, 6, 7), moved))[1] == pytest.approx(0.2)
    assert same_voxels(grid, Grid((5, 6, 7), moved), 0.1) is None
    assert nearest_order(grid, Grid((5, 6, 8), np.eye(4)))[1] == float("inf")
