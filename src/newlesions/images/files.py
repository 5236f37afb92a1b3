"""Writing files so that nothing half-written is ever seen, and so that equal content gives equal bytes."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

_UNFINISHED = ".writing-"


def write_atomically(path: Path | str, write: Callable[[Path], None]) -> None:
    """Call ``write`` with a temporary path beside ``path``, then rename it onto ``path``.

    The temporary name keeps the suffixes of ``path``, because image libraries choose the format by them.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=_UNFINISHED, suffix="".join(path.suffixes[-2:]))
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def remove_unfinished(folder: Path | str) -> None:
    """Remove what killed processes left half-written below ``folder``, where nobody may be writing now."""
    for path in Path(folder).rglob(f"{_UNFINISHED}*"):
        path.unlink(missing_ok=True)


def write_bytes(path: Path | str, content: bytes) -> None:
    """Write ``content`` in one step."""

    def write(temporary: Path) -> None:
        temporary.write_bytes(content)

    write_atomically(path, write)


def write_text(path: Path | str, content: str) -> None:
    """Write ``content`` as UTF-8 in one step."""
    write_bytes(path, content.encode())


def write_json(path: Path | str, content: Any) -> None:
    """Write ``content`` as indented JSON. Keys keep their order; NaN is refused, since JSON has none."""
    write_text(path, json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False) + "\n")


def write_arrays(path: Path | str, arrays: Mapping[str, Any]) -> None:
    """Write an .npz file, not compressed, in one step; what is no array is made one. Nothing in it may need pickle."""

    def write(temporary: Path) -> None:
        with open(temporary, "wb") as stream:
            np.savez(stream, **arrays)

    write_atomically(path, write)


def read_json(path: Path | str) -> Any:
    """Read a JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def sha256(path: Path | str) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
