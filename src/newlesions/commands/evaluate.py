"""``newlesions evaluate``: the scores of one pair of masks, or of a table of pairs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from newlesions.cli import DONE, SOME_FAILED
from newlesions.errors import ConfigError
from newlesions.evaluate.cohort import evaluate_cohort, read_inputs
from newlesions.evaluate.forms import json_form, table_form, text_form, xml_form
from newlesions.evaluate.measures import DETECTION, MEASURES, SEGMENTATION, SURFACE, Thresholds
from newlesions.evaluate.pair import Inputs, Options, evaluate_pair
from newlesions.evaluate.regions import read_names
from newlesions.evaluate.scores import details_folder, write_scores
from newlesions.images.files import write_json, write_text
from newlesions.processes import cores_of

_PROGRESS_EVERY = 50
_PATTERNS = ("reference", "prediction", "probability")
"""Options that name one file, or with --pairs a file of each pair by the table's columns."""


def command(args: argparse.Namespace) -> int:
    """Score what the arguments name."""
    options = _options(args)
    if args.pairs:
        return _cohort(args, options)
    if not (args.reference and args.prediction):
        raise ConfigError("evaluate: found neither --pairs nor both --reference and --prediction; expected one of them")
    for name in ("out", "details"):
        if getattr(args, name):
            raise ConfigError(
                f"evaluate: found --{name} without --pairs; expected --json, --text or --xml for one pair"
            )
    return _one(args, options)


def _one(args: argparse.Namespace, options: Options) -> int:
    inputs = Inputs(
        Path(args.prediction).name,
        Path(args.reference),
        Path(args.prediction),
        probability=Path(args.probability) if args.probability else None,
        raters=_raters(args.rater),
        regions=Path(args.regions) if args.regions else None,
    )
    result = evaluate_pair(inputs, options)
    print(table_form(result))
    if args.json:
        write_json(args.json, json_form(result))
    if args.text:
        write_text(args.text, text_form(result["measures"]))
    if args.xml:
        write_text(args.xml, xml_form(result["measures"], Path(args.xml).name.removesuffix(".xml")))
    return DONE


def _cohort(args: argparse.Namespace, options: Options) -> int:
    for name in ("rater", "regions", "text", "xml"):
        if getattr(args, name):
            raise ConfigError(
                f"evaluate: found --{name} with --pairs; expected it as a column of the table, or not at all"
            )
    if not args.out:
        raise ConfigError("evaluate: found --pairs without --out; expected the table to write")
    patterns = {name: given for name in _PATTERNS if (given := getattr(args, name))}
    pairs, out = read_inputs(Path(args.pairs), patterns), Path(args.out)
    results, failed = [], []
    for number, outcome in enumerate(evaluate_cohort(pairs, options, cores_of(args.cores)), start=1):
        if outcome.result is None:
            failed.append(outcome)
            print(f"newlesions: {outcome.pair}: {outcome.reason}", file=sys.stderr)
        else:
            results.append(outcome.result)
        if number % _PROGRESS_EVERY == 0 and number < len(pairs):
            print(f"{number} of {len(pairs)} pairs", file=sys.stderr)
    write_scores(out, results, details=args.details)
    if args.json:
        write_json(args.json, [json_form(result) for result in results])
    print(f"{len(results)} of {len(pairs)} pairs scored: {out}")
    if args.details:
        print(f"details: {details_folder(out)}/")
    return SOME_FAILED if failed else DONE


def _options(args: argparse.Namespace) -> Options:
    wanted = [
        group
        for chosen, group in ((args.s, SEGMENTATION), (args.d, SURFACE), (args.l, DETECTION))
        if chosen or not (args.s or args.d or args.l)
    ]
    return Options(
        Thresholds(args.min_lesion_volume, args.min_overlap, args.max_false_positive, args.moderator),
        args.threshold,
        tuple(name for name in MEASURES if any(name in group for group in wanted)),
        details=args.details or not args.pairs,
        region_names=read_names(Path(args.region_names)) if args.region_names else {},
    )


def _raters(named: Sequence[str]) -> dict[str, Path]:
    raters = {}
    for text in named:
        name, equals, path = text.partition("=")
        if not (name and equals and path):
            raise ConfigError(f"--rater: found {text!r}; expected NAME=FILE")
        raters[name] = Path(path)
    return raters
