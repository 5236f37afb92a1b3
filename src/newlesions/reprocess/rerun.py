"""A few pairs again, from their scans and what provenance.json says, to see whether the same bytes come out."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from newlesions.cohort.outcome import DONE
from newlesions.cohort.pairs import Pair
from newlesions.cohort.pairs_table import write_pairs
from newlesions.cohort.results import score_files
from newlesions.cohort.visits import visits_of
from newlesions.images.files import sha256, write_json
from newlesions.report.tables import read_rows
from newlesions.reprocess.circumstances import run_configuration
from newlesions.reprocess.digests import relocated_pair
from newlesions.reprocess.findings import CHANGED, FAILED, MISSING, UNEXPECTED, Check, Finding
from newlesions.reprocess.release import Release

RERUN = "rerun"

_PAGE = ".html"


@dataclass(frozen=True)
class Plan:
    """The pairs to run again, with the files that a run takes: the pairs table, settings, the recipe."""

    pairs: Sequence[Pair]
    table: Path
    configuration: Path
    recipe: Path
    out: Path

    def words(self) -> list[str]:
        """The arguments of `newlesions` that run it."""
        options = ["--layout", "table", "--configfile", str(self.configuration), "--recipe", str(self.recipe)]
        return ["run", str(self.table), str(self.out), *options]


def sample(release: Release, size: int, seed: int, unusable: Collection[str]) -> list[str]:
    """``size`` of the finished pairs but the ``unusable`` ones, in the table's order; equal seeds draw equal pairs."""
    pool = [pair for pair in release.done() if pair not in unusable]
    drawn = set(random.Random(seed).sample(sorted(pool), min(size, len(pool))))
    return [pair for pair in pool if pair in drawn]


def unusable_pairs(release: Release, inputs: Check) -> set[str]:
    """The pairs whose scans or masks are not what they were, by what the check of the inputs found."""
    bad = {finding.name.partition(":")[0] for finding in inputs.faults}
    unusable = set()
    for name, pair in release.pairs.items():
        owners = {f"sub-{visit.subject}_ses-{visit.session}" for visit in visits_of([pair]).values()}
        if bad & {name, *owners}:
            unusable.add(name)
    return unusable


def prepare(release: Release, names: Sequence[str], model: str | None, moved: Mapping[str, str], folder: Path) -> Plan:
    """Write what a run of the pairs ``names`` needs into ``folder``, as provenance.json and the pairs table tell it."""
    pairs = [relocated_pair(release.pairs[name], moved) for name in names]
    plan = Plan(pairs, folder / "pairs.tsv", folder / "settings.yaml", folder / "recipe.yaml", folder / "out")
    write_pairs(plan.table, pairs)
    write_json(plan.configuration, _configuration(release, model))
    write_json(plan.recipe, release.provenance["recipe"])
    return plan


def _configuration(release: Release, model: str | None) -> dict[str, Any]:
    """The recorded settings, over everything; of the machine's own only what jobs of networks run on."""
    recorded = dict(release.provenance["settings"])
    before = run_configuration(release.folder) or {}
    machine = {"networks": before["networks"]} if "networks" in before else {}
    return {"keep_work": False, **machine, "override": recorded | {"refine": {"model": model}}}


def compare(release: Release, plan: Plan, with_pages: bool) -> Check:
    """The files and rows of each pair of ``plan``, which was run, against those that were recorded.

    Pages tell the version that made them; ``with_pages`` says whether they are compared.
    """
    rows = _rows(plan.out / "newlesions.tsv")
    scores = _rows(score_files(plan.out)["table"]), _rows(score_files(release.folder)["table"])
    findings: list[Finding] = []
    checked = 0
    for pair in plan.pairs:
        row = rows.get(pair.pair, {})
        if row.get("status") != DONE:
            findings.append(Finding(RERUN, FAILED, pair.pair, DONE, row.get("reason", "it was not reached")))
            checked += 1
            continue
        expected = {name: digest for name, digest in release.files_of(pair).items() if with_pages or not _is_page(name)}
        findings += _files(expected, plan.out, pair, with_pages)
        findings += _row(f"newlesions.tsv: {pair.pair}", release.rows[pair.pair], row)
        findings += _row(f"scores.tsv: {pair.pair}", scores[1].get(pair.pair, {}), scores[0].get(pair.pair, {}))
        checked += len(expected) + 1 + (pair.pair in scores[1])
    return Check(RERUN, checked, findings)


def _files(expected: Mapping[str, str], out: Path, pair: Pair, with_pages: bool) -> list[Finding]:
    folder = out / f"sub-{pair.subject}"
    there = {path.relative_to(out).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    made = {name: sha256(path) for name, path in there.items() if with_pages or not _is_page(name)}
    found = []
    for name in sorted(expected.keys() | made.keys()):
        state = MISSING if name not in made else UNEXPECTED if name not in expected else CHANGED
        if expected.get(name) != made.get(name):
            found.append(Finding(RERUN, state, name, expected.get(name, ""), made.get(name, "")))
    return found


def _row(name: str, expected: Mapping[str, str], found: Mapping[str, str]) -> list[Finding]:
    columns = [column for column in {**expected, **found} if expected.get(column) != found.get(column)]
    return [
        Finding(RERUN, CHANGED, f"{name}, {column}", expected.get(column, ""), found.get(column, ""))
        for column in columns
    ]


def _is_page(name: str) -> bool:
    return name.endswith(_PAGE)


def _rows(path: Path) -> dict[str, dict[str, str]]:
    return {row["pair"]: row for row in read_rows(path)} if path.is_file() else {}
