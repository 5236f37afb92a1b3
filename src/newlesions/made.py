"""The line in a step's log that says which results the step made, their digests, and with which versions.

A digest is taken when a file is written, by the job that wrote it: what happens to the file later shows, and ten
thousand pairs need no job that reads them all again. Only the standard library and this package's light parts are
imported here, since every step does this.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from newlesions.images.files import sha256
from newlesions.versions import versions

_MADE = "MADE: "


def results_folder(log: Path) -> Path | None:
    """The results folder OUT of a log ``OUT/work/logs/...``; None for another one."""
    for folder in log.absolute().parents:
        if folder.name == "logs" and folder.parent.name == "work":
            return folder.parents[1]
    return None


def made_line(log: Path, outputs: Mapping[str, Any], further: Iterable[Path] | None = None) -> str:
    """The line for a step with this ``log`` that has written ``outputs`` (paths, or lists of them) and ``further``.

    What lies under ``work``, between the steps, is not published and left out; so is what lies elsewhere.
    """
    out = results_folder(log)
    listed = [item for value in outputs.values() for item in (value if isinstance(value, list) else [value])]
    paths = sorted(Path(path).absolute() for path in [*listed, *(further or ())])
    files = {path.relative_to(out).as_posix(): sha256(path) for path in paths if out and _is_published(path, out)}
    return _MADE + json.dumps({**versions(), "files": files})


def read_made(log: Path) -> dict[str, Any] | None:
    """What the last such line of ``log`` says: ``newlesions``, ``libraries`` and ``files``; None without one."""
    if not log.is_file():
        return None
    for line in reversed(log.read_text(encoding="utf-8", errors="replace").splitlines()):
        if line.startswith(_MADE):
            made: dict[str, Any] = json.loads(line.removeprefix(_MADE))
            return made
    return None


def _is_published(path: Path, out: Path) -> bool:
    return path.is_relative_to(out) and not path.is_relative_to(out / "work") and path.is_file()
