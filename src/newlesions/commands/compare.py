"""``newlesions compare``: systems described, tested against each other and ranked, over their common pairs."""

from __future__ import annotations

import argparse
from pathlib import Path

from newlesions.cli import DONE
from newlesions.commands.results_table import aligned
from newlesions.errors import ConfigError
from newlesions.evaluate.compare import tables
from newlesions.evaluate.compare.bootstrap import Bootstrap
from newlesions.evaluate.compare.catalogue import POPULATIONS
from newlesions.evaluate.compare.comparison import Comparison, compare
from newlesions.evaluate.compare.markdown import summary
from newlesions.evaluate.compare.read import read_systems
from newlesions.evaluate.compare.text import percent
from newlesions.evaluate.compare.write import Written, write

_LEAST_RESAMPLES = 100
_WORDY = {"zeros", "how"}


def command(args: argparse.Namespace) -> int:
    """Compare the systems, write the files, and print what they say."""
    bootstrap = _bootstrap(args)
    comparison = compare(read_systems(args.systems), bootstrap, args.measures)
    _print(comparison, write(comparison, Path(args.out)))
    return DONE


def _bootstrap(args: argparse.Namespace) -> Bootstrap:
    if args.bootstrap < _LEAST_RESAMPLES:
        raise ConfigError(f"--bootstrap: found {args.bootstrap}; expected at least {_LEAST_RESAMPLES} resamples")
    if not 0 < args.confidence < 1:
        raise ConfigError(f"--confidence: found {args.confidence:g}; expected a number between 0 and 1, as 0.95")
    if args.seed < 0:
        raise ConfigError(f"--seed: found {args.seed}; expected 0 or more")
    return Bootstrap(args.bootstrap, args.seed, args.confidence)


def _print(comparison: Comparison, written: Written) -> None:
    print(summary(comparison))
    for note in written.notes:
        print(f"note: {note}")
    level = percent(comparison.bootstrap.confidence)
    for population, name in POPULATIONS.items():
        title = f"Mean over {name} [its {level} bootstrap interval]; n: pairs with a defined value"
        _print_table(title, tables.compact(comparison, population))
    title = "Paired Wilcoxon signed-rank tests, first - second (r: rank-biserial; Holm: over the tests of a measure)"
    _print_table(title, _without(tables.tests(comparison), _WORDY))
    _print_table("Ranking by mean; interval and chance from resampled cohorts", tables.ranking(comparison))
    print()
    for path in written.tables:
        print(f"{path.suffix[1:]:8}{path}")
    print(f"figures {len(written.figures) // 2} as SVG and PNG in {written.tables[0].parent}")


def _print_table(title: str, rows: tables.Rows) -> None:
    if len(rows) > 1:
        print(f"\n{title}\n{aligned(rows)}")


def _without(rows: tables.Rows, columns: set[str]) -> tables.Rows:
    kept = [at for at, name in enumerate(rows[0]) if name not in columns]
    return [[row[at] for at in kept] for row in rows]
