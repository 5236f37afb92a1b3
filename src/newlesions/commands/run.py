"""``newlesions run``: index, plan, run, tell."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from newlesions import house, models, settings
from newlesions.cli import DONE, SOME_FAILED, WRONG_INPUT
from newlesions.cohort import index as cohort
from newlesions.cohort.digests import Digests
from newlesions.cohort.pairs import Pair
from newlesions.cohort.pairs_table import read_pairs
from newlesions.cohort.results import cohort_files, config_file, run_logs, scans_file, work_folder
from newlesions.cohort.shards import COHORT, shards_of
from newlesions.cohort.unchanged import Unchanged
from newlesions.commands.estimate import Teller
from newlesions.commands.index import find
from newlesions.commands.parts import Run, buckets_with, pairs_of, parts_of
from newlesions.commands.plan import jobs_of_cohort, plan_parts, plan_text
from newlesions.commands.rerun import others_than_failed, require_same_run
from newlesions.commands.results_table import print_results
from newlesions.commands.slurm import run as slurm
from newlesions.commands.table import write_table
from newlesions.commands.workflow import Ended, limits_of, lock_folder
from newlesions.errors import ConfigError
from newlesions.images.files import remove_unfinished, write_json
from newlesions.preprocess.brain_backends import require
from newlesions.preprocess.cord import require_cord
from newlesions.preprocess.samseg import require_tissue
from newlesions.recipes.stages import require_packages


def command(args: argparse.Namespace) -> int:
    """Run the workflow on the cohort that ``args`` select. Returns the exit code."""
    out = Path(args.out_dir).absolute()
    config = configuration(args)
    settled = settings.settle(config)
    require(settled["brain"]["backend"])  # now, not in each scan's job
    require_cord(settled["brain"]["cord"])
    require_tissue(settled["candidates"]["tissue"])
    require_packages(settings.read_recipe(config["recipe"]))
    profile = house.profile(args.profile)
    _refuse_input_folder(Path(args.bids_dir), out)
    model = settled["refine"]["model"]
    if model:
        print(f"model {models.folder(model)}, recipe {models.recipe_of(model)}", flush=True)
    if args.only_failed:
        require_same_run(out, settled)
    told = Teller(out, settled)  # before the configuration is written: it looks at that of the run before
    if args.dry_run:
        return _dry_run(args, out, config, profile, settled, told)
    lock = lock_folder(out)
    try:
        with slurm.queue(profile, args.site, out):
            remove_unfinished(out)
            digests = Digests(scans_file(out))
            _freeze(find(args, digests.digest), out / "pairs.tsv")
            digests.keep()
            pairs = read_pairs(out / "pairs.tsv")
            told.read_pairs(pairs)
            aside = _aside(args, out, pairs, settled)
            if aside is None:
                return DONE
            write_json(config_file(out), config)
            profile = slurm.settled(profile, args.site, out, work_folder(out) / "profile")
            run = Run(args, profile, config, settled, out, lock, told, aside)
            return _run(run, shards_of(pairs, settled["shard"]))
    finally:
        os.close(lock)


def configuration(args: argparse.Namespace) -> dict[str, Any]:
    """The configuration that the workflow gets: the shipped one, the user's file, and the arguments over both.

    Paths are relative to the results folder, in which Snakemake works: it can then be moved and run again. A model is
    named by its absolute path, or by its name if it is shipped. Where a model is given without a recipe, the recipe is
    the model's own.
    """
    config = settings.read_config(Path(args.configfile) if args.configfile else None)
    model = _model(args.model)
    recipe = args.recipe or (str(models.folder(model) / models.RECIPE) if model else None)
    given = {"recipe": recipe, "keep_work": args.keep_work}
    config |= {name: value for name, value in given.items() if value is not None}
    if Path(config["recipe"]).is_file():
        config["recipe"] = str(Path(config["recipe"]).absolute())
    override = settings.deep_merge(config["override"], settings.assignments(args.set))
    config |= {"override": override, "pairs": "pairs.tsv", "out": ".", "training": False}
    held = settings.merged(config)["refine"]["model"]
    model = model or (str(Path(held).absolute()) if held and held not in house.models() else held)
    if model:
        config["override"] = settings.deep_merge(override, {"refine": {"model": model}})
    return config


def _model(given: str | None) -> str | None:
    """The argument ``--model``: a folder's absolute path, or the name of a shipped model where there is no folder."""
    if not given or (given in house.models() and not (Path(given) / models.DESCRIPTION).is_file()):
        return given
    return str(Path(given).absolute())


def _refuse_input_folder(source: Path, out: Path) -> None:
    if source.is_dir() and source.resolve() == out.resolve():
        raise ConfigError(f"{out}: found the input folder; expected another folder for the results")


def _aside(
    args: argparse.Namespace, out: Path, pairs: Sequence[Pair], settled: dict[str, Any]
) -> frozenset[str] | None:
    """The pairs that the run does not plan: with ``--only-failed`` all others. None, and said so, if none is left."""
    aside = frozenset(others_than_failed(out, pairs, settled) if args.only_failed else ())
    if aside and len(aside) == len(pairs):
        print("no pair failed before: there is nothing to rerun")
        return None
    return aside


