"""``newlesions demo``: a small cohort with known new lesions, from nothing to its report."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from newlesions import cli
from newlesions.cli import DONE, SOME_FAILED
from newlesions.cohort.outcome import DONE as PAIR_DONE
from newlesions.cohort.results import cohort_files
from newlesions.report.tables import read_rows

_EXPECTED = {"sub-broken_ses-M12"}


def command(args: argparse.Namespace) -> int:
    """Simulate the cohort unless it is there, run the workflow on it, and say whether it went as it should."""
    folder = Path(args.folder)
    bids, out = folder / "bids", folder / "derivatives"
    if not bids.is_dir():
        _simulate(bids)
    references = bids / "derivatives" / "reference"
    words = ["run", str(bids), str(out), *(["--cores", args.cores] if args.cores else [])]
    words += ["--references", str(references)] if references.is_dir() else []
    code = cli.main(words)
    if code not in (DONE, SOME_FAILED):
        return code
    failed = {row["pair"] for row in read_rows(cohort_files(out)["table"]) if row["status"] != PAIR_DONE}
    if failed != _EXPECTED:
        print(f"\nThe demo went wrong: expected that {', '.join(_EXPECTED)} fails, and no other.", file=sys.stderr)
        return SOME_FAILED
    print("\nThat one pair fails is right: its follow-up was cut in half on purpose. The demo passed.")
    return DONE


def _simulate(bids: Path) -> None:
    from newlesions.simulate.demo import write_demo

    print(f"simulating a cohort in {bids} ...", flush=True)
    unfinished = bids.with_name(".simulating")
    shutil.rmtree(unfinished, ignore_errors=True)
    write_demo(unfinished)
    unfinished.rename(bids)
