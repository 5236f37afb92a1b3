"""``newlesions review apply``: what people marked on the pages of pairs, made into corrected masks and tables."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from newlesions.cli import DONE
from newlesions.cohort.pairs import Pair
from newlesions.cohort.pairs_table import read_pairs
from newlesions.cohort.results import page_file, work_folder
from newlesions.errors import ConfigError
from newlesions.images.files import write_text
from newlesions.report.review import Mark, read_marks, results_digest
from newlesions.report.tables import read_rows
from newlesions.steps.adapter import recorded_call
from newlesions.steps.review import review

_TABLE = "newlesions_reviewed.tsv"


def command(args: argparse.Namespace) -> int:
    """Check all tables, then write the corrected files of the pairs that they are about; print those pairs."""
    out = Path(args.out_dir).absolute()
    marks = read_marks([Path(path) for path in args.reviews])
    if not marks:
        raise ConfigError(f"{', '.join(args.reviews)}: found no mark and no comment; expected some")
    known = {pair.pair: pair for pair in read_pairs(out / "pairs.tsv")}
    for name, mine in marks.items():
        _check(out, known, name, mine)
    files = {name: _files(out, known[name]) for name in marks}  # all are known to be there before one is written
    rows = {name: review(marks[name], **files[name]) for name in marks}
    _write_table(out, known, rows)
    _describe(out, [known[name] for name in rows])
    for name, row in rows.items():
        print(f"{name}: {row['reject_count']} rejected; {row['new_count']} new lesions, {row['new_volume_mm3']} mm3")
        print(f"  {files[name]['out_mask']}")
    return DONE


def _check(out: Path, known: Mapping[str, Pair], name: str, marks: Mapping[str, Mark]) -> None:
    """That the pair, its results and each lesion are those of ``out``."""
    first = next(iter(marks.values()))
    if name not in known:
        raise ConfigError(f"{first.where}: found pair {name!r}; expected a pair of {out / 'pairs.tsv'}")
    table = _anat(out, known[name]) / f"{name}_desc-lesions_table.tsv"
    if not table.is_file():
        raise ConfigError(f"{table}: found no such file; expected the results of {name}")
    kinds = {row["id"]: row["kind"] for row in read_rows(table)}
    digest = results_digest(name, known[name].baseline_session, table)
    for mark in marks.values():
        if mark.results and mark.results != digest:
            raise ConfigError(
                f"{mark.where}: found a review of other results of {name} ({mark.results}); expected {digest}: "
                "the lesions have changed since"
            )
        if mark.id not in kinds or mark.kind not in ("", kinds[mark.id]):
            found = f"lesion {mark.id!r}" + (f" of kind {mark.kind!r}" if mark.kind else "")
            raise ConfigError(f"{mark.where}: found {found}; expected a lesion of {table}")


def _files(out: Path, pair: Pair) -> dict[str, Any]:
    """The arguments of the step `review` but the marks. What was worked on is as the pair's page recorded it."""
    log = work_folder(out) / "logs" / "report" / f"{pair.pair}.log"
    if not log.is_file():
        raise ConfigError(f"{log}: found no such file; expected a pair that reached its page")
    inputs = recorded_call(log)["inputs"]
    change, working = (out / inputs[name] for name in ("change", "working"))
    since = f"label-lesion_desc-{{}}Since{pair.baseline_session}"
    stem = _anat(out, pair) / pair.pair
    files = {
        "lesions": Path(f"{stem}_desc-lesions_table.tsv"),
        "change": change,
        "working": working,
        "dseg": Path(f"{stem}_space-orig_{since.format('change')}_dseg.nii.gz"),
        "out_mask": Path(f"{stem}_space-orig_{since.format('new')}reviewed_mask.nii.gz"),
        "out_dseg": Path(f"{stem}_space-orig_{since.format('change')}reviewed_dseg.nii.gz"),
        "out_halfway_mask": Path(f"{stem}_space-halfway_{since.format('new')}reviewed_mask.nii.gz"),
        "out_table": Path(f"{stem}_desc-lesionsreviewed_table.tsv"),
    }
    for name in ("change", "working", "dseg"):
        if not files[name].is_file():
            raise ConfigError(f"{files[name]}: found no such file; expected what the run left (keep_work: true)")
    return files


def _anat(out: Path, pair: Pair) -> Path:
    return page_file(out, pair).parent / f"ses-{pair.followup_session}" / "anat"


def _write_table(out: Path, known: Mapping[str, Pair], rows: Mapping[str, Mapping[str, Any]]) -> None:
    """One row per pair that was ever reviewed, in the order of pairs.tsv; those reviewed now replace earlier rows."""
    path = out / _TABLE
    earlier = {row["pair"]: row for row in read_rows(path)} if path.is_file() else {}
    columns = list(next(iter(rows.values())))
    merged = {name: {**earlier, **rows}[name] for name in known if name in earlier or name in rows}
    lines = [[name, *(str(values.get(column, "")) for column in columns)] for name, values in merged.items()]
    write_text(path, _text([["pair", *columns], *lines]))


def _describe(out: Path, pairs: Sequence[Pair]) -> None:
    """Add the labels of the corrected files to descriptions.tsv, where BIDS asks for them."""
    path = out / "descriptions.tsv"
    rows = {row["desc_id"]: row["description"] for row in read_rows(path)} if path.is_file() else {}
    rows["lesionsreviewed"] = "The table of lesions with what a person said of each."
    for pair in pairs:
        for kind in ("new", "change"):
            label = f"{kind}Since{pair.baseline_session}"
            rows[f"{label}reviewed"] = f"{label}, without the lesions that a person rejected."
    write_text(path, _text([["desc_id", "description"], *map(list, sorted(rows.items()))]))


def _text(rows: Sequence[Sequence[str]]) -> str:
    return "".join("\t".join(row) + "\n" for row in rows)
