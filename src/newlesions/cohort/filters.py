"""Choosing part of a cohort: by participant, by session, by a BIDS filter file. Each says what it kept and dropped."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from newlesions.cohort.bids import Scan
from newlesions.cohort.labels import clean_label, listing, natural_key
from newlesions.errors import ConfigError

# Long names of the BIDS specification, and the short ones of file names.
ENTITIES = {
    "subject": "sub", "session": "ses", "sample": "sample", "task": "task", "acquisition": "acq", "ceagent": "ce",
    "staining": "stain", "tracer": "trc", "reconstruction": "rec", "direction": "dir", "run": "run",
    "modality": "mod", "echo": "echo", "flip": "flip", "inv": "inv", "inversion": "inv", "mt": "mt",
    "mtransfer": "mt", "part": "part", "processing": "proc", "proc": "proc", "hemisphere": "hemi", "space": "space",
    "split": "split", "recording": "recording", "chunk": "chunk", "segmentation": "seg", "resolution": "res",
    "res": "res", "density": "den", "label": "label", "description": "desc", "desc": "desc",
}  # fmt: skip
_INDICES = frozenset({"run", "echo", "flip", "inv", "split", "chunk"})
_FILE = ("suffix", "extension", "datatype")


@dataclass(frozen=True)
class FilterEcho:
    """What one filter did: its ``name`` and ``value`` as given, how many ``unit`` it kept, which it dropped."""

    name: str
    value: str
    kept: int
    dropped: list[str]
    unit: str


class _HasSubject(Protocol):
    @property
    def subject(self) -> str: ...


T = TypeVar("T", bound=_HasSubject)


def by_participant(items: Sequence[T], labels: Sequence[str]) -> tuple[list[T], FilterEcho]:
    """Keep the subjects named in ``labels``, with or without ``sub-``.

    Raises
    ------
    ConfigError
        If a label names no subject; the message lists those that exist.
    """
    existing = {item.subject for item in items}
    wanted = _wanted("--participant-label", labels, "sub-", existing)
    kept = [item for item in items if item.subject in wanted]
    dropped = [f"sub-{label}" for label in sorted(existing - wanted, key=natural_key)]
    return kept, FilterEcho("participant-label", " ".join(labels), len(wanted), dropped, "subjects")


def by_session(
    items: Sequence[T], labels: Sequence[str], sessions: Callable[[T], Sequence[str]], unit: str
) -> tuple[list[T], FilterEcho]:
    """Keep what has only sessions named in ``labels``, with or without ``ses-``.

    Parameters
    ----------
    items
        Scans, or pairs.
    labels
        Session labels.
    sessions
        The session labels of an item: one of a scan, two of a pair. The last one names it.
    unit
        What the items are called in the echo.

    Raises
    ------
    ConfigError
        If a label names no session of any subject; the message lists those that exist.
    """
    existing = {label for item in items for label in sessions(item) if label}
    wanted = _wanted("--session-label", labels, "ses-", existing)
    kept = [item for item in items if wanted.issuperset(sessions(item))]
    dropped = {
        "_".join([f"sub-{item.subject}", *(f"ses-{label}" for label in sessions(item)[-1:] if label)])
        for item in items
        if not wanted.issuperset(sessions(item))
    }
    echo = FilterEcho("session-label", " ".join(labels), len(kept), sorted(dropped, key=natural_key), unit)
    return kept, echo


def by_filter_file(scans: Sequence[Scan], path: Path) -> tuple[list[Scan], FilterEcho, list[str]]:
    """Keep the scans that the ``flair`` entry of a BIDS filter file (as fMRIPrep's) describes.

    A value is text, a number, a list of such (any may fit), null (the entity must be absent) or ``"*"`` (present).

    Returns
    -------
    tuple
        Scans, echo, and remarks on entries that have no bearing on FLAIR.

    Raises
    ------
    ConfigError
        If the file is no such JSON, names an unknown entity, or fits no scan.
    """
    query, notes = read_filter_file(path)
    value = json.dumps({"flair": query}, ensure_ascii=False)
    kept = list(scans)
    for entity, expected in query.items():
        values = expected if isinstance(expected, list) else [expected]
        fitting = [scan for scan in kept if any(_fits(scan, entity, each) for each in values)]
        if not fitting:
            existing = listing(str(_value(scan, entity) or "(absent)") for scan in kept)
            raise ConfigError(
                f"{path}: found {json.dumps(expected)} for {entity!r}, which fits no FLAIR scan; "
                f"expected one of {existing}"
            )
        kept = fitting
    left = {scan.path for scan in kept}
    dropped = [scan.path.name for scan in scans if scan.path not in left]
    return kept, FilterEcho("bids-filter-file", value, len(kept), dropped, "scans"), notes


def read_filter_file(path: Path) -> tuple[dict[str, object], list[str]]:
    """The ``flair`` entry of a BIDS filter file, and a remark if there are other entries.

    Raises
    ------
    ConfigError
        As `by_filter_file`.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path}: found no readable file ({error.strerror}); expected a BIDS filter file") from error
    except ValueError as error:
        raise ConfigError(f"{path}: found no valid JSON ({error}); expected a BIDS filter file") from error
    query = content.get("flair") if isinstance(content, dict) else None
    if not isinstance(query, dict):
        found = listing(content) if isinstance(content, dict) else type(content).__name__
        raise ConfigError(f'{path}: found {found}; expected an entry like {{"flair": {{"acquisition": "3D"}}}}')
    known = {*ENTITIES, *ENTITIES.values(), *_FILE}
    for entity, expected in query.items():
        if entity not in known:
            raise ConfigError(f"{path}: found the entity {entity!r}; expected one of {listing(known, 60)}")
        values = expected if isinstance(expected, list) else [expected]
        if not values or not all(each is None or type(each) in (str, int) for each in values):
            raise ConfigError(
                f"{path}: found {json.dumps(expected)} for {entity!r}; "
                "expected text, a whole number, null or a list of these"
            )
    others = [key for key in content if key != "flair"]
    return query, [f"{path.name}: only the entry 'flair' is used, not {listing(others)}"] if others else []


