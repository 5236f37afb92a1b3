"""``newlesions train``: a recipe's model from pairs with reference masks.

Two runs of the workflow: what is learned from every pair, of which some may fail, then the model of those that did not.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from newlesions import house, settings
from newlesions.cli import DONE, SOME_FAILED
from newlesions.cohort.index import index
from newlesions.cohort.outcome import NOT_REACHED, why_failed
from newlesions.cohort.pairs import Pair
from newlesions.cohort.pairs_table import read_pairs, write_pairs
from newlesions.cohort.results import (
    NETWORK_TRAINING_STEPS,
    TRAINING_STEPS,
    case_file,
    model_files,
    samples_file,
    work_folder,
)
from newlesions.commands.results_table import aligned
from newlesions.commands.slurm import run as slurm
from newlesions.commands.workflow import follow, lock_folder, snakemake_command
from newlesions.errors import ConfigError
from newlesions.images.files import remove_unfinished, write_json
from newlesions.preprocess.brain_backends import require
from newlesions.preprocess.cord import require_cord
from newlesions.preprocess.samseg import require_tissue
from newlesions.recipes.stages import is_network_recipe, learns_unlabelled, require_packages
from newlesions.report.tables import number, read_rows

LEAST_SUBJECTS = 3
"""One to hold out, and two for the folds inside the training set."""

_RATES = ("Dice", "F1_score", "SensL", "PPVL")
_COUNT = "NbTestedLesions"
"""False lesions where the reference has none."""


def command(args: argparse.Namespace) -> int:
    """Train the recipe's model. Returns the exit code."""
    out = Path(args.out).absolute()
    config = configuration(args)
    settled = settings.settle(config)
    require(settled["brain"]["backend"])
    require_cord(settled["brain"]["cord"])
    require_tissue(settled["candidates"]["tissue"])
    recipe = settings.read_recipe(config["recipe"])
    require_packages(recipe)
    profile = house.profile(args.profile)
    table = index(args.pairs, layout="table").pairs
    pairs = usable(table, Path(args.pairs))
    check_subjects(pairs, args.pairs)
    check_networks(recipe, pairs, args.pairs)
    extra = extra_pairs(recipe, args.extra_pairs, pairs)
    if extra:
        check_networks(recipe, extra, args.extra_pairs)
        config["extra"] = [pair.pair for pair in extra]
        pairs += extra
    if learns_unlabelled(recipe):
        pairs += (unlabelled := [pair for pair in table if not pair.reference])
        print(f"{args.pairs}: {len(unlabelled)} pairs without one train what learns without labels", flush=True)
    work = work_folder(out)
    lock = lock_folder(out)
    try:
        with slurm.queue(profile, args.site, out):
            remove_unfinished(out)
            _write_pairs(work / "pairs.tsv", pairs)
            profile = slurm.settled(profile, args.site, out, work / "profile")
            return _train(args, profile, config, pairs, out, lock)
    finally:
        os.close(lock)


def configuration(args: argparse.Namespace) -> dict[str, Any]:
    """The configuration that the workflow gets, its paths relative to the model's folder, in which Snakemake works.

    Images between steps are kept: both runs need them.
    """
    config = settings.read_config(Path(args.configfile) if args.configfile else None)
    config |= {"recipe": args.recipe, "keep_work": True}
    if Path(config["recipe"]).is_file():
        config["recipe"] = str(Path(config["recipe"]).absolute())
    override = settings.deep_merge(config["override"], settings.assignments(args.set))
    return config | {"override": override, "pairs": "work/pairs.tsv", "out": ".", "training": True}


def usable(pairs: Sequence[Pair], table: Path) -> list[Pair]:
    """The pairs with a reference; those without are counted on standard output and left out.

    Raises
    ------
    ConfigError
        If none is left.
    """
    kept = [pair for pair in pairs if pair.reference]
    if not kept:
        raise ConfigError(f"{table}: found no pair with a reference; expected masks of new lesions to learn from")
    subjects = len({pair.subject for pair in kept})
    left_out = f"; {len(pairs) - len(kept)} without one are left out" if len(kept) < len(pairs) else ""
    print(f"{table}: {len(kept)} pairs of {subjects} subjects have a reference{left_out}", flush=True)
    return kept


def extra_pairs(recipe: Mapping[str, Any], table: str | None, pairs: Sequence[Pair]) -> list[Pair]:
    """The pairs of the second table, which every network of the recipe learns from and none is validated on.

    Raises
    ------
    ConfigError
        If the recipe needs a table and there is none, if it has trees, which choose their thresholds on what they learn
        from, or if a subject of the table is one of ``pairs`` too.
    """
    if table is None:
        if recipe.get("extra_pairs"):
            raise ConfigError(f"recipe {recipe['id']}: found one table of pairs; expected a second, --extra-pairs TSV")
        return []
    if not is_network_recipe(recipe) or "train" in recipe["stages"]:
        raise ConfigError(f"recipe {recipe['id']}: found --extra-pairs; expected it with recipes of networks alone")
    extra = usable(index(table, layout="table").pairs, Path(table))
    both = sorted({pair.subject for pair in extra} & {pair.subject for pair in pairs})
    if both:
        raise ConfigError(f"{table}: found sub-{both[0]}, who is in the other table too; expected other subjects")
    return extra


