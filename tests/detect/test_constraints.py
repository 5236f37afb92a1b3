"""The constraints of La Rosa et al. (MSSEG-2 proceedings p. 66), one by one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from newlesions.detect.constraints import constrain, is_constrained
from newlesions.detect.settings import SubtractionSettings
from newlesions.detect.tissue import Tissue
from newlesions.images.morphology import label_lesions

SHAPE = (24, 20, 18)
BRAIN = np.ones(SHAPE, bool)
FIRST = (slice(2, 6), slice(2, 6), slice(2, 6))
SECOND = (slice(12, 16), slice(12, 16), slice(10, 14))
SETTINGS = SubtractionSettings(tissue="mni", white_share=0.1)


def clusters() -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[FIRST], mask[SECOND] = True, True
    return label_lesions(mask)


def tissue(**masks: tuple[tuple[slice, slice, slice], ...]) -> Tissue:
    """White matter everywhere but in the boxes of `other` and `lesion`."""
    made = {name: np.zeros(SHAPE, bool) for name in ("other", "lesion")}
    for name, boxes in masks.items():
        for box in boxes:
            made[name][box] = True
    return Tissue(~made["other"] & ~made["lesion"], made["other"], made["lesion"])


def stay(
    settings: SubtractionSettings, where: Tissue | None = None, share: float = 0.0, after: np.ndarray | None = None
) -> tuple[list[bool], dict[str, int]]:
    image = np.full(SHAPE, 100, np.float32) if after is None else after
    found = constrain(clusters(), image, BRAIN, 1.0, settings, where, share)
    assert found.proposed == 2 and found.clusters.max() == len(np.unique(found.clusters)) - 1
    return [bool(found.clusters[box].any()) for box in (FIRST, SECOND)], found.dropped


def test_nothing_is_constrained_unless_it_is_asked_for() -> None:
    assert not is_constrained(SubtractionSettings())
    assert is_constrained(SETTINGS) and is_constrained(SubtractionSettings(contrast=0.9))
    assert stay(SubtractionSettings()) == ([True, True], {})


def test_a_tenth_of_a_cluster_lies_in_white_matter() -> None:
    """64 voxels: 6 are less than a tenth, 7 are more."""
    most = (slice(2, 6), slice(2, 6), slice(2, 5)), (slice(2, 6), slice(2, 4), slice(5, 6))
    less = tissue(other=(*most, (slice(2, 4), slice(4, 5), slice(5, 6))))
    assert less.white[FIRST].sum() == 6
    assert stay(SETTINGS, less, share=1.0) == ([False, True], {"white_share": 1, "other_share": 0})
    more = tissue(other=(*most, (slice(2, 3), slice(4, 5), slice(5, 6))))
    assert more.white[FIRST].sum() == 7
    assert stay(SETTINGS, more, share=1.0)[0] == [True, True]


@pytest.mark.parametrize("kind", ["other", "lesion"])
def test_what_touches_other_tissue_or_an_earlier_lesion_is_dropped(kind: str) -> None:
    corner = tissue(**{kind: ((slice(5, 9), slice(5, 9), slice(5, 9)),)})
    assert stay(SETTINGS, corner) == ([False, True], {"white_share": 0, "other_share": 1})
    assert stay(SETTINGS, corner, share=0.5)[0] == [True, True], "a share of it may lie there"


def test_a_cluster_darker_than_its_neighbours_is_dropped() -> None:
    after = np.full(SHAPE, 100, np.float32)
    after[FIRST], after[SECOND] = 89, 91
    settings = SubtractionSettings(contrast=0.9)
    assert stay(settings, after=after) == ([False, True], {"contrast": 1})


def test_thin_or_ragged_clusters_are_dropped_one_way_or_the_other() -> None:
    mask = np.zeros(SHAPE, bool)
    mask[FIRST] = True
    mask[10:20, 10:18, 5] = True  # one layer: no least axis, but rather round for 0.2
    labels, image = label_lesions(mask), np.ones(SHAPE, np.float32)
    either = SubtractionSettings(least_axis_mm=1.2, sphericity=0.2)
    found = constrain(labels, image, BRAIN, 1.0, either)
    assert found.dropped == {"shape": 1} and found.clusters[FIRST].all() and not found.clusters[:, :, 5][12:].any()
    both = constrain(labels, image, BRAIN, 1.0, replace(either, shape="both"))
    assert both.dropped == {"shape": 0} and both.clusters.max() == 2


def test_the_first_reason_counts() -> None:
    after = np.full(SHAPE, 100, np.float32)
    after[FIRST] = 50
    everywhere = tissue(other=(FIRST,))
    assert stay(replace(SETTINGS, contrast=0.9), everywhere, after=after)[1] == {
        "white_share": 1,
        "other_share": 0,
        "contrast": 0,
    }


def test_no_cluster_is_no_error() -> None:
    found = constrain(np.zeros(SHAPE, np.int32), np.ones(SHAPE, np.float32), BRAIN, 1.0,
                      replace(SETTINGS, contrast=0.9, least_axis_mm=1.2, sphericity=0.2), tissue())  # fmt: skip
    assert not found.clusters.any() and sum(found.dropped.values()) == found.proposed == 0
