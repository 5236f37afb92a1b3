"""What the steps of a pair recorded in their logs: the digests of its results, and the versions that made them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from newlesions.cohort.pairs import Pair
from newlesions.cohort.results import log_files
from newlesions.made import read_made


@dataclass(frozen=True)
class Made:
    """The results of a pair: SHA-256 by path in the results folder, and each set of versions at work, as JSON text."""

    files: Mapping[str, str]
    versions: Sequence[str]


def made_of(out: Path, pair: Pair, steps: Sequence[str], bucket: str = "") -> Made:
    """What the logs of ``steps`` say that was made for ``pair``, which is in ``bucket`` where the run has networks."""
    files: dict[str, str] = {}
    used: set[str] = set()
    for _, log in log_files(out, pair, steps, bucket):
        made = read_made(log)
        if made is not None:
            files |= made["files"]
            used.add(json.dumps({"newlesions": made["newlesions"], "libraries": made["libraries"]}, sort_keys=True))
    return Made(files, sorted(used))


def digest_list(files: Mapping[str, str]) -> str:
    """The text of sha256sums.txt, which ``sha256sum --check`` reads too: sorted by path.

    >>> digest_list({"b.tsv": "0a", "a.tsv": "1b"})
    '1b  a.tsv\\n0a  b.tsv\\n'
    """
    return "".join(f"{digest}  {path}\n" for path, digest in sorted(files.items()))


def read_digest_list(lines: Iterable[str]) -> dict[str, str]:
    """SHA-256 by path, of the lines that `digest_list` wrote.

    Raises
    ------
    ValueError
        If a line is not a digest and a path.
    """
    files = {}
    for line in lines:
        digest, gap, path = line.rstrip("\n").partition("  ")
        if len(digest) != 64 or not gap or not path:
            raise ValueError(f"found the line {line.rstrip()!r}; expected a SHA-256, two spaces and a path")
        files[path] = digest
    return files
