"""Candidates of an earlier stage, judged patch by patch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from detect.networks.made import LIMITS, case
from newlesions.detect.networks.candidates import CandidateSettings, apply_stage, centres, find, patch_around
from newlesions.errors import ConfigError
from newlesions.networks.prepare import prepare
from newlesions.networks.stages import Predict, Prepare, Sample, Stage

BLOCKS = ((slice(4, 7), slice(5, 8), slice(6, 9)), (slice(12, 14), slice(10, 12), slice(8, 10)))


def stage(**candidates: object) -> Stage:
    return Stage(
        "judge",
        "classify_components",
        ("followup",),
        network={"name": "resnet3d", "channels": [4, 4, 4, 4]},
        prepare=Prepare(normalise="none"),
        sample=Sample(patch=(8, 8, 8)),
        predict=Predict(options={"candidates": {"of": "first", "threshold": 0.3, **candidates}}),
    )


def proposed() -> np.ndarray:
    made = np.full(case().brain.shape, 0.1, np.float32)
    made[BLOCKS[1]], made[BLOCKS[0]] = 0.9, 0.3
    return made


class Middle(torch.nn.Module):
    """The value in the middle of each patch, over 10, as a logit."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, :1, 4:5, 4:5, 4:5] / 10


def test_candidates_are_components_in_the_brain_the_largest_first() -> None:
    one, maps = prepare(case(), stage().prepare), proposed()
    labels = find(stage(), one, {"first": maps})
    assert [set(labels[box].ravel()) for box in BLOCKS] == [{1}, {2}]
    assert labels.max() == 2 and (labels > 0).sum() == 27 + 8
    assert find(stage(most=1), one, {"first": maps}).max() == 1
    assert not find(stage(threshold=0.95), one, {"first": maps}).any()
    maps[0, 0, 0] = 1  # outside the brain
    assert find(stage(), one, {"first": maps}).max() == 2
    np.testing.assert_array_equal(centres(labels), [[5, 6, 7], [12, 10, 8]])


def test_a_patch_at_the_border_is_continued() -> None:
    channels = np.arange(5 * 6 * 7, dtype=np.float32).reshape(1, 5, 6, 7)
    np.testing.assert_array_equal(patch_around(channels, (2, 3, 3), (4, 4, 4)), channels[:, 0:4, 1:5, 1:5])
    corner = patch_around(channels, (0, 0, 6), (4, 4, 4))
    assert corner.shape == (1, 4, 4, 4) and (corner[0, :3, :3, 2:] == channels[0, 0, 0, 6]).all()


def test_each_candidate_has_the_probability_of_the_patch_around_it() -> None:
    one = prepare(case(), stage().prepare)
    labels = find(stage(), one, {"first": proposed()})
    channels = np.stack([np.zeros(labels.shape, np.float32)])
    channels[0, 5, 6, 7], channels[0, 12, 10, 8] = 20, -10
    found = apply_stage(stage(), [Middle(), Middle()], channels, labels, LIMITS)
    np.testing.assert_allclose(found[BLOCKS[0]], 1 / (1 + np.exp(-2)), rtol=1e-6)
    np.testing.assert_allclose(found[BLOCKS[1]], 1 / (1 + np.exp(1)), rtol=1e-6)
    assert not found[labels == 0].any() and found.dtype == np.float32
    nothing = apply_stage(stage(), [Middle()], channels, np.zeros_like(labels), LIMITS)
    assert not nothing.any()


@pytest.mark.parametrize(
    ("options", "message"),
    [({}, "found no `of`; expected `of`"), ({"candidates": {"of": "a", "size": 1}}, "found 'size'; expected `of`")],
)
def test_unknown_settings_are_refused(options: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        CandidateSettings.of_stage(replace(stage(), predict=Predict(options=options)))
