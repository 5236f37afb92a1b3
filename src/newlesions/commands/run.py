"""``newlesions run``: index, plan, run, tell."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from newlesions import house, models, settings
from newlesions.cli import DONE, SOME_FAILED, WRONG_INPUT
from newlesions.cohort import index as cohort
from newlesions.cohort.outcome import NOT_REACHED, why_failed
from newlesions.cohort.pairs import Pair
from newlesions.cohort.pairs_table import read_pairs
from newlesions.cohort.results import PREPARING_STEPS, change_file, cohort_files, work_folder
from newlesions.commands.index import find
from newlesions.commands.results_table import print_results
from newlesions.commands.table import write_table
from newlesions.commands.workflow import follow, lock_folder, snakemake_command
from newlesions.errors import ConfigError
from newlesions.images.files import remove_unfinished, write_json
from newlesions.preprocess.brain_backends import require
from newlesions.recipes.stages import require_packages


def command(args: argparse.Namespace) -> int:
    """Run the workflow on the cohort that ``args`` select. Returns the exit code."""
    out = Path(args.out_dir).absolute()
    config = configuration(args)
    settled = settings.settle(config)
    require(settled["brain"]["backend"])  # now, not in each scan's job
    require_packages(settings.read_recipe(config["recipe"]))
    profile = house.profile(args.profile)
    _refuse_input_folder(Path(args.bids_dir), out)
    model = settled["refine"]["model"]
    if model:
        print(f"model {models.folder(model)}, recipe {models.recipe_of(model)}", flush=True)
    if args.dry_run:
        return _dry_run(args, out, config, profile)
    lock = lock_folder(out, work_folder(out))
    try:
        remove_unfinished(out)
        _freeze(find(args), out / "pairs.tsv")
        write_json(work_folder(out) / "config.json", config)
        return _run(args, profile, config, model, out, lock)
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


def _failed_before(out: Path) -> list[str]:
    """The pairs that a step before the networks failed on, if others did not."""
    pairs = read_pairs(out / "pairs.tsv")
    reasons = {pair.pair: why_failed(out, pair, PREPARING_STEPS, change_file(out, pair)) for pair in pairs}
    failed = [name for name, reason in reasons.items() if reason not in ("", NOT_REACHED)]
    return failed if len(failed) < len(pairs) else []


def _refuse_input_folder(source: Path, out: Path) -> None:
    if source.is_dir() and source.resolve() == out.resolve():
        raise ConfigError(f"{out}: found the input folder; expected another folder for the results")


def _dry_run(args: argparse.Namespace, out: Path, config: dict[str, Any], profile: Path) -> int:
    """Plan with the pairs table in a temporary folder, and in the results folder if there is one."""
    with tempfile.TemporaryDirectory(prefix="newlesions-") as folder:
        cohort.write(find(args), Path(folder) / "pairs.tsv")
        write_json(Path(folder) / "config.json", config | {"pairs": str(Path(folder) / "pairs.tsv")})
        directory = out if out.is_dir() else Path(folder)
        words = snakemake_command(args, profile, Path(folder) / "config.json", directory)
        finished = subprocess.run(
            [*words, "--dry-run", "--quiet", "rules"], capture_output=True, text=True, check=False
        )
    sys.stdout.write(finished.stdout)
    if finished.returncode:
        sys.stderr.write(finished.stderr)
        return WRONG_INPUT
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


def _run(
    args: argparse.Namespace, profile: Path, config: dict[str, Any], model: str | None, out: Path, lock: int
) -> int:
    log = work_folder(out) / "logs" / "run.log"
    table = cohort_files(out)["table"]
    before = table.stat().st_mtime_ns if table.is_file() else 0
    words = snakemake_command(args, profile, work_folder(out) / "config.json", out)
    ended = follow(words, out, log, lock)
    if ended.code > 0 and models.kind_of(model) in (models.NETWORKS, models.BOTH) and (failed := _failed_before(out)):
        # A bucket of pairs waits for all of them. It goes on without those that failed on the way to it.
        print(f"going on without {', '.join(failed)}", flush=True)
        again = work_folder(out) / "config-without.json"
        write_json(again, config | {"failed": failed})
        ended = follow(snakemake_command(args, profile, again, out), out, log.with_name("run-without.log"), lock)
    if ended.code == 0 and not table.is_file():
        print("\ndone as far as Snakemake was asked to go; there is no table yet")
        return DONE
    written = table.is_file() and (ended.code == 0 or table.stat().st_mtime_ns != before)
    if not written:
        print("\n".join(ended.last), file=sys.stderr)
        if not ended.started:
            raise ConfigError(f"the workflow ended with code {ended.code} before its first step; see {log}")
        print(f"newlesions: the workflow ended with code {ended.code}; see {log}", file=sys.stderr)
        write_table(out)
    failed = print_results(out)
    return SOME_FAILED if failed or ended.code else DONE
