"""The files of a results folder and of its inputs against the digests that were recorded."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from newlesions.cohort.outcome import DONE
from newlesions.cohort.pairs import Pair, join_raters
from newlesions.cohort.results import DIGEST_LIST
from newlesions.cohort.visits import visits_of
from newlesions.images.files import sha256
from newlesions.reprocess.findings import CHANGED, FAILED, MISSING, OTHER, UNEXPECTED, Check, Finding
from newlesions.reprocess.release import Release

OUTPUTS, INPUTS, PAIRS = "outputs", "inputs", "pairs"

_NOT_LISTED = {"pairs.tsv", "provenance.json", DIGEST_LIST}
"""The pairs table holds paths of this machine; `check_pairs` compares what it says."""

Progress = Callable[[int, int], None]

_AT_ONCE = 500
"""Files that are given out to be read before the next ones are."""


def check_outputs(release: Release, cores: int, progress: Progress | None = None) -> Check:
    """Every file of the list of digests, the list itself, and files that are in no list."""
    recorded = release.provenance["outputs"]
    findings = []
    if release.digests is None:
        state = MISSING if release.why == MISSING else CHANGED
        findings.append(
            Finding(OUTPUTS, state, DIGEST_LIST, recorded["sha256"], "" if state == MISSING else release.why)
        )
        return Check(OUTPUTS, 1, findings)
    found = sha256(release.folder / DIGEST_LIST)
    if found != recorded["sha256"]:
        findings.append(Finding(OUTPUTS, CHANGED, DIGEST_LIST, recorded["sha256"], found))
    findings += _compare(OUTPUTS, release.digests, release.folder, cores, progress)
    findings += [
        Finding(OUTPUTS, UNEXPECTED, name, found="not made by the last run")
        for name in _published(release.folder)
        if name not in release.digests and name not in _NOT_LISTED
    ]
    return Check(OUTPUTS, len(release.digests) + 1, findings)


def check_pairs(release: Release) -> Check:
    """The pairs table and the cohort's table against the pairs and scans that provenance.json names."""
    recorded = {entry["pair"]: (entry["baseline"], entry["followup"]) for entry in release.provenance["pairs"]}
    now = {name: (pair.baseline_session, pair.followup_session) for name, pair in release.pairs.items()}
    scans = {(scan["subject"], scan["session"]): scan["sha256"] for scan in release.provenance["inputs"]}
    findings = []
    for name in sorted(recorded.keys() | now.keys()):
        if recorded.get(name) != now.get(name):
            then, here = (" to ".join(side[name]) if name in side else "absent" for side in (recorded, now))
            findings.append(Finding(PAIRS, CHANGED, f"pairs.tsv: {name}", then, here))
    findings += [
        Finding(PAIRS, CHANGED, f"pairs.tsv: sub-{visit.subject}_ses-{visit.session}", expected, visit.sha256)
        for key, visit in visits_of(release.pairs.values()).items()
        if (expected := scans.get(key, visit.sha256)) != visit.sha256
    ]
    return Check(PAIRS, len(recorded), findings)


def check_inputs(release: Release, moved: Mapping[str, str], cores: int, progress: Progress | None = None) -> Check:
    """Every scan, brain mask and reference. ``moved`` has folders of now by those of then."""
    digests, places = _inputs(release)
    paths = {name: Path(relocated(places[name], moved)) for name in digests if name in places}
    unplaced = [
        Finding(INPUTS, MISSING, name, digests[name], "not in pairs.tsv") for name in digests.keys() - paths.keys()
    ]
    known = {name: digest for name, digest in digests.items() if name in paths}
    return Check(INPUTS, len(digests), [*sorted(unplaced, key=str), *_compare(INPUTS, known, paths, cores, progress)])


