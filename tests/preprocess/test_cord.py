from __future__ import annotations

import numpy as np
import pytest

from newlesions.errors import ConfigError
from newlesions.images.volume import Volume
from newlesions.preprocess import cord as cords
from newlesions.preprocess.cord import connected_cord, missing_for_sct, require_cord, with_cord

LAS = np.array([[-1.0, 0, 0, 40], [0, 1, 0, -40], [0, 0, 1, -60], [0, 0, 0, 1]])


def head(cut: int = 0, leak: int = 0) -> tuple[Volume, Volume, np.ndarray]:
    """A ball with a cord of 100 mm2 below it in dark fluid, muscle 4 mm off, and what is the cord's.

    ``cut``: from where the scan begins; ``leak``: at which height the fluid is gone.
    """
    i, j, k = np.indices((80, 80, 120))
    brain = (i - 40) ** 2 + (j - 40) ** 2 + (k - 85) ** 2 < 28**2
    brain |= ((i - 40) ** 2 + (j - 40) ** 2 < 7**2) & (k > 45) & (k < 70)  # the medulla, as brain masks have it
    column = (i - 40) ** 2 + (j - 40 - 0.2 * (45 - k)) ** 2 < 5.7**2  # slanted, as a neck is
    data = np.full(brain.shape, 10.0)
    data[(np.hypot(i - 40, j - 40) > 20) & (k < 50)] = 90
    data[brain | (column & (k < 60))] = 100
    if leak:
        data[:, :, :leak] = 95
    data += np.random.default_rng(0).normal(0, 3, data.shape)
    keep = slice(cut, None)
    affine = LAS.copy()
    affine[2, 3] += cut
    cord = column & (k <= 45) & ~brain
    volume = Volume(data[:, :, keep].astype(np.float32), affine)
    return volume, Volume(brain[:, :, keep], affine), cord[:, :, keep]


def dice(one: np.ndarray, other: np.ndarray) -> float:
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


def test_the_cord_is_followed_down_to_the_end_of_the_scan() -> None:
    volume, brain, cord = head(cut=5)
    found = connected_cord(volume, brain)
    assert found.any((0, 1)).sum() >= 40, "down to the first slice"
    assert dice(found, cord) > 0.9
    assert not (found & brain.data).any()


def test_where_the_fluid_ends_the_cord_does() -> None:
    volume, brain, cord = head(leak=25)
    found = connected_cord(volume, brain)
    assert not found[:, :, :20].any() and dice(found[:, :, 28:], cord[:, :, 28:]) > 0.9


def test_a_scan_that_ends_in_the_brain_has_no_cord() -> None:
    volume, brain, _ = head(cut=60)
    assert not connected_cord(volume, brain).any()
    empty = brain.with_data(np.zeros_like(brain.data))
    assert not connected_cord(volume, empty).any()


def test_axes_may_lie_as_they_like() -> None:
    volume, brain, cord = head(cut=5)
    order = (2, 0, 1)
    affine = volume.affine[:, [2, 0, 1, 3]]
    turned = [Volume(np.ascontiguousarray(one.data.transpose(order)), affine) for one in (volume, brain)]
    assert dice(connected_cord(*turned), cord.transpose(order)) > 0.9


def test_the_dilated_cord_joins_the_brain() -> None:
    volume, brain, cord = head(cut=5)
    joint = with_cord(volume, brain, "connected").data
    assert joint[brain.data].all() and joint[cord].mean() > 0.99
    assert 1.2 * cord.sum() < (joint & ~brain.data).sum() < 2.5 * cord.sum()
    assert with_cord(volume, brain, "none") is brain


def test_what_the_toolbox_needs_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cords.shutil, "which", lambda _: None)
    monkeypatch.setattr(cords.importlib.util, "find_spec", lambda _: None)
    words = (
        "sct_deepseg_sc on the PATH (Spinal Cord Toolbox, https://spinalcordtoolbox.com) "
        "and `pip install newlesions[nipype]`"
    )
    assert missing_for_sct() == words
    with pytest.raises(ConfigError) as raised:
        require_cord("sct")
    assert str(raised.value) == f"brain.cord is sct, which needs {words}; connected needs nothing"
    with pytest.raises(ConfigError, match=r"brain\.cord is 'all'; expected one of none, connected, sct"):
        with_cord(*head(cut=60)[:2], "all")
    require_cord("connected")
    monkeypatch.setattr(cords.shutil, "which", lambda _: "/usr/bin/sct_deepseg_sc")
    monkeypatch.setattr(cords.importlib.util, "find_spec", lambda _: object())
    assert missing_for_sct() == ""
