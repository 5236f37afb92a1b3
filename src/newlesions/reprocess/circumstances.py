"""What results depend on beside the scans: versions, shipped data, model, recipe and settings, then and now."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from newlesions import house, models, settings
from newlesions.cohort.results import config_file
from newlesions.errors import ConfigError
from newlesions.provenance import settings_told, shipped
from newlesions.reprocess.findings import CHANGED, MISSING, OTHER, Check, Finding
from newlesions.reprocess.release import Release
from newlesions.versions import versions

VERSIONS, WEIGHTS, SETTINGS = "versions", "weights", "settings"

_ABSENT = "absent"


def check_versions(release: Release) -> Check:
    """The versions that made each pair against those of now. All are remarks."""
    now = flat_versions(versions())
    used: Counter[tuple[str, str]] = Counter()
    for pair in release.provenance["pairs"]:
        made_with = [flat_versions(release.provenance["versions"][at]) for at in pair.get("made_with", ())]
        used.update({item for record in made_with for item in record.items()})
    names = sorted({name for name, _ in used} | now.keys()) if used else []
    findings = []
    for name in names:
        then = {version: count for (other, version), count in used.items() if other == name}
        if set(then) != {now.get(name)}:
            told = ", ".join(f"{version} ({_pairs(count)})" for version, count in sorted(then.items()))
            findings.append(Finding(VERSIONS, OTHER, name, told or _ABSENT, now.get(name, _ABSENT), remark=True))
    return Check(VERSIONS, len(names), findings)


def flat_versions(record: Mapping[str, Any]) -> dict[str, str]:
    """A record of versions by name, this package's among the libraries'."""
    return {"newlesions": record["newlesions"], **record["libraries"]}


def check_weights(release: Release, model: str | None) -> Check:
    """What the package ships, and the files of the model, against the digests of then."""
    recorded = dict(release.provenance["shipped"])
    found = shipped()
    held = release.provenance.get("model")
    if held:
        recorded |= {f"{held['name']}/{name}": digest for name, digest in held["files"].items()}
        try:
            files = models.digests(model) if model else {}
        except ConfigError:
            files = {}
        found |= {f"{held['name']}/{name}": digest for name, digest in files.items()}
    findings = [
        Finding(WEIGHTS, CHANGED if name in found else MISSING, name, digest, found.get(name, ""))
        for name, digest in sorted(recorded.items())
        if found.get(name) != digest
    ]
    return Check(WEIGHTS, len(recorded), findings)


def model_of(release: Release, given: str | None) -> str | None:
    """The model of the run: ``given``, or where the run had it, or the shipped one of its name. None: it had none."""
    held = release.provenance.get("model")
    if not held:
        return None
    if given:
        return given if given in house.models() else str(Path(given).absolute())
    if held["name"] in house.models():
        return str(held["name"])
    config = run_configuration(release.folder) or {}
    return config.get("override", {}).get("refine", {}).get("model")


def run_configuration(folder: Path) -> dict[str, Any] | None:
    """The configuration of the last run in ``folder``; None where ``work`` was removed."""
    path = config_file(folder)
    if not path.is_file():
        return None
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigError(f"{path}: found {error}; expected JSON, as a run wrote it") from error
    return content


def check_settings(release: Release) -> Check:
    """The recorded settings and recipe against what the same run would have now, where ``work`` is still there."""
    then = flat({"recipe": release.provenance["recipe"], **release.provenance["settings"]})
    config = run_configuration(release.folder)
    if config is None:
        finding = Finding(SETTINGS, MISSING, "work/config.json", found="work was removed", remark=True)
        return Check(SETTINGS, 0, [finding])
    try:
        settled = settings.merged({**settings.read_config(), **config, "training": False})
        now = flat({"recipe": settings.read_recipe(config["recipe"]), **settings_told(settled)})
    except (ConfigError, KeyError) as error:
        return Check(SETTINGS, len(then), [Finding(SETTINGS, CHANGED, "work/config.json", found=str(error))])
    # What model a run had is told by its weights; a recipe may leave it to the shipped one of its name.
    findings = [Finding(SETTINGS, CHANGED, *row) for row in differences(then, now) if row[0] != "refine.model"]
    return Check(SETTINGS, len(then), findings)


def differences(then: Mapping[str, str], now: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """(name, value of then, value of now) where they differ; one that is not there is ``absent``."""
    names = sorted(then.keys() | now.keys())
    return [
        (name, then.get(name, _ABSENT), now.get(name, _ABSENT)) for name in names if then.get(name) != now.get(name)
    ]


def flat(content: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested values as JSON text by dotted name; lists are values.

    >>> flat({"a": {"b": 1, "c": [1, 2]}, "d": None})
    {'a.b': '1', 'a.c': '[1, 2]', 'd': 'null'}
    """
    values: dict[str, str] = {}
    for key, value in content.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            values |= flat(value, f"{name}.")
        else:
            values[name] = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return values


def _pairs(count: int) -> str:
    return f"{count} pair" if count == 1 else f"{count} pairs"
