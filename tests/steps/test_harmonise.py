from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from newlesions.errors import InputError
from newlesions.images.files import read_json
from newlesions.images.io import read_volume, write_volume
from newlesions.steps.harmonise import harmonise
from steps.small import Work, brain, scan, settings


def run(work: Work, **more: object) -> tuple[Path, Path, Path]:
    baseline, followup, mask = work.harmonised()
    inputs = [work.pair / name for name in ("baseline.nii.gz", "followup.nii.gz")]
    for source, path in zip((baseline, followup), inputs, strict=True):
        source.replace(path)
    outputs = baseline, followup, work.pair / "harmonise.json"
    harmonise(*inputs, mask, *outputs, settings("harmonise", **more))
    return outputs


def test_comparable_images_and_what_was_measured_are_written(work: Work) -> None:
    baseline, followup, facts = run(work)
    before, after = read_volume(baseline), read_volume(followup)
    assert before.grid.matches(scan().grid)
    assert abs(np.median((after.data - before.data)[brain()])) < 1
    assert read_json(facts)["joint_gain"] == pytest.approx(1, abs=0.1)


def test_the_settings_are_obeyed(work: Work) -> None:
    facts = run(work, normalise="linear", joint=False, differential_bias_mm=0)[2]
    assert read_json(facts).keys() == {"histograms"}


def test_the_histograms_of_both_visits_come_together(work: Work) -> None:
    path = work.visit("bias.nii.gz")[1]
    write_volume(path, read_volume(path).with_data(read_volume(path).data * 3))
    counted = read_json(run(work)[2])["histograms"]
    assert counted["before"]["overlap"] < 0.2
    assert counted["after"]["overlap"] > 0.9


def test_scans_that_cannot_be_brought_together_are_named(work: Work) -> None:
    path = work.sessions[1] / "bias.nii.gz"
    volume = read_volume(path)
    write_volume(path, volume.with_data(np.maximum(200 - volume.data, 0) * brain()))
    with pytest.raises(InputError, match=r"^sub-01/ses-M12: found the two scans' intensities do not rise together"):
        run(work, normalise="linear", differential_bias_mm=0)
