from __future__ import annotations

import numpy as np
import pytest

from newlesions.images.volume import Volume
from newlesions.reprocess.matching import LesionChange, match_lesions
from reprocess.results import Boxes, cube, labels


def told(first: Boxes, second: Boxes) -> list[tuple[str, tuple[str, str], tuple[float | None, float | None]]]:
    return [(item.change, item.kinds, item.volumes) for item in match_lesions(labels(first), labels(second))]


def test_equal_images_keep_their_lesions() -> None:
    boxes = [(cube(1, 1, 1), 1), (cube(6, 6, 3), 3)]
    assert told(boxes, boxes) == [("kept", ("new", "new"), (16.0, 16.0)), ("kept", ("gone", "gone"), (16.0, 16.0))]
    assert match_lesions(labels([]), labels([])) == []


def test_what_came_and_went_is_told_with_its_place_and_volume() -> None:
    (gone, come) = match_lesions(labels([(cube(1, 1, 1), 1)]), labels([(cube(7, 5, 3, size=3), 2)]))
    assert (gone.change, gone.first, gone.second, gone.kinds, gone.volumes) == (
        "vanished", 1, None, ("new", ""), (16.0, None),
    )  # fmt: skip
    assert gone.place == (1.5, 1.5, 3.0), "millimetres, from voxels of 1 x 1 x 2"
    assert (come.change, come.first, come.second, come.kinds, come.volumes) == (
        "appeared", None, 1, ("", "enlarging"), (None, 54.0),
    )  # fmt: skip
    assert come.place == (8.0, 6.0, 8.0)
    assert gone.touches == come.touches == ()


def test_another_volume_and_another_kind() -> None:
    small, large = [(cube(2, 2, 2), 1)], [(cube(2, 2, 2, size=3), 1)]
    (item,) = match_lesions(labels(small), labels(large))
    assert (item.change, item.volumes) == ("changed volume", (16.0, 54.0))
    assert item.overlap == pytest.approx(2 * 8 / (8 + 27), abs=1e-4)
    assert told(small, [(cube(2, 2, 2), 2)]) == [("changed kind", ("new", "enlarging"), (16.0, 16.0))]
    moved = match_lesions(labels(small), labels([(cube(3, 2, 2), 1)]))
    assert [(one.change, one.overlap) for one in moved] == [("kept", 0.5)], "overlap tells that it is not in its place"


def test_the_largest_overlap_decides_and_a_split_shows() -> None:
    whole = [((slice(1, 9), slice(2, 4), slice(2, 4)), 1)]
    parts = [((slice(1, 3), slice(2, 4), slice(2, 4)), 1), ((slice(4, 9), slice(2, 4), slice(2, 4)), 1)]
    kept, appeared = match_lesions(labels(whole), labels(parts))
    assert (kept.change, kept.volumes, kept.touches) == ("changed volume", (64.0, 40.0), (1, 2))
    assert (appeared.change, appeared.volumes, appeared.touches) == ("appeared", (None, 16.0), (1,))
    kept, vanished = match_lesions(labels(parts), labels(whole))
    assert (kept.change, kept.touches) == ("changed volume", (1,))
    assert (vanished.change, vanished.touches) == ("vanished", (1,))


def test_of_equal_overlaps_the_same_kind_belongs_together() -> None:
    first = [((slice(1, 5), slice(2, 4), slice(2, 4)), 2)]
    second = [((slice(1, 3), slice(2, 4), slice(2, 4)), 1), ((slice(3, 5), slice(2, 4), slice(2, 4)), 2)]
    assert [(item.change, item.kinds) for item in match_lesions(labels(first), labels(second))] == [
        ("changed volume", ("enlarging", "enlarging")),
        ("appeared", ("", "new")),
    ]


def test_corners_connect_and_kinds_part() -> None:
    assert len(match_lesions(labels([]), labels([(cube(1, 1, 1), 1), (cube(3, 3, 3), 1)]))) == 1
    assert len(match_lesions(labels([]), labels([(cube(1, 1, 1), 1), (cube(3, 1, 1), 2)]))) == 2


def test_exchanging_the_releases_exchanges_what_came_and_what_went() -> None:
    random = np.random.default_rng(0)
    affine = np.diag([1.0, 1.0, 1.0, 1.0])
    one, two = (Volume((random.random((9, 9, 9)) < 0.03).astype(np.uint8) * 2, affine) for _ in range(2))

    def mirrored(item: LesionChange) -> tuple[object, ...]:
        change = {"appeared": "vanished", "vanished": "appeared"}.get(item.change, item.change)
        return change, item.second, item.first, item.overlap

    forward = [(item.change, item.first, item.second, item.overlap) for item in match_lesions(one, two)]
    backward = [mirrored(item) for item in match_lesions(two, one)]
    assert sorted(forward, key=str) == sorted(backward, key=str)
    assert {item[0] for item in forward} >= {"appeared", "vanished"}