def _wanted(option: str, labels: Sequence[str], prefix: str, existing: set[str]) -> set[str]:
    wanted = {label: clean_label(label, prefix) for label in labels}
    unknown = [label for label, clean in wanted.items() if clean not in existing]
    if unknown:
        raise ConfigError(
            f"{option}: found {', '.join(unknown)}, which matches nothing; expected some of {listing(existing)}"
        )
    return set(wanted.values())


def _value(scan: Scan, entity: str) -> str | None:
    """The scan's value of an entity, by its long or short name, or of a part of its file name."""
    if entity in _FILE:
        return {"suffix": scan.name.suffix, "extension": scan.name.extension, "datatype": scan.path.parent.name}[entity]
    return scan.name.entities.get(ENTITIES.get(entity, entity))


def _fits(scan: Scan, entity: str, expected: object) -> bool:
    value = _value(scan, entity)
    if value is None or expected is None:
        return value is None and expected is None
    if expected == "*":
        return True
    key = ENTITIES.get(entity, entity)
    wanted = str(expected)
    if key in _INDICES and value.isdecimal() and wanted.isdecimal():
        return int(value) == int(wanted)
    if entity == "extension":
        return value.removeprefix(".") == wanted.removeprefix(".")
    if key in ("sub", "ses"):
        return clean_label(value) == clean_label(wanted, f"{key}-")
    return value == wanted


def describe_filter(echo: Mapping[str, object] | FilterEcho) -> str:
    """One line: what the filter kept and what it dropped."""
    values = echo if isinstance(echo, Mapping) else vars(echo)
    dropped = values["dropped"]
    names = list(dropped) if isinstance(dropped, list) else []
    end = f", dropped {len(names)}: {listing(names, 10)}" if names else ", dropped none"
    unit = str(values["unit"]).removesuffix("s" if values["kept"] == 1 else "")
    return f"--{values['name']} {values['value']}: kept {values['kept']} {unit}{end}"
