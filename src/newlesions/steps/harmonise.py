"""Comparable intensities of a pair: files in, files out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from newlesions.errors import InputError
from newlesions.images.files import write_json
from newlesions.images.io import read_volume, write_volume


def harmonise(
    baseline: Path,
    followup: Path,
    brain: Path,
    harmonised_baseline: Path,
    harmonised_followup: Path,
    facts: Path,
    settings: Mapping[str, Any],
) -> None:
    """Write both visits with comparable intensities (float32, working grid) and what was measured, histograms among it.

    Raises
    ------
    InputError
        If the two scans' intensities cannot be brought together.
    """
    from newlesions.preprocess.harmonise import harmonise_pair
    from newlesions.preprocess.histograms import histograms

    before, after = read_volume(baseline), read_volume(followup)
    mask = read_volume(brain, dtype=np.bool_).data
    try:
        result = harmonise_pair(
            before,
            after,
            mask,
            differential_bias_mm=settings["differential_bias_mm"],
            denoising=settings["denoise"],
            normalise=settings["normalise"],
            joint=settings["joint"],
            joint_first=settings["joint_first"],
        )
    except ValueError as error:
        raise InputError("/".join(baseline.parts[-4:-2]), str(error), "two FLAIR scans of one contrast") from error
    write_volume(harmonised_baseline, result.baseline, level=1)
    write_volume(harmonised_followup, result.followup, level=1)
    spread = {
        "before": histograms(before.data, after.data, mask),
        "after": histograms(result.baseline.data, result.followup.data, mask),
    }
    write_json(facts, {**result.facts, "histograms": spread})
