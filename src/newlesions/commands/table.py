"""``newlesions table``: the cohort's table and page, again."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from newlesions import settings
from newlesions.cli import DONE, SOME_FAILED
from newlesions.cohort.pairs_table import read_pairs
from newlesions.cohort.results import cohort_files, config_file, score_files
from newlesions.commands.results_table import print_results
from newlesions.errors import ConfigError
from newlesions.steps.scores import scores
from newlesions.steps.table import table


def command(args: argparse.Namespace) -> int:
    """Write the files about the cohort from what its pairs left, and print the table."""
    out = Path(args.out_dir)
    write_table(out)
    return SOME_FAILED if print_results(out) else DONE


def write_table(out: Path) -> None:
    """Write the files about the cohort in ``out`` from what its pairs left."""
    files: dict[str, Any] = {**cohort_files(out)}
    pairs, held = out / "pairs.tsv", run_settings(out)
    if any(pair.reference for pair in read_pairs(pairs)):
        files_of_scores: dict[str, Any] = {**score_files(out)}
        scores(pairs=pairs, model=held["refine"]["model"], **files_of_scores)
    table(pairs=pairs, settings=held, **files)


def run_settings(out: Path) -> dict[str, Any]:
    """The settings of the run that made ``out``."""
    path = config_file(out)
    if not path.is_file():
        raise ConfigError(f"{path}: found no such file; expected the results folder of a `newlesions run`")
    return settings.settle(json.loads(path.read_text(encoding="utf-8")))
