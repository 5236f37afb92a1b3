from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from newlesions.detect.networks.regions import (
    RegionSettings,
    apply_stage,
    find_regions,
    framed,
    in_parts,
    nearest_centre,
    over_boxes,
)
from newlesions.errors import ConfigError
from newlesions.networks.case import Case
from newlesions.networks.stages import Limits, Stage

SHAPE = (40, 36, 32)
LESION = (slice(10, 14), slice(12, 16), slice(8, 12))
SPECK = (slice(25, 27), slice(20, 21), slice(20, 21))


def made_case(level: float = 30.0, bottom: float = 5.0) -> Case:
    """Two equal visits but for a cube that appears, and a speck; the grid begins at z = ``bottom`` mm in MNI space."""
    affine = np.array([[1.0, 0, 0, -52], [0, 1, 0, -40], [0, 0, 1, bottom], [0, 0, 0, 1]])
    i = np.indices(SHAPE).sum(axis=0)
    baseline = (50 + 60 * (i % 20) / 20).astype(np.float32)
    followup = baseline.copy()
    for box in (LESION, SPECK):
        followup[box] += level
    brain = np.zeros(SHAPE, bool)
    brain[2:-2, 2:-2, 2:-2] = True
    new = np.zeros(SHAPE, np.uint8)
    new[LESION] = 1
    change = np.zeros(SHAPE, np.uint8)
    return Case("p", "s", baseline, followup, brain, change, affine, np.eye(4), (1.0, 1.0), {"new": new})


def stage(patch=(16, 16, 16), **options) -> Stage:
    return Stage.of(
        "judge",
        {
            "task": "classify_regions",
            "inputs": ["baseline", "followup"],
            "network": {"name": "any"},
            "sample": {"patch": list(patch)},
            "predict": {"options": {"regions": options}},
        },
    )


@pytest.mark.parametrize("image", ["ratio", "ratio_levels"])
def test_a_rise_is_found_and_a_speck_is_not(image):
    case = made_case()
    (region,) = find_regions(case, RegionSettings(image=image))
    assert region.true
    assert region.component.sum() > 15
    for side, lesion in zip(region.box, LESION, strict=True):
        assert side.start <= lesion.start
        assert side.stop >= lesion.stop
    component = np.argwhere(region.component)
    assert (component.min(axis=0) == 2).all()
    assert (component.max(axis=0) == np.array(region.component.shape) - 3).all()


def test_a_fall_is_no_candidate():
    assert find_regions(made_case().swapped()) == []


def test_nothing_beside_the_brain():
    case = made_case()
    case.brain[:20] = False
    assert find_regions(case) == []


def test_what_misses_the_reference_is_false():
    case = replace(made_case(), masks={})
    assert [region.true for region in find_regions(case)] == [False]


@pytest.mark.parametrize(("bottom", "below"), [(5.0, False), (-50.0, True)])
def test_infratentorial_by_height(bottom, below):
    assert [region.infratentorial for region in find_regions(made_case(bottom=bottom))] == [below]


@given(
    st.lists(st.tuples(*[st.tuples(st.integers(0, 5), st.integers(1, 7))] * 3), min_size=1, max_size=5),
    st.tuples(*[st.integers(1, 9)] * 3),
)
@settings(max_examples=40, deadline=None)
def test_framing_keeps_every_voxel_in_its_place(sides, frame):
    channels = np.arange(2 * 12**3, dtype=np.float32).reshape(2, 12, 12, 12)
    boxes = [tuple(slice(first, first + n) for first, n in box) for box in sides]
    for box, result in zip(boxes, over_boxes(lambda batch: batch[:, 1], channels, boxes, frame), strict=True):
        np.testing.assert_array_equal(result, channels[1][box])


def test_parts_give_what_the_whole_gives():
    batch = np.random.default_rng(0).standard_normal((2, 1, 41, 9, 17)).astype(np.float32)
    sizes = []

    def blur(part):
        sizes.append(part[0].size)
        return ndimage.uniform_filter(part[:, 0], (0, 7, 7, 7), mode="constant")

    whole = blur(batch)
    np.testing.assert_allclose(in_parts(blur, batch, largest=2000, halo=3), whole, atol=1e-6)
    assert len(sizes) > 3
    assert max(sizes[1:]) <= 2000


def test_framed_is_surrounded_by_zeros():
    part = framed(np.ones((3, 9, 9, 9)), (slice(2, 5), slice(0, 9), slice(1, 2)), (8, 8, 8))
    assert part.shape == (3, 8, 9, 8)
    assert part.sum() == 3 * 3 * 9


def test_the_nearest_centre_decides():
    first, second = (slice(0, 6), slice(0, 6), slice(0, 6)), (slice(2, 9), slice(0, 6), slice(0, 6))
    values = [np.full((6, 6, 6), 1.0, np.float32), np.full((7, 6, 6), 2.0, np.float32)]
    result = nearest_centre([first, second], values, (12, 6, 6))
    np.testing.assert_array_equal(result[:, 2, 2], [1, 1, 1, 1, 2, 2, 2, 2, 2, 0, 0, 0])
    np.testing.assert_array_equal(nearest_centre([second, first], values[::-1], (12, 6, 6)), result)


class _Shift(torch.nn.Module):
    """Logits: the second channel less a constant."""

    def __init__(self, less: float) -> None:
        super().__init__()
        self.less = torch.nn.Parameter(torch.tensor(less))

    def forward(self, x):
        return x[:, 1:] - self.less


def test_the_mean_of_the_members_within_regions():
    case = made_case()
    channels = np.stack([case.baseline, case.followup]) / 100
    result = apply_stage(stage(), [_Shift(0.5), _Shift(1.5)], case, channels, Limits(patch=0.5))
    (region,) = find_regions(case)
    expected = np.mean([1 / (1 + np.exp(less - channels[1][region.box])) for less in (0.5, 1.5)], axis=0)
    np.testing.assert_allclose(result[region.box], expected, rtol=1e-5)
    outside = np.ones(SHAPE, bool)
    outside[region.box] = False
    assert not result[outside].any()


def test_no_region_no_probability():
    case = made_case(level=0.0)
    channels = np.stack([case.baseline, case.followup])
    assert not apply_stage(stage(), [_Shift(0.0)], case, channels, Limits()).any()


def test_errors_name_what_is_wrong():
    case = made_case()
    with pytest.raises(ConfigError, match="spacing_mm: null"):
        apply_stage(stage(), [_Shift(0.0)], case, np.zeros((2, 4, 4, 4), np.float32), Limits())
    with pytest.raises(ConfigError, match="'ration'; known are image, ratio"):
        RegionSettings.of(stage(ration=1.2))
    with pytest.raises(ConfigError, match="image is 'sum'"):
        RegionSettings.of(stage(image="sum"))
    assert RegionSettings.of(stage(ratio=1.3)).ratio == 1.3
