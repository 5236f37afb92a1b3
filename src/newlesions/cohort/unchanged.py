"""Whether anything changed since the workflow last brought a part of a run to its end.

A workflow engine needs a plan of all jobs to find out that there is none. What such a plan rests on is noted where a
part of a run ends well: the settings, the model, the rules, the rows of the pairs table, and the size and time of every
file that goes in or comes out. Where all that is as it was, there is nothing to be done.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from newlesions import house, models
from newlesions.cohort.pairs import Pair
from newlesions.cohort.results import cohort_files, page_file, score_files, scores_file, summary_file, work_folder
from newlesions.cohort.shards import COHORT
from newlesions.images.files import read_json, write_json
from newlesions.versions import versions

_RULES = ("Snakefile", "workflow", "envs")
"""What the workflow is written in, below the house's root."""


class Unchanged:
    """What the parts of a run rest on.

    Parameters
    ----------
    out
        The results folder.
    settled
        The settings of the run.
    buckets
        The bucket of each pair, where the run has networks.
    aside
        The pairs that the run does not plan.
    """

    def __init__(
        self, out: Path, settled: Mapping[str, Any], buckets: Mapping[str, str], aside: Collection[str]
    ) -> None:
        self._out, self._buckets = out, buckets
        model = settled["refine"]["model"]
        # The pairs table is named by its rows; where it lies for a dry run says nothing.
        held = {name: value for name, value in settled.items() if name not in ("pairs", "out", "part", "failed")}
        self._key = json.dumps(
            {
                "settings": held,
                "model": models.digests(model) if model else {},
                "rules": _digest_of(_lines(_files_below(house.root() / name for name in _RULES))),
                "versions": versions(),
                "aside": sorted(aside),
            },
            sort_keys=True,
            default=str,
        )

    def note(self, part: int | str | None, pairs: Sequence[Pair]) -> None:
        """Note that this part of the run, with these ``pairs``, has come to its end."""
        write_json(self._place(part), self._digest(part, pairs))

    def holds(self, part: int | str | None, pairs: Sequence[Pair]) -> bool:
        """Whether the part has come to its end before, and nothing that it rests on has changed since."""
        place = self._place(part)
        return place.is_file() and read_json(place) == self._digest(part, pairs)

    def _place(self, part: int | str | None) -> Path:
        return work_folder(self._out) / "unchanged" / f"{part or 'all'}.json"

    def _digest(self, part: int | str | None, pairs: Sequence[Pair]) -> str:
        lines = [self._key, *(json.dumps(pair.row()) for pair in pairs)]
        return _digest_of([*lines, *_lines(self._files(part, pairs))])

    def _files(self, part: int | str | None, pairs: Sequence[Pair]) -> Iterator[str]:
        """The files of a part: the cohort's own and, of each pair, those that it needs, or all."""
        if part in (None, COHORT):
            yield str(self._out / "pairs.tsv")
            yield from (str(path) for files in (cohort_files, score_files) for path in files(self._out).values())
        if part == COHORT:
            for pair in pairs:
                yield from (str(of(self._out, pair)) for of in (summary_file, page_file, scores_file))
            return
        for pair in pairs:
            scans = (pair.baseline, pair.followup, pair.baseline_brain, pair.followup_brain)
            yield from (str(self._out / path) for path in (*scans, *pair.references) if path)
        for subject in dict.fromkeys(pair.subject for pair in pairs):
            folders = (folder / f"sub-{subject}" for folder in (self._out, work_folder(self._out)))
            yield from _files_below(folders)
        for bucket in sorted({self._buckets[pair.pair] for pair in pairs if pair.pair in self._buckets}):
            yield str(work_folder(self._out) / "buckets" / f"{bucket}.json")


def _files_below(places: Iterable[Path]) -> Iterator[str]:
    """Every file below folders, and those of ``places`` that are files, in an order of their names."""
    for place in places:
        if not place.is_dir():
            yield str(place)
            continue
        for folder, folders, names in os.walk(place):
            folders[:] = sorted(name for name in folders if name != "__pycache__")
            yield from (f"{folder}/{name}" for name in sorted(names))


def _lines(paths: Iterable[str]) -> Iterator[str]:
    """Each path with the size and the time of its file, or with nothing where there is none."""
    for path in paths:
        try:
            found = os.stat(path)  # noqa: PTH116, as there are tens of thousands
        except OSError:
            yield path
        else:
            yield f"{path} {found.st_size} {found.st_mtime_ns}"


def _digest_of(lines: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line.encode() + b"\n")
    return digest.hexdigest()
