"""Bias correction of one scan: files in, files out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from newlesions.errors import ConfigError
from newlesions.images.io import read_volume, write_volume
from newlesions.preprocess.bias import PRESETS, correct_bias
from newlesions.steps.names import named


def bias(flair: Path, bias: Path, settings: Mapping[str, Any]) -> None:
    """Write the N4-corrected scan, float32, on its own grid.

    Raises
    ------
    ConfigError
        If the preset is unknown.
    """
    preset = settings["preset"]
    if preset not in PRESETS:
        raise ConfigError(f"bias.preset is {preset!r}; expected one of {', '.join(PRESETS)}")
    with named(flair):
        write_volume(bias, correct_bias(read_volume(flair), PRESETS[preset]), level=1)