def _dry_run(
    args: argparse.Namespace, out: Path, config: dict[str, Any], profile: Path, settled: dict[str, Any], told: Teller
) -> int:
    """Plan with the pairs table in a temporary folder, and in the results folder if there is one."""
    before = read_pairs(out / "pairs.tsv") if (out / "pairs.tsv").is_file() else []
    scans = frozenset(path for pair in before for path in (pair.baseline, pair.followup))
    # Scans that are new are not read: whatever their digests are, their steps are to be run.
    result = find(args, Digests(scans_file(out), reads=False, needed=scans).digest)
    told.read_pairs(result.pairs)
    aside = _aside(args, out, result.pairs, settled)
    if aside is None:
        return DONE
    with tempfile.TemporaryDirectory(prefix="newlesions-") as folder:
        pairs = Path(folder) / "pairs.tsv"
        cohort.write(result, pairs)
        shards = shards_of(result.pairs, settled["shard"])
        buckets = buckets_with(settled, result.pairs)
        unchanged = Unchanged(out, settled, buckets, aside)
        parts = {part: pairs_of(part, shards) for part in parts_of(shards, aside)}
        of_all = parts.pop(COHORT, None)
        if not args.snakemake:
            parts = {part: pairs for part, pairs in parts.items() if not unchanged.holds(part, pairs)}
        # Another table than that of the last run would be a change of its own.
        table = {} if before == result.pairs else {"pairs": str(pairs)}
        held = config | table | {"failed": sorted(aside)}
        directory = out if out.is_dir() else Path(folder)
        profile = slurm.settled(profile, args.site, out, Path(folder) / "profile")
        limits = limits_of(args, profile)
        plans = list(plan_parts(args, profile, held, directory, parts, buckets).values())
        jobs = sum((plan.jobs for plan in plans), Counter[str]())
        if of_all and jobs:
            jobs += jobs_of_cohort(result.pairs)
        elif of_all and not any(plan.fault for plan in plans) and not unchanged.holds(COHORT, of_all):
            plans += plan_parts(args, profile, held, directory, {COHORT: of_all}, buckets).values()
            jobs += plans[-1].jobs
    if faults := [plan.fault for plan in plans if plan.fault]:
        sys.stderr.write(faults[0])
        return WRONG_INPUT
    if args.snakemake:
        print("\n".join(plan.said for plan in plans))
    print(plan_text(jobs))
    if jobs:
        told.tell(jobs, limits)
    return DONE


def _freeze(result: cohort.IndexResult, path: Path) -> None:
    """Write the pairs table, and say how it differs from the one of an earlier run. Left alone if nothing changed."""
    before = {pair.pair: pair for pair in read_pairs(path)} if path.is_file() else {}
    after = {pair.pair: pair for pair in result.pairs}
    if before:
        print("\n".join(_changes(before, after)), flush=True)
    if list(before.values()) != result.pairs or not path.with_suffix(".json").is_file():
        cohort.write(result, path)


def _changes(before: dict[str, Pair], after: dict[str, Pair]) -> list[str]:
    lines = [f"since the last run: {name} came in" for name in after if name not in before]
    lines += [
        f"since the last run: {name} is gone; its files are left as they are" for name in before if name not in after
    ]
    for name in after.keys() & before.keys():
        old, new = before[name].row(), after[name].row()
        columns = [column for column in new if new[column] != old[column]]
        if columns:
            lines.append(f"since the last run: {name} has another {', '.join(columns)}")
    return sorted(lines) or ["the pairs are those of the last run"]


def _run(run: Run, shards: Sequence[Sequence[Pair]]) -> int:
    out, table = run.out, cohort_files(run.out)["table"]
    before = table.stat().st_mtime_ns if table.is_file() else 0
    ends = run.all_parts(shards)
    whole = not any(end.code for end in ends)
    if run.aside and whole:
        write_table(out)
    if whole and not table.is_file():
        print("\ndone as far as Snakemake was asked to go; there is no table yet")
        return DONE
    written = table.is_file() and (whole or table.stat().st_mtime_ns != before)
    if not written:
        _tell_end(ends[-1], out, expected=bool(len(shards) > 1 or run.aside))
        write_table(out)
    failed = print_results(out)
    return DONE if whole and not failed else SOME_FAILED


def _tell_end(ended: Ended, out: Path, *, expected: bool) -> None:
    """Say how Snakemake ended where it left no table; ``expected`` of shards, and of failed pairs alone, that fail."""
    if expected and ended.code >= 0 and ended.started:
        return
    log = run_logs(out)[-1]
    print("\n".join(ended.last), file=sys.stderr)
    if not ended.started:
        raise ConfigError(f"the workflow ended with code {ended.code} before its first step; see {log}")
    print(f"newlesions: the workflow ended with code {ended.code}; see {log}", file=sys.stderr)
