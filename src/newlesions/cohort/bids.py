"""Finding FLAIR scans in a BIDS folder, and the dates of their sessions."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from newlesions.cohort.dates import parse_date, sidecar_date
from newlesions.cohort.entities import BidsName, parse_name
from newlesions.cohort.labels import clean_label, clean_labels, natural_key
from newlesions.errors import ConfigError

EXTENSIONS = (".nii.gz", ".nii")
_NO_MAGNITUDE = frozenset({"phase", "real", "imag"})


@dataclass(frozen=True)
class Scan:
    """One FLAIR file: clean labels (``session`` is "" without a session level), where it lies, its name's parts."""

    subject: str
    session: str
    path: Path
    name: BidsName


@dataclass(frozen=True)
class Found:
    """What a BIDS folder holds: scans in natural order, subjects without any, and remarks about names left out."""

    scans: list[Scan]
    without: list[str]
    notes: list[str]


def is_bids(root: Path) -> bool:
    """Whether ``root`` has a ``dataset_description.json`` or a ``sub-*`` folder."""
    return (root / "dataset_description.json").is_file() or bool(_folders(root, "sub-"))


def find_scans(root: Path) -> Found:
    """All FLAIR scans in ``sub-*/[ses-*/]anat``; ``derivatives``, ``sourcedata`` and ``code`` are never entered.

    Links that lead nowhere (data not fetched yet) are listed too: the input checks name them.

    Raises
    ------
    ConfigError
        If ``root`` is missing, is no BIDS folder, or holds no FLAIR.
    """
    if not root.is_dir():
        raise ConfigError(f"{root}: found no such folder; expected a BIDS folder")
    _sidecars.cache_clear()
    folders = _folders(root, "sub-")
    if not folders:
        raise ConfigError(
            f"{root}: found no sub-* folder; expected a BIDS folder with sub-*/[ses-*/]anat/*_FLAIR.nii.gz"
        )
    labels = clean_labels((folder.name for folder in folders), "sub-", str(root))
    scans: list[Scan] = []
    notes: list[str] = []
    without: list[str] = []
    for folder in folders:
        found = list(_subject_scans(folder, labels[folder.name], notes))
        scans += found
        if not found:
            without.append(labels[folder.name])
    if not scans:
        raise ConfigError(
            f"{root}: found no FLAIR scan for {len(folders)} subjects; expected sub-*/[ses-*/]anat/*_FLAIR.nii.gz"
            + "".join(f" ({note})" for note in notes[:1])
        )
    return Found(scans, without, notes)


def one_per_session(scans: Sequence[Scan]) -> tuple[list[Scan], list[str]]:
    """The first scan of each session in natural order of the file names' stems, and a remark for each that is left."""
    groups: dict[tuple[str, str], list[Scan]] = defaultdict(list)
    for scan in scans:
        groups[scan.subject, scan.session].append(scan)
    chosen, notes = [], []
    for group in groups.values():
        # Without the suffix, so that a plain `sub-01_ses-1` comes before `sub-01_ses-1_acq-x`.
        first, *others = sorted(group, key=lambda scan: natural_key(scan.path.name.rpartition("_")[0]))
        chosen.append(first)
        if others:
            left = ", ".join(scan.path.name for scan in others)
            notes.append(f"{first.path.name} is used; the same session also has {left}")
    return chosen, notes


def date_sources(root: Path, scans: Sequence[Scan]) -> list[tuple[str, dict[str, datetime]]]:
    """The dates of one subject's sessions, by clean label, from each place where BIDS keeps them.

    In order of preference: ``sub-X_sessions.tsv``, ``sub-X[_ses-Y]_scans.tsv``, JSON sidecars.
    """
    folder = _subject_folder(root, scans[0])
    sessions = {
        clean_label(row.get("session_id", ""), "ses-"): moment
        for row in _rows(folder / f"{folder.name}_sessions.tsv")
        if (moment := parse_date(row.get("acq_time")))
    }
    by_scan = {scan.session: moment for scan in scans if (moment := _scans_tsv_date(scan))}
    by_sidecar = {scan.session: moment for scan in scans if (moment := sidecar_date(sidecar(root, scan)))}
    return [(f"{folder.name}_sessions.tsv", sessions), ("scans.tsv", by_scan), ("JSON sidecars", by_sidecar)]


