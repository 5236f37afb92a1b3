"""Rules about components: what is measured, and what stays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from newlesions.detect.components import (
    Rule,
    contrasts,
    keep_components,
    least_axes,
    overlaps,
    sphericities,
    volumes,
)
from newlesions.errors import ConfigError
from newlesions.images.morphology import label_lesions

SHAPE = (30, 24, 20)


def blocks(*boxes: tuple[slice, slice, slice]) -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    for box in boxes:
        mask[box] = True
    return mask


SMALL = (slice(2, 4), slice(2, 4), slice(2, 4))  # 8 voxels
LARGE = (slice(10, 14), slice(10, 14), slice(10, 14))  # 64
PLATE = (slice(20, 26), slice(4, 10), slice(4, 5))  # 36, one voxel thick
ALL = blocks(SMALL, LARGE, PLATE)
"""In the order of labels: small, large, plate."""


def ball(radius: float, spacing: float) -> np.ndarray:
    n = int(radius / spacing) + 2
    at = np.indices((2 * n + 1,) * 3) - n
    return np.asarray((at**2).sum(0) * spacing**2 <= radius**2)


def kept(*rules: dict[str, Any], spacing: float = 1.0, **maps: np.ndarray) -> np.ndarray:
    return keep_components(ALL, [Rule.of(one) for one in rules], lambda name: maps[name], spacing)


def test_volumes_and_overlaps() -> None:
    labels = label_lesions(ALL)
    np.testing.assert_allclose(volumes(labels, 0.5), [1, 8, 4.5])
    other = blocks((slice(0, 3), slice(None), slice(None)), PLATE)
    np.testing.assert_allclose(overlaps(labels, other), [0.5, 0, 1])
    assert volumes(np.zeros(SHAPE, np.int32), 1.0).shape == overlaps(np.zeros(SHAPE, np.int32), ALL).shape == (0,)


@pytest.mark.parametrize(("least", "stay"), [(8, [SMALL, LARGE, PLATE]), (8.1, [LARGE, PLATE]), (65, [])])
def test_a_component_of_just_the_least_volume_stays(least: float, stay: list[Any]) -> None:
    np.testing.assert_array_equal(kept({"measure": "volume", "least": least}), blocks(*stay))


def test_the_volume_is_in_mm3() -> None:
    np.testing.assert_array_equal(kept({"measure": "volume", "least": 8.0}, spacing=0.5), blocks(LARGE))


def test_what_meets_one_mask_and_not_another_stays_whole() -> None:
    """The rule of kang2021: of the follow-up, and not of the baseline."""
    after = blocks((slice(10, 11), slice(10, 11), slice(10, 11)), PLATE).astype(np.float32)
    before = blocks((slice(25, 26), slice(9, 10), slice(4, 5))) * np.float32(0.5)
    rules = (
        {"measure": "overlap", "other": "after", "above": 0.0},
        {"measure": "overlap", "other": "before", "most": 0.0},
    )
    np.testing.assert_array_equal(kept(*rules, after=after, before=before), blocks(LARGE))
    higher = (rules[0], rules[1] | {"threshold": 0.6})
    np.testing.assert_array_equal(kept(*higher, after=after, before=before), blocks(LARGE, PLATE))


def test_rules_do_not_depend_on_their_order() -> None:
    other = blocks(SMALL, LARGE).astype(np.float32)
    rules = [{"measure": "volume", "least": 10}, {"measure": "overlap", "other": "other", "least": 1.0}]
    first, second = kept(*rules, other=other), kept(*rules[::-1], other=other)
    np.testing.assert_array_equal(first, blocks(LARGE))
    np.testing.assert_array_equal(first, second)


def test_least_axes_are_those_of_pyradiomics() -> None:
    """4 sqrt of the least variance: 0 for a plate, that of evenly spaced centres for a cube."""
    expected = [4 * 0.5, 4 * np.sqrt((4**2 - 1) / 12), 0]
    np.testing.assert_allclose(least_axes(label_lesions(ALL), 1.0), expected, atol=1e-9)
    np.testing.assert_allclose(least_axes(label_lesions(ALL), 0.5), np.array(expected) / 2, atol=1e-9)


@pytest.mark.parametrize("spacing", [0.5, 1.0])
def test_a_ball_is_the_most_spherical_and_has_its_diameter_as_axis(spacing: float) -> None:
    labels = np.pad(ball(6.0, spacing), 1).astype(np.int32)
    round_ = sphericities(labels, spacing)[0]
    assert 0.9 < round_ < 1, "a mesh of voxels is rougher than a ball"
    # A ball's variance along any direction is r^2 / 5.
    assert least_axes(labels, spacing)[0] == pytest.approx(4 * 6 / np.sqrt(5), rel=0.03)
    flat, cube = sphericities(label_lesions(blocks(PLATE, LARGE)), 1.0)[[1, 0]]
    assert flat < cube < round_
    rod = np.zeros(SHAPE, np.int32)
    rod[2:28, 5, 5] = 1
    assert sphericities(rod, 1.0)[0] < 0.5 * round_


def test_sphericity_does_not_depend_on_the_voxel_size() -> None:
    labels = label_lesions(ALL)
    np.testing.assert_allclose(sphericities(labels, 0.7), sphericities(labels, 1.3), rtol=1e-6)


def test_contrasts_compare_with_the_brain_next_to_the_component() -> None:
    labels, image, brain = label_lesions(ALL), np.full(SHAPE, 100, np.float32), np.ones(SHAPE, bool)
    image[LARGE], image[PLATE] = 150, 80
    np.testing.assert_allclose(contrasts(labels, image, brain), [1, 1.5, 0.8])
    brain[:, :, 5:] = False
    image[20:26, 4:10, 5] = 1000  # outside the brain
    np.testing.assert_allclose(contrasts(labels, image, brain)[2], 0.8)
    assert contrasts(labels, image, brain)[1] == np.inf, "nothing of the brain is near it"


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"measure": "size", "least": 1}, "found measure 'size'; expected volume or overlap"),
        ({"measure": "volume"}, "found volume without a bound"),
        ({"measure": "volume", "least": 1, "other": "a"}, "found volume with other 'a'"),
        ({"measure": "overlap", "most": 0}, "found overlap with other None"),
        ({"measure": "volume", "under": 1}, "found 'under'; expected some of above, least"),
    ],
)
def test_what_is_no_rule_is_refused(entry: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Rule.of(entry)
