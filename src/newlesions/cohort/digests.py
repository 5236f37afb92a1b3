"""Digests of scans that were read before: a file of the same size and time is not read again."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from time import time_ns

from newlesions.images.files import read_json, sha256, write_json

NOT_READ = "0" * 64
"""Stands for the digest of a scan that a plan need not read."""

_SETTLED_NS = 2_000_000_000
"""A file this new might change again within one tick of its file system's clock: it is not relied on."""


@dataclass
class Digests:
    """The digests of scans by their paths, and what tells whether a scan is still the same file.

    Parameters
    ----------
    path
        Where they are kept between runs; it need not exist.
    reads
        Whether a scan that is not known is read. Otherwise its digest is `NOT_READ`, but for those in ``needed``.
    """

    path: Path
    reads: bool = True
    needed: frozenset[str] = frozenset()
    _known: dict[str, list[int | str]] = field(default_factory=dict)
    _met: dict[str, list[int | str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Take what an earlier run kept."""
        if self.path.is_file():
            self._known = read_json(self.path)

    def digest(self, path: str) -> str:
        """The SHA-256 of a file; "" if it cannot be read."""
        try:
            state = Path(path).stat()
            size, changed, known = self._known.get(path, (-1, -1, ""))
            if (size, changed) != (state.st_size, state.st_mtime_ns):
                if not self.reads and path not in self.needed:
                    return NOT_READ
                known = sha256(Path(path))
        except OSError:
            return ""
        self._met[path] = [state.st_size, state.st_mtime_ns, known]
        return str(known)

    def keep(self) -> None:
        """Keep the digests that were asked for, for the next run."""
        settled = time_ns() - _SETTLED_NS
        kept = {path: row for path, row in sorted(self._met.items()) if int(row[1]) < settled}
        if kept != self._known:
            write_json(self.path, kept)
