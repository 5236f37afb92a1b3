"""``newlesions report``: the page of a pair, again."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from newlesions.cli import DONE
from newlesions.cohort.pairs_table import read_pairs
from newlesions.cohort.results import page_file, work_folder
from newlesions.errors import ConfigError
from newlesions.steps.adapter import replay


def command(args: argparse.Namespace) -> int:
    """Repeat the step `report` of the named pairs, or of all that reached it."""
    out = Path(args.out_dir).absolute()
    known = {pair.pair: pair for pair in read_pairs(out / "pairs.tsv")}
    unknown = [name for name in args.pairs if name not in known]
    if unknown:
        raise ConfigError(f"{', '.join(unknown)}: found no such pair in {out}; expected some of {', '.join(known)}")
    logs = work_folder(out) / "logs" / "report"
    reached = [name for name in args.pairs or known if (logs / f"{name}.log").is_file()]
    if not reached:
        raise ConfigError(f"{logs}: found no pair that reached its report; expected the results of a finished run")
    os.chdir(out)  # the workflow runs there, and a step's paths are relative to it
    codes = [replay(logs / f"{name}.log") for name in reached]
    print("\n".join(str(page_file(out, known[name])) for name in reached))
    return max(codes, default=DONE)
