"""What this room needs beyond the package, and one line that says what is missing."""

from __future__ import annotations

import importlib.util
import shutil

from newlesions.errors import ConfigError

_SOURCE = {
    "dcm2niix": "dcm2niix on the PATH (Debian: apt-get install dcm2niix; or `pip install dcm2niix`)",
    "extra": "the extra dicom (`pip install 'newlesions[dicom]'`)",
}


def missing_for(*names: str) -> str:
    """What of ``names``, Python packages and the program dcm2niix, is not installed, in words; "" if all is there."""
    lacking = [name for name in names if name != "dcm2niix" and importlib.util.find_spec(name) is None]
    parts = [f"{', '.join(lacking)} of {_SOURCE['extra']}"] if lacking else []
    if "dcm2niix" in names and shutil.which("dcm2niix") is None:
        parts.append(_SOURCE["dcm2niix"])
    return " and ".join(parts)


def require(command: str, *names: str) -> None:
    """Raise ConfigError if something of ``names`` is missing."""
    missing = missing_for(*names)
    if missing:
        raise ConfigError(f"{command} needs {missing}")