def sidecar(root: Path, scan: Scan) -> dict[str, object]:
    """The scan's JSON metadata with inheritance: files nearer to the scan, and with more entities, win.

    A sidecar that is no JSON object is left out.
    """
    folders = [scan.path.parent]
    while folders[-1] != root and folders[-1] != folders[-1].parent:
        folders.append(folders[-1].parent)
    merged: dict[str, object] = {}
    for folder in reversed(folders):
        for name in _sidecars(folder):
            parts = parse_name(name)
            if parts is not None and parts.entities.items() <= scan.name.entities.items():
                merged.update(_json_object(folder / name))
    return merged


def _subject_scans(folder: Path, subject: str, notes: list[str]) -> Iterator[Scan]:
    sessions = _folders(folder, "ses-")
    labels = clean_labels((session.name for session in sessions), "ses-", str(folder))
    for session in sorted(sessions, key=lambda session: natural_key(session.name)):
        yield from _folder_scans(session / "anat", folder.name, subject, session.name, labels[session.name], notes)
    loose = list(_folder_scans(folder / "anat", folder.name, subject, "", "", notes))
    if sessions and loose:
        notes.append(f"{folder.name}/anat is left out: the subject also has ses-* folders")
    else:
        yield from loose


def _folder_scans(
    anat: Path, subject_folder: str, subject: str, session_folder: str, session: str, notes: list[str]
) -> Iterator[Scan]:
    expected = "_".join(filter(None, [subject_folder, session_folder]))
    for path in sorted(_children(anat), key=lambda path: natural_key(path.name)):
        if path.name.startswith(".") or not path.name.endswith(tuple(f"_FLAIR{end}" for end in EXTENSIONS)):
            continue
        name = parse_name(path.name)
        if (
            name is None
            or f"sub-{name.entities.get('sub')}" != subject_folder
            or (session_folder.removeprefix("ses-") != name.entities.get("ses", ""))
        ):
            notes.append(f"{path.name} is left out: in its folder a name is expected to start with {expected}_")
        elif name.entities.get("part") in _NO_MAGNITUDE:
            notes.append(f"{path.name} is left out: it is no magnitude image")
        else:
            yield Scan(subject, session, path, name)


def _subject_folder(root: Path, scan: Scan) -> Path:
    return root / f"sub-{scan.name.entities['sub']}"


def _scans_tsv_date(scan: Scan) -> datetime | None:
    session = scan.path.parent.parent
    names = [f"{key}-{scan.name.entities[key]}" for key in ("sub", "ses") if key in scan.name.entities]
    for row in _rows(session / f"{'_'.join(names)}_scans.tsv"):
        if row.get("filename") == f"anat/{scan.path.name}":
            return parse_date(row.get("acq_time"))
    return None


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with open(path, encoding="utf-8-sig", newline="") as stream:
            rows = csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE, restval="")
            return [{key: value for key, value in row.items() if isinstance(key, str)} for row in rows]
    except (OSError, UnicodeDecodeError):
        return []


def _json_object(path: Path) -> Mapping[str, object]:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


@lru_cache(maxsize=64)
def _sidecars(folder: Path) -> tuple[str, ...]:
    names = [path.name for path in _children(folder) if path.name.endswith("FLAIR.json")]
    return tuple(sorted(names, key=lambda name: (name.count("_"), natural_key(name))))


def _folders(parent: Path, prefix: str) -> list[Path]:
    found = [path for path in _children(parent) if path.name.startswith(prefix) and path.is_dir()]
    return sorted(found, key=lambda path: natural_key(path.name))


def _children(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise ConfigError(
            f"{folder}: found a folder that cannot be listed ({error.strerror}); expected one that can"
        ) from error
