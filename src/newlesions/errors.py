"""The two ways in which a run can be wrong, and the one line that each prints."""

from __future__ import annotations

from pathlib import Path


class InputError(Exception):
    """One scan (or one pair) cannot be used. The other pairs go on.

    Parameters
    ----------
    path
        The file, or the id of the pair, that is at fault.
    found
        What was found there, in a few words.
    expected
        What would have been right.
    """

    def __init__(self, path: Path | str, found: str, expected: str) -> None:
        self.path, self.found, self.expected = str(path), found, expected
        super().__init__(f"{path}: found {found}; expected {expected}")


class ConfigError(Exception):
    """The input table, the configuration or the command line is wrong. Nothing is started (exit code 2)."""
