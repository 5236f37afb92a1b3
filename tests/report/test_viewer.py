from __future__ import annotations

import base64
import dataclasses
import gzip

import numpy as np
import pytest

from newlesions.report.pair_images import PairImages
from newlesions.report.viewer import Embedded, embed

SHAPE = (40, 44, 36)
AFFINE = np.diag([2.0, 2.0, 2.0, 1.0])
AFFINE[:3, 3] = (-30, -50, -20)


@pytest.fixture
def images() -> PairImages:
    brain = np.zeros(SHAPE, bool)
    brain[10:30, 12:32, 8:28] = True
    rng = np.random.default_rng(0)
    baseline = np.where(brain, 50, 5) + rng.normal(0, 2, SHAPE)
    followup = baseline.copy()
    change = np.zeros(SHAPE, np.uint8)
    change[15:18, 15:18, 15:18], change[22, 22, 22] = 1, 3
    followup[change == 1] += 40
    rise, fall = (change == 1) * 0.8, (change == 3) * 0.6
    rise[12, 12, 12] = 0.02
    affine = AFFINE.copy()
    return PairImages(
        *(volume.astype(np.float32) for volume in (baseline, followup)),
        change,
        rise.astype(np.float32),
        brain,
        affine,
        None,
        fall.astype(np.float32),
    )


def voxels(embedded: Embedded, name: str) -> np.ndarray:
    packed = getattr(embedded, name).removeprefix("data:application/gzip;base64,")
    flat = np.frombuffer(gzip.decompress(base64.b64decode(packed)), np.uint8)
    return flat.reshape(embedded.facts["shape"], order="F")


def test_volumes_are_cut_to_the_brain_and_keep_their_place(images):
    embedded = embed(images)
    assert embedded.facts["shape"] == [24, 24, 24]  # 20 voxels, and 5 mm of 2 mm voxels on either side
    assert [row[3] for row in embedded.facts["affine"][:3]] == [-30 + 2 * 8, -50 + 2 * 10, -20 + 2 * 6]
    inside = voxels(embedded, "change")
    assert np.argwhere(inside == 3).tolist() == [[22 - 8, 22 - 10, 22 - 6]]


def test_what_is_stored_is_the_image_to_a_256th_of_the_range(images):
    embedded = embed(images)
    low, high = embedded.facts["range"]
    assert low < images.window[0] and high > images.window[1]
    stored = voxels(embedded, "followup")
    shown = images.followup[8:32, 10:34, 6:30]
    middle = np.s_[4:20, 4:20, 4:20]
    back = low + (stored[middle].astype(float) - 1) * (high - low) / 254
    in_range = (shown[middle] > low) & (shown[middle] < high)
    assert in_range.mean() > 0.95
    assert np.abs(back - shown[middle])[in_range].max() <= (high - low) / 254 / 2 + 1e-3


def test_beyond_the_brain_there_is_nothing_to_know_a_face_by(images):
    stored = voxels(embed(images), "baseline")
    assert stored[0, 0, 0] == 0 and stored[12, 12, 12] > 0
    assert (stored > 0).sum() < 24**3


def test_probabilities_of_rise_and_fall_are_one_percentage(images):
    stored = voxels(embed(images), "probability")
    assert sorted(np.unique(stored)) == [0, 60, 80]


def test_equal_images_give_equal_text(images):
    assert embed(images) == embed(dataclasses.replace(images, baseline=images.baseline.copy()))


def test_an_empty_brain_mask_leaves_the_whole_field_of_view(images):
    nothing = dataclasses.replace(images, brain=np.zeros(SHAPE, bool), change=np.zeros(SHAPE, np.uint8))
    embedded = embed(nothing)
    assert embedded.facts["shape"] == list(SHAPE)
    assert (voxels(embedded, "baseline") > 0).all()
