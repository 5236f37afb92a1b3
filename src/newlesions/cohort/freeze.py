"""Freezing pairs: the SHA-256 of every scan."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from newlesions.cohort.pairs import Pair
from newlesions.images.files import sha256


def freeze(
    pairs: Sequence[Pair],
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    digest: Callable[[str], str] | None = None,
) -> tuple[list[Pair], list[str]]:
    """Fill in the digests that are empty; a digest that is given stays, so that ``ingest`` names a file that differs.

    A file that cannot be read keeps an empty digest: ``ingest`` says why.

    Parameters
    ----------
    pairs
        Pairs to freeze. A scan that serves two pairs is read once.
    workers
        Threads; by default the number of cores, at most 8.
    progress
        Called with the number of files done and their total.
    digest
        Tells a file's digest, or "" if it cannot be read, in place of reading it.

    Returns
    -------
    tuple
        The frozen pairs, and the scans that could not be read.
    """
    paths = sorted(
        {pair.baseline for pair in pairs if not pair.baseline_sha256}
        | {pair.followup for pair in pairs if not pair.followup_sha256}
    )
    digests: dict[str, str] = {}
    with ThreadPoolExecutor(workers or min(8, os.cpu_count() or 1)) as pool:
        for path, found in zip(paths, pool.map(digest or _digest, paths), strict=True):
            digests[path] = found
            if progress is not None:
                progress(len(digests), len(paths))
    frozen = [
        pair.with_values(
            baseline_sha256=pair.baseline_sha256 or digests[pair.baseline],
            followup_sha256=pair.followup_sha256 or digests[pair.followup],
        )
        for pair in pairs
    ]
    return frozen, [path for path in paths if not digests[path]]


def _digest(path: str) -> str:
    try:
        return sha256(Path(path))
    except OSError:
        return ""
