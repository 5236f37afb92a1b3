from __future__ import annotations

import numpy as np
import pytest

from learn.networks.small import make_case, make_stage
from newlesions.errors import ConfigError
from newlesions.learn.networks.makers import restore_maker, synthetic_maker, training_maker
from newlesions.learn.networks.synthetic.settings import SyntheticSettings
from newlesions.networks.stages import Limits

LIMITS = Limits(device="cpu", threads=1)
SIDES = (12, 12, 12)
KEPT = {"states": [1, 0, 0, 0], "added": 0}
"""No lesion comes or goes, so that the two copies differ by what sets them apart alone."""


def copies(augment, own, monkeypatch) -> np.ndarray:
    """The two visits of a synthetic pair, (2, *SIDES)."""
    monkeypatch.setattr("newlesions.learn.networks.makers.painter", lambda network, device: None)
    monkeypatch.setattr("newlesions.learn.networks.makers.network_of", lambda model, name, left_out, seed: None)
    painter = make_stage(task="inpaint", inputs=["flair"])

    class Earlier:
        stages = {"painter": painter}  # noqa: RUF012 - what is looked at of a model

    options = {"synthetic": KEPT | ({"augment": own} if own else {})}
    stage = make_stage(
        sample={"patch": list(SIDES), "batch": 2, "synthetic": 1.0, "options": options},
        uses=["painter"],
        augment=augment,
    )
    maker = synthetic_maker(stage, [make_case(0, 2)], SIDES, Earlier(), LIMITS, None, 0)
    return maker(np.random.default_rng(0)).inputs


def test_synthetic_pairs_have_augmentations_of_their_own(monkeypatch):
    noise, blur = [{"name": "noise", "sd": [0.5, 0.5]}], [{"name": "blur", "sigma": [2.0, 2.0]}]
    plain, blurred, noisy, own = (
        copies(augment, own, monkeypatch) for augment, own in (([], None), (blur, None), (noise, None), (blur, noise))
    )
    np.testing.assert_array_equal(plain[0], plain[1])
    np.testing.assert_array_equal(own, noisy)
    assert blurred.std() < 0.8 * plain.std() < own.std()
    assert (own[0] != own[1]).mean() > 0.9, "each copy has its own"


def test_what_is_not_a_change_of_intensity_is_refused():
    for augment in ([{"name": "flip"}], [{"name": "enhance_lesions"}]):
        with pytest.raises(ConfigError, match=r"sample\.options\.synthetic\.augment"):
            SyntheticSettings.of({"synthetic": {"augment": augment}})


def test_both_images_are_their_own_target_and_no_mask_is_looked_at():
    stage = make_stage(task="restore", network={"name": "autoencoder", "channels": [4, 8]})
    labelled, bare = make_case(0, 2), make_case(0, 2)
    bare.masks.clear()
    made = [training_maker(stage, [case], SIDES, None, LIMITS, None, 0)(np.random.default_rng(3)) for case in
            (labelled, bare)]  # fmt: skip
    for element in made:
        np.testing.assert_array_equal(element.target, element.inputs)
        assert element.target.shape == (2, *SIDES)
    np.testing.assert_array_equal(made[0].inputs, made[1].inputs)
    with pytest.raises(ConfigError, match="expected some pair"):
        restore_maker(stage, [], SIDES)
