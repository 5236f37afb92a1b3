"""``newlesions dicom``: from a folder of DICOM files to a BIDS folder of FLAIR scans."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from newlesions.cli import DONE, SOME_FAILED
from newlesions.dicom.convert import convert
from newlesions.dicom.headers import read_series
from newlesions.dicom.needs import require
from newlesions.dicom.plan import Scan, make_plan
from newlesions.dicom.table import read_table, write_key
from newlesions.dicom.write_bids import check_target, remove_outdated, write_description, write_scan, write_tables
from newlesions.errors import ConfigError, InputError

_NEEDS = ("pydicom", "nipype", "dcm2niix")


def command(args: argparse.Namespace) -> int:
    """Choose a FLAIR for each patient and study date, convert it, and tell what could not be used."""
    require("newlesions dicom", *(_NEEDS[:1] if args.dry_run else _NEEDS))
    source, bids = Path(args.dicom_dir), Path(args.output).absolute()
    if not source.is_dir():
        raise ConfigError(f"{source}: found no such folder; expected a folder of DICOM files")
    check_target(bids)
    key = _key_file(args.key, bids)
    known = read_table(key) if key.is_file() else []
    table = read_table(Path(args.table)) if args.table else []
    found = read_series(source)
    if not found.series:
        raise ConfigError(f"{source}: found no MR images in DICOM files; expected some")
    plan = make_plan(found.series, table, known)
    problems = [*found.faults, *plan.problems]
    for problem in problems:
        print(f"newlesions: {problem}", file=sys.stderr)
    if args.dry_run:
        print("\n".join(f"{scan.stem}: series {scan.series.name}, study of {scan.series.date}" for scan in plan.scans))
        return SOME_FAILED if problems else DONE
    write_description(bids)
    remove_outdated(bids, known, plan.key)
    write_key(key, plan.key)
    failed = sum(not _convert(bids, scan) for scan in plan.scans)
    write_tables(bids, plan.key)
    print(f"{len(plan.scans) - failed} scans in {bids}; who is who stands in {key}, which is not for others")
    return SOME_FAILED if failed or problems else DONE


def _key_file(given: str | None, bids: Path) -> Path:
    """Where the key lies: beside the BIDS folder, unless told otherwise; never in it."""
    key = Path(given).absolute() if given else bids.with_name(f"{bids.name}_key.tsv")
    if key.is_relative_to(bids):
        raise ConfigError(f"--key {key}: found a place inside {bids}; expected one outside, since it tells who is who")
    return key


def _convert(bids: Path, scan: Scan) -> bool:
    """Write a scan that is not there yet; False if it cannot be converted."""
    if not (bids / scan.image).is_file():
        try:
            write_scan(bids, scan, *convert(scan.stack))
        except InputError as error:
            print(f"newlesions: {scan.stem}: {error}", file=sys.stderr)
            return False
    print(f"{scan.stem}: series {scan.series.name}, {len(scan.stack.planes)} slices", flush=True)
    return True
