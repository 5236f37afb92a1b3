from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from newlesions.errors import ConfigError
from newlesions.images.morphology import Mask
from newlesions.images.volume import Volume
from newlesions.preprocess.harmonise import NORMALISATIONS, Harmonised, harmonise_pair
from newlesions.preprocess.normalise import shipped_scale

SHAPE = (36, 36, 36)
SPACING = 3.0
OFF: dict[str, Any] = {"differential_bias_mm": 0, "denoising": False, "normalise": "none", "joint": False}
DEFAULT: dict[str, Any] = {"differential_bias_mm": 22.0, "denoising": False, "normalise": "nyul", "joint": True}


def brain() -> Mask:
    i, j, k = np.indices(SHAPE) - 17.5
    return np.asarray(i**2 + j**2 + k**2 < 16**2)


def pair(*, new: bool = True, tilt: float = 0.2) -> tuple[Volume, Volume]:
    """Two scans of one patchy brain: other gains, another bias field, noise, and a new lesion."""
    rng = np.random.default_rng(3)
    tissue = 100 + 25 * ndimage.gaussian_filter(rng.normal(size=SHAPE), 1.5) / 0.06
    tissue = np.where(brain(), np.clip(tissue, 20, 180), 2)
    slope = np.linspace(-tilt, tilt, SHAPE[0])[:, None, None]
    before = 2.0 * tissue * np.exp(slope) + rng.normal(0, 4, SHAPE)
    lesion = np.zeros(SHAPE)
    lesion[20:24, 16:20, 16:20] = 90 if new else 0
    after = 0.7 * (tissue + lesion) + rng.normal(0, 1.4, SHAPE) + 3
    affine = np.diag([SPACING, SPACING, SPACING, 1.0])
    return Volume(before.astype(np.float32), affine), Volume(after.astype(np.float32), affine)


def harmonised(**settings: Any) -> Harmonised:
    return harmonise_pair(*pair(), brain(), **{**DEFAULT, **settings})


def disagreement(result: Harmonised) -> float:
    """Robust spread of the difference, relative to that of the baseline."""
    inside = brain()
    difference = (result.followup.data - result.baseline.data)[inside]
    return float(np.median(np.abs(difference - np.median(difference))) / result.baseline.data[inside].std())


def test_with_everything_off_only_negative_values_go() -> None:
    before, after = pair()
    result = harmonise_pair(before, after, brain(), **OFF)
    np.testing.assert_array_equal(result.baseline.data, np.maximum(before.data, 0))
    np.testing.assert_array_equal(result.followup.data, np.maximum(after.data, 0))
    assert result.facts == {}


def test_the_visits_become_comparable_and_the_new_lesion_stays() -> None:
    result = harmonised()
    tissue = brain().copy()
    tissue[18:26, 14:22, 14:22] = False
    difference = result.followup.data - result.baseline.data
    assert abs(np.median(difference[tissue])) < 1
    assert difference[21:23, 17:19, 17:19].mean() > 4 * difference[tissue].std()
    assert result.baseline.data.dtype == result.followup.data.dtype == np.float32
    assert result.baseline.grid.matches(pair()[0].grid)


def test_each_part_brings_the_visits_nearer() -> None:
    without_line = disagreement(harmonised(normalise="linear", joint=False, differential_bias_mm=0))
    without_bias = disagreement(harmonised(normalise="linear", differential_bias_mm=0))
    with_all = disagreement(harmonised(normalise="linear"))
    assert with_all < 0.7 * without_bias
    assert with_all < without_line


@pytest.mark.parametrize("normalise", NORMALISATIONS)
def test_exchanging_the_visits_exchanges_the_results(normalise: str) -> None:
    before, after = pair()
    forward = harmonise_pair(before, after, brain(), **{**DEFAULT, "normalise": normalise})
    backward = harmonise_pair(after, before, brain(), **{**DEFAULT, "normalise": normalise})
    tolerance = 1e-4 * float(np.abs(forward.baseline.data).max())
    np.testing.assert_allclose(forward.baseline.data, backward.followup.data, atol=tolerance)
    np.testing.assert_allclose(forward.followup.data, backward.baseline.data, atol=tolerance)
    assert forward.facts["joint_gain"] == pytest.approx(1 / backward.facts["joint_gain"], rel=1e-4)


def test_each_normalisation_does_what_its_name_says() -> None:
    inside = brain()
    for image in (harmonised(normalise="linear", joint=False).baseline, harmonised(normalise="linear").followup):
        assert np.median(image.data[inside]) == pytest.approx(50, rel=0.02)
    nyul = harmonised(joint=False).followup.data[inside]
    assert np.median(nyul) == pytest.approx(shipped_scale().landmarks[5], rel=0.01)


@pytest.mark.parametrize("gain", [0.01, 1.0, 1000.0])
def test_the_unit_of_a_scan_does_not_matter(gain: float) -> None:
    before, after = pair()
    result = harmonise_pair(before.with_data(before.data * np.float32(gain)), after, brain(), **DEFAULT)
    np.testing.assert_allclose(result.followup.data, harmonised().followup.data, atol=0.02)
    np.testing.assert_allclose(result.baseline.data[brain()], harmonised().baseline.data[brain()], atol=0.1)


def test_what_was_measured_is_told() -> None:
    facts = harmonised().facts
    assert set(facts) == {
        *("differential_bias_sd", "beyond_landmarks_baseline", "beyond_landmarks_followup"),
        *("joint_gain", "joint_offset"),
    }
    # A slope from -0.2 to 0.2 across the image, less at the ends of the brain.
    assert 0.05 < facts["differential_bias_sd"] < 0.15
    assert harmonise_pair(*pair(tilt=0.0), brain(), **DEFAULT).facts["differential_bias_sd"] < 0.02


def test_denoising_comes_first_and_takes_noise_away() -> None:
    before, after = pair()
    noisy, quiet = (harmonise_pair(before, after, brain(), **{**OFF, "denoising": on}) for on in (False, True))
    for one, other in ((noisy.baseline, quiet.baseline), (noisy.followup, quiet.followup)):
        rough, smooth = (np.abs(ndimage.laplace(volume.data))[brain()].mean() for volume in (one, other))
        assert smooth < 0.9 * rough


def test_scans_that_do_not_rise_together_are_refused() -> None:
    before, after = pair(new=False)
    inverted = after.with_data(np.maximum(200 - after.data, 0) * brain())
    with pytest.raises(ValueError, match="do not rise together"):
        harmonise_pair(before, inverted, brain(), **{**DEFAULT, "normalise": "linear", "differential_bias_mm": 0})


def test_an_unknown_normalisation_is_named() -> None:
    with pytest.raises(ConfigError, match=r"harmonise\.normalise is 'quantile'; expected one of nyul, linear"):
        harmonised(normalise="quantile")


def test_the_line_may_come_before_the_normalisation() -> None:
    """masson2021, p. 6: the joint histogram first, then Nyul's standardisation of each."""
    first = harmonised(joint_first=True)
    assert {"joint_gain", "joint_offset"} <= first.facts.keys()
    plain = {**DEFAULT, "normalise": "none"}
    lined = harmonise_pair(*pair(), brain(), **plain)
    each = harmonise_pair(lined.baseline, lined.followup, brain(), **{**OFF, "normalise": "nyul"})
    for found, expected in ((first.baseline, each.baseline), (first.followup, each.followup)):
        np.testing.assert_allclose(found.data[brain()], expected.data[brain()], rtol=1e-5, atol=1e-4)
    assert np.abs(first.baseline.data - harmonised().baseline.data).max() > 0.1
