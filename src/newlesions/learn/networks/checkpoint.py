"""The state of a training on disk, from which it goes on exactly."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch

from newlesions.images.files import remove_unfinished, write_atomically

_FILE = "state.pt"


class Checkpoint:
    """The folder of one unfinished training.

    Parameters
    ----------
    folder
        Made when needed.
    fingerprint
        What the training depends on. The state of another training is not used.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self.folder, self.fingerprint = folder, fingerprint

    def read(self) -> dict[str, Any] | None:
        """The last state, on the CPU; None where there is none of this training. Nothing in it is executed."""
        path = self.folder / _FILE
        if not path.is_file():
            return None
        held: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        return held["state"] if held["fingerprint"] == self.fingerprint else None

    def write(self, state: dict[str, Any]) -> None:
        """Replace the state in one step; ``state`` holds tensors, numbers, text, lists and dictionaries."""
        held = {"fingerprint": self.fingerprint, "state": state}
        write_atomically(self.folder / _FILE, lambda temporary: torch.save(held, temporary))

    def clean(self) -> None:
        """Remove what a killed training left half-written."""
        if self.folder.is_dir():
            remove_unfinished(self.folder)

    def remove(self) -> None:
        """Remove the folder and all in it."""
        shutil.rmtree(self.folder, ignore_errors=True)