def _inputs(release: Release) -> tuple[dict[str, str], dict[str, str]]:
    """The recorded digests of the inputs, and their paths in the pairs table, by a name that tells whose they are."""
    digests, places = {}, {}
    visits = visits_of(release.pairs.values())
    for entry in release.provenance["inputs"]:
        owner = f"sub-{entry['subject']}_ses-{entry['session']}"
        visit = visits.get((entry["subject"], entry["session"]))
        brain = entry.get("brain")
        named = [(entry["scan"], entry["sha256"], visit and visit.scan)]
        named += [(brain["file"], brain.get("sha256", ""), visit and visit.brain)] if brain else []
        for file, digest, path in named:
            name = f"{owner}: {file}"
            digests[name] = digest
            if path:
                places[name] = path
    for entry in release.provenance["pairs"]:
        pair = release.pairs.get(entry["pair"])
        paths = pair.references if pair else []
        for at, reference in enumerate(entry.get("references", ())):
            name = f"{entry['pair']}: reference {reference['file']}"
            digests[name] = reference.get("sha256", "")
            if at < len(paths):
                places[name] = paths[at]
    return digests, places


def relocated(path: str, moved: Mapping[str, str]) -> str:
    """``path`` with the first of the ``moved`` folders that it lies in replaced.

    >>> relocated("/old/bids/a.nii", {"/old": "/mnt/archive"})
    '/mnt/archive/bids/a.nii'
    """
    for old, new in moved.items():
        if Path(path).is_relative_to(old):
            return str(Path(new) / Path(path).relative_to(old))
    return path


def relocated_pair(pair: Pair, moved: Mapping[str, str]) -> Pair:
    """``pair`` with all its paths `relocated`."""
    columns = (
        "baseline", "followup", "baseline_brain", "followup_brain", "reference", "gone_reference", "baseline_lesions",
        "followup_lesions",
    )  # fmt: skip
    values = {column: relocated(path, moved) for column in columns if (path := getattr(pair, column))}
    raters = {name: relocated(path, moved) for name, path in pair.rater_masks.items()}
    return pair.with_values(**values, raters=join_raters(raters))


def _compare(
    about: str, digests: Mapping[str, str], where: Path | Mapping[str, Path], cores: int, progress: Progress | None
) -> list[Finding]:
    """What is missing or changed of the named files, in the order of their names. Hashing releases Python's lock."""
    names = sorted(digests)
    paths = [where / name if isinstance(where, Path) else where[name] for name in names]
    findings = []
    with ThreadPoolExecutor(max(1, cores)) as pool:
        for start in range(0, len(names), _AT_ONCE):
            some = slice(start, start + _AT_ONCE)
            for name, found in zip(names[some], pool.map(_digest, paths[some]), strict=True):
                finding = _judge(about, name, digests[name], found)
                if finding:
                    findings.append(finding)
            if progress:
                progress(min(start + _AT_ONCE, len(names)), len(names))
    return findings


def _judge(about: str, name: str, expected: str, found: str | None) -> Finding | None:
    if found is None:
        # What could not be read when it was made cost its pair the result, which the cohort's table tells.
        return Finding(about, MISSING, name, expected) if expected else None
    if not expected:
        return Finding(about, OTHER, name, "could not be read", found, remark=True)
    return None if found == expected else Finding(about, CHANGED, name, expected, found)


def _digest(path: Path) -> str | None:
    try:
        return sha256(path)
    except OSError:
        return None


def _published(folder: Path) -> Iterator[str]:
    """Every file of a results folder but those between the steps and those of hidden folders, sorted by path."""
    names: list[str] = []
    for root, folders, files in os.walk(folder):
        here = Path(root).relative_to(folder)
        top = here == Path()
        folders[:] = [name for name in folders if not (top and (name == "work" or name.startswith(".")))]
        names += [(here / name).as_posix() for name in files]
    yield from sorted(names)


def failed_pairs(release: Release) -> Sequence[Finding]:
    """The pairs that the run did not finish, as remarks."""
    return [
        Finding(PAIRS, FAILED, name, found=row["reason"], remark=True)
        for name, row in release.rows.items()
        if row["status"] != DONE
    ]