def check_networks(recipe: Mapping[str, Any], pairs: Sequence[Pair], where: str) -> None:
    """Refuse networks that cannot be built, or that learn from masks that no pair has.

    Raises
    ------
    ConfigError
        In one line, of the first stage that is wrong.
    """
    if not is_network_recipe(recipe):
        return
    from newlesions.networks.stages import BRAIN
    from newlesions.recipes.check import OF_VISIT, check
    from newlesions.recipes.members import members_of

    raters = sorted(set.intersection(*(set(pair.rater_masks) for pair in pairs)))
    for one in check(recipe):
        for pair in pairs:
            if one.stage.raters not in (0, len(pair.rater_masks)):
                raise ConfigError(
                    f"{where}: found {len(pair.rater_masks)} raters' masks of {pair.pair}; expected "
                    f"{one.stage.raters} in the column raters, from which stage {one.stage.name} learns"
                )
        members_of(one.stage, [pair.subject for pair in pairs], 0, raters)
        learns = one.stage.task in OF_VISIT and one.stage.task != BRAIN
        if learns and not any(pair.baseline_lesions or pair.followup_lesions for pair in pairs):
            raise ConfigError(
                f"{where}: found no mask of all lesions of a visit, from which stage {one.stage.name} learns; expected "
                "some in the columns baseline_lesions and followup_lesions"
            )


def check_subjects(pairs: Sequence[Pair], where: str) -> None:
    """Refuse fewer subjects than folds by subject need.

    Raises
    ------
    ConfigError
        If there are fewer than three.
    """
    subjects = len({pair.subject for pair in pairs})
    if subjects < LEAST_SUBJECTS:
        raise ConfigError(
            f"{where}: found {subjects} subjects with a reference; expected at least {LEAST_SUBJECTS}, since folds "
            "never share a subject"
        )


def _train(
    args: argparse.Namespace, profile: Path, config: dict[str, Any], pairs: Sequence[Pair], out: Path, lock: int
) -> int:
    """Prepare every pair, then train on those that could be. Returns the exit code."""
    networks = is_network_recipe(settings.read_recipe(config["recipe"]))
    target, steps, last = (
        ("cases", NETWORK_TRAINING_STEPS, case_file) if networks else ("samples", TRAINING_STEPS, samples_file)
    )
    ended = _run(args, profile, config, target, out, lock)
    reasons = {pair.pair: why_failed(out, pair, steps, last(out, pair)) for pair in pairs}
    failed = {name: reason for name, reason in reasons.items() if reason}
    # A workflow that was stopped tells nothing about the pairs that it did not come to.
    if ended < 0 or NOT_REACHED in failed.values() or (ended and not failed):
        print(f"newlesions: the workflow ended with code {ended}; see {_log(out, target)}", file=sys.stderr)
        return SOME_FAILED
    left = [pair for pair in pairs if pair.pair not in failed]
    try:
        extra = set(config["extra"])
        check_subjects(
            [pair for pair in left if pair.reference and pair.pair not in extra],
            f"the {len(left)} of {len(pairs)} pairs that could be prepared",
        )
    except ConfigError as error:
        _say_failed(failed, len(pairs))
        print(f"newlesions: {error}", file=sys.stderr)
        return SOME_FAILED
    code = _assemble(args, profile, config, left, out, lock)
    _say_failed(failed, len(pairs))
    return SOME_FAILED if failed else code


def _assemble(
    args: argparse.Namespace, profile: Path, config: dict[str, Any], pairs: Sequence[Pair], out: Path, lock: int
) -> int:
    """Train on the prepared pairs, and print the held-out scores."""
    table = work_folder(out) / "trained.tsv"
    _write_pairs(table, pairs)
    code = _run(args, profile, config | {"pairs": "work/trained.tsv"}, "all", out, lock)
    if code:
        print(f"newlesions: the model was not made; see {_log(out, 'all')}", file=sys.stderr)
        return SOME_FAILED
    print(f"\n{held_out_text(read_rows(model_files(out)['held_out_table']))}")
    print(f"\nmodel   {out}\ncard    {model_files(out)['card_out']}")
    print(f"next    newlesions run BIDS_DIR OUT_DIR --model {out}")
    return DONE


def _run(args: argparse.Namespace, profile: Path, config: dict[str, Any], target: str, out: Path, lock: int) -> int:
    """Run the workflow up to ``target``; its exit code."""
    path = work_folder(out) / f"config-{target}.json"
    write_json(path, config)
    words = [*snakemake_command(args, profile, path, out), target]
    ended = follow(words, out, _log(out, target), lock)
    if ended.code and not ended.started:
        print("\n".join(ended.last), file=sys.stderr)
        raise ConfigError(f"the workflow ended with code {ended.code} before its first step; see {_log(out, target)}")
    return ended.code


def _log(out: Path, target: str) -> Path:
    return work_folder(out) / "logs" / f"train-{target}.log"


def _write_pairs(path: Path, pairs: Sequence[Pair]) -> None:
    """Write the table unless it says this already: its time is that of a change."""
    if not path.is_file() or read_pairs(path) != list(pairs):
        write_pairs(path, pairs)


def held_out_text(rows: Sequence[dict[str, str]]) -> str:
    """The held-out scores, one line per pair and the means of the rates, aligned for a terminal."""
    rates = [name for name in _RATES if rows and name in rows[0]]
    counts = [_COUNT] if rows and _COUNT in rows[0] else []
    values = {name: [value for row in rows if (value := number(row[name])) is not None] for name in rates}
    means = [f"{sum(some) / len(some):.3f}" if some else "n/a" for some in values.values()]
    lines = [[row["pair"], *(_short(row[name]) for name in rates), *(row[name] for name in counts)] for row in rows]
    return aligned([["held out", *rates, *counts], *lines, ["mean", *means, *("" for _ in counts)]])


def _short(text: str) -> str:
    value = number(text)
    return text if value is None else f"{value:.3f}"


def _say_failed(failed: dict[str, str], total: int) -> None:
    if failed:
        print(f"\n{len(failed)} of {total} pairs failed and were left out:")
        print(aligned([["  " + name, reason] for name, reason in failed.items()]))
