"""``newlesions report``: the page of a pair, again, or as PDF."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from newlesions.cli import DONE, SOME_FAILED
from newlesions.cohort.pairs import Pair
from newlesions.cohort.pairs_table import read_pairs
from newlesions.cohort.results import page_file, work_folder
from newlesions.commands.chosen import chosen_pairs
from newlesions.errors import ConfigError
from newlesions.steps.adapter import replay


def command(args: argparse.Namespace) -> int:
    """Repeat the step `report` of the named pairs, or of all that reached it; or print the pages that are there."""
    out = Path(args.out_dir).absolute()
    chosen = chosen_pairs(out, read_pairs(out / "pairs.tsv"), args.pairs, args.participant_label)
    if args.pdf:
        return _print_pages(out, chosen, named=bool(args.pairs or args.participant_label))
    logs = work_folder(out) / "logs" / "report"
    reached = [pair for pair in chosen if (logs / f"{pair.pair}.log").is_file()]
    if not reached:
        raise ConfigError(f"{logs}: found no pair that reached its report; expected the results of a finished run")
    os.chdir(out)  # the workflow runs there, and a step's paths are relative to it
    codes = [replay(logs / f"{pair.pair}.log") for pair in reached]
    print("\n".join(str(page_file(out, pair)) for pair in reached))
    return max(codes, default=DONE)


def _print_pages(out: Path, chosen: Sequence[Pair], *, named: bool) -> int:
    """Write the PDF beside each page. Pairs without a page are told where they were ``named``."""
    from newlesions.report.pdf import find_browser, write_pdf

    browser = find_browser()
    there = [pair for pair in chosen if page_file(out, pair).is_file()]
    if not there:
        raise ConfigError(f"{out}: found no page of these pairs; expected the results of a finished run")
    for pair in there:
        page = page_file(out, pair)
        write_pdf(page, page.with_suffix(".pdf"), browser)
        print(page.with_suffix(".pdf"), flush=True)
    missing = [pair.pair for pair in chosen if pair not in there] if named else []
    for name in missing:
        print(f"newlesions: {name}: found no page; expected one, as of a pair that is done", file=sys.stderr)
    return SOME_FAILED if missing else DONE
