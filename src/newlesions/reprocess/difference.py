"""How two releases of a cohort differ: their pairs, lesions, settings, inputs and versions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from newlesions.cohort.outcome import COLUMNS, DONE
from newlesions.cohort.pairs import Pair
from newlesions.cohort.results import labels_file, lesions_file
from newlesions.errors import InputError
from newlesions.images.file_checks import check_file, open_image, read_stored
from newlesions.images.files import sha256
from newlesions.images.volume import Volume
from newlesions.reprocess.circumstances import differences, flat, flat_versions
from newlesions.reprocess.digests import Progress
from newlesions.reprocess.matching import CHANGES, LesionChange, match_lesions
from newlesions.reprocess.release import Release

ONLY_FIRST, ONLY_SECOND, DIFFERS = "only in the first", "only in the second", "differs"

VERSION = "version"
"""The sort of circumstance that need not change a result."""

_LABELS = ("pair", "subject")
_PAGE = ".html"


@dataclass(frozen=True)
class Value:
    """Something with another value in each release. ``sort``: setting, recipe, weights, input, version."""

    sort: str
    name: str
    first: str
    second: str


@dataclass(frozen=True)
class PairDifference:
    """A pair that is not the same in both releases.

    ``values`` are the columns of newlesions.tsv that differ, ``lesions`` all its lesions where a mask differs,
    ``files`` the other results that differ by their recorded digests. ``note`` says why lesions could not be matched.
    """

    pair: str
    state: str
    values: Sequence[Value] = ()
    lesions: Sequence[LesionChange] = ()
    files: Sequence[str] = ()
    note: str = ""

    @property
    def counts(self) -> Mapping[str, int]:
        """How many lesions were kept, appeared and so on."""
        found = Counter(lesion.change for lesion in self.lesions)
        return {change: found[change] for change in CHANGES}

    def value(self, name: str) -> Value | None:
        """The column ``name``, if it differs."""
        return next((value for value in self.values if value.name == name), None)


@dataclass(frozen=True)
class Difference:
    """How the second release differs from the first. ``compared`` pairs are in both."""

    names: tuple[str, str]
    compared: int
    pairs: Sequence[PairDifference] = ()
    circumstances: Sequence[Value] = field(default_factory=tuple)

    @property
    def equal(self) -> bool:
        """Whether nothing differs but versions, perhaps."""
        return not self.pairs and all(value.sort == VERSION for value in self.circumstances)

    @property
    def counts(self) -> Mapping[str, int]:
        """How many lesions of the pairs that differ were kept, appeared and so on."""
        return {change: sum(pair.counts[change] for pair in self.pairs) for change in CHANGES}


def compare_releases(first: Release, second: Release, progress: Progress | None = None) -> Difference:
    """Compare two releases.

    A pair's label image and lesion table are compared as they are now; its other results by their recorded digests,
    pages excepted, since they tell versions. Images are opened only where they differ.
    """
    names = sorted(first.pairs.keys() | second.pairs.keys())
    found = []
    for number, name in enumerate(names, start=1):
        pair = _pair(name, first, second)
        if pair is not None:
            found.append(pair)
        if progress and (number % 50 == 0 or number == len(names)):
            progress(number, len(names))
    both = first.pairs.keys() & second.pairs.keys()
    return Difference(
        (first.folder.name, second.folder.name),
        len(both),
        found,
        list(_circumstances(first.provenance, second.provenance)),
    )


def _pair(name: str, first: Release, second: Release) -> PairDifference | None:
    if name not in first.pairs or name not in second.pairs:
        return PairDifference(name, ONLY_FIRST if name in first.pairs else ONLY_SECOND)
    rows = first.rows.get(name, {}), second.rows.get(name, {})
    values = [
        Value("result", column, one, two)
        for column in COLUMNS
        if column not in _LABELS and (one := rows[0].get(column, "")) != (two := rows[1].get(column, ""))
    ]
    if not all(row.get("status") == DONE for row in rows):
        return PairDifference(name, DIFFERS, values) if values else None
    sides = (first, first.pairs[name]), (second, second.pairs[name])
    files = _files(*sides)
    lesions, note = _lesions(*sides)
    return PairDifference(name, DIFFERS, values, lesions, files, note) if values or lesions or files or note else None


def _lesions(first: tuple[Release, Pair], second: tuple[Release, Pair]) -> tuple[list[LesionChange], str]:
    """The lesions of a pair whose label image or lesion table differs, and why they could not be matched."""
    paths = [labels_file(release.folder, pair) for release, pair in (first, second)]
    tables = [lesions_file(release.folder, pair) for release, pair in (first, second)]
    missing = [path.name for path in (*paths, *tables) if not path.is_file()]
    if missing:
        return [], f"missing: {', '.join(missing)}"
    if _same(paths):
        return [], "" if _same(tables) else "the lesion tables differ, the masks do not"
    try:
        one, two = (_read_labels(path) for path in paths)
    except InputError as error:
        return [], f"{Path(error.path).name}: found {error.found}"
    if not one.grid.matches(two.grid):
        return [], "the masks lie on two grids: lesions are not matched"
    return match_lesions(one, two), ""


def _read_labels(path: Path) -> Volume:
    """A label image, which may have been damaged since it was written."""
    check_file(path)
    image = open_image(path)
    return Volume(read_stored(path, image), np.asarray(image.affine, dtype=np.float64))


def _files(first: tuple[Release, Pair], second: tuple[Release, Pair]) -> list[str]:
    """The results of a pair whose recorded digests differ, by name."""
    one, two = (
        {Path(path).name: digest for path, digest in release.files_of(pair).items() if not path.endswith(_PAGE)}
        for release, pair in (first, second)
    )
    return [name for name in sorted(one.keys() | two.keys()) if one.get(name) != two.get(name)]


def _same(paths: Sequence[Path]) -> bool:
    return sha256(paths[0]) == sha256(paths[1])


def _circumstances(first: Mapping[str, Any], second: Mapping[str, Any]) -> Iterator[Value]:
    """What the results depend on beside the pairs, where it differs."""
    for sort, of in (("setting", _settings), ("recipe", _recipe), ("weights", _weights)):
        yield from (Value(sort, *row) for row in differences(of(first), of(second)))
    inputs = _inputs(first), _inputs(second)
    both = inputs[0].keys() & inputs[1].keys()  # those of pairs in one release alone are told with their pairs
    one, two = ({name: side[name] for name in both} for side in inputs)
    yield from (Value("input", *row) for row in differences(one, two))
    yield from (Value(VERSION, *row) for row in differences(_versions(first), _versions(second)))


def _settings(record: Mapping[str, Any]) -> dict[str, str]:
    return flat(record["settings"])


def _recipe(record: Mapping[str, Any]) -> dict[str, str]:
    return flat(record["recipe"])


def _weights(record: Mapping[str, Any]) -> dict[str, str]:
    model = record.get("model", {})
    return {
        **record["shipped"],
        **{f"{model['name']}/{name}": digest for name, digest in model.get("files", {}).items()},
    }


def _inputs(record: Mapping[str, Any]) -> dict[str, str]:
    scans = {f"sub-{scan['subject']}_ses-{scan['session']}: scan": scan["sha256"] for scan in record["inputs"]}
    brains = {
        f"sub-{scan['subject']}_ses-{scan['session']}: brain": scan["brain"].get("sha256", "")
        for scan in record["inputs"]
        if "brain" in scan
    }
    references = {
        f"{pair['pair']}: reference {number}": reference.get("sha256", "")
        for pair in record["pairs"]
        for number, reference in enumerate(pair.get("references", ()), start=1)
    }
    return scans | brains | references


def _versions(record: Mapping[str, Any]) -> dict[str, str]:
    """The versions at work in any pair, by library."""
    used: dict[str, set[str]] = {}
    for entry in record["versions"]:
        for name, version in flat_versions(entry).items():
            used.setdefault(name, set()).add(version)
    return {name: ", ".join(sorted(versions)) for name, versions in used.items()}
