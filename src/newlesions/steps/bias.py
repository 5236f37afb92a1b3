"""Bias correction of one scan: files in, files out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from newlesions.errors import ConfigError
from newlesions.images.io import read_volume, write_volume
from newlesions.preprocess.bias import PRESETS, bias_field, corrected_by, field_to_show
from newlesions.steps.names import named


def bias(flair: Path, bias: Path, field: Path, settings: Mapping[str, Any]) -> None:
    """Write the N4-corrected scan, float32, on its own grid; and its bias field, coarse, for who wants to see it.

    Raises
    ------
    ConfigError
        If the preset is unknown.
    """
    preset = settings["preset"]
    if preset not in PRESETS:
        raise ConfigError(f"bias.preset is {preset!r}; expected one of {', '.join(PRESETS)}")
    with named(flair):
        scan = read_volume(flair)
        found = bias_field(scan, PRESETS[preset])
    write_volume(bias, corrected_by(scan, found), level=1)
    write_volume(field, field_to_show(found))
