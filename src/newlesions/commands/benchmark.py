"""``newlesions benchmark``: any recipes on one cohort by nested cross-validation, as one workflow, to a leaderboard.

One run of the workflow does everything. Where something fails, everything that does not depend on it is done all the
same; the workflow then runs once more without it, so that the leaderboard has the rest.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from newlesions import house, settings
from newlesions.benchmark import folders
from newlesions.benchmark.failures import failed_pairs, failed_recipes
from newlesions.benchmark.plan import Conditions, Plan, folds_of, make_plan
from newlesions.cli import DONE, SOME_FAILED, WRONG_INPUT
from newlesions.cohort.index import index
from newlesions.cohort.pairs import Pair
from newlesions.cohort.results import work_folder
from newlesions.commands.entries import Entries, check_consensus, fused, read_entries
from newlesions.commands.plan import plan_of, plan_text
from newlesions.commands.results_table import aligned
from newlesions.commands.slurm import run as slurm
from newlesions.commands.train import LEAST_SUBJECTS, extra_pairs, usable
from newlesions.commands.workflow import Ended, follow, lock_folder, snakemake_command
from newlesions.errors import ConfigError, InputError
from newlesions.images.files import read_json, remove_unfinished, write_json
from newlesions.report.tables import read_rows

SNAKEFILE = "workflow/Benchmark"
_PACED = 2
_LEAST_RESAMPLES = 100


@dataclass
class Benchmark:
    """A benchmark: what it is of, and what had to be left out of it so far."""

    args: argparse.Namespace
    out: Path
    pairs: list[Pair]
    extra: list[Pair]
    entries: Entries
    conditions: Conditions
    fold_of: dict[str, str]
    paced: list[str]
    failed_pairs: dict[str, str] = field(default_factory=dict)
    failed_recipes: dict[str, str] = field(default_factory=dict)

    def plan(self) -> Plan:
        """Every job, without what was left out."""
        taking_part = [one for one in self.entries.entrants if one.name not in self.failed_recipes]
        consensus = fused(self.args, [one.name for one in taking_part])
        return make_plan(
            [pair for pair in self.pairs if pair.pair not in self.failed_pairs],
            taking_part,
            self.conditions,
            consensus=[one for one in consensus if one.name not in self.failed_recipes],
            extra=[pair for pair in self.extra if pair.pair not in self.failed_pairs],
            paced=[pair for pair in self.paced if pair not in self.failed_pairs],
            fold_of=self.fold_of,
        )

    @property
    def config(self) -> dict[str, Any]:
        """The configuration that the workflow gets, but for its plan."""
        args = self.args
        small = {"patch": args.patch, "batch": args.batch, "members": args.members}
        small |= {"rates raised": args.raise_rates or None}
        small |= settings.assignments([]) | {f"set {word}": True for word in args.set}
        about = {
            "pairs": len(self.pairs),
            "subjects": len({pair.subject for pair in self.pairs}),
            "folds": len(set(self.fold_of.values())),
            "seed": self.conditions.seed,
            "minutes": self.conditions.minutes,
            "limits": [name if value is True else f"{name} {value}" for name, value in small.items() if value],
            "failed_pairs": self.failed_pairs,
            "left_out": self.entries.refused | self.failed_recipes,
            "remarks": self.entries.remarks,
        }
        return {
            "about": about,
            "bootstrap": {"resamples": args.bootstrap, "seed": self.conditions.seed},
            "pictures": not args.no_pictures,
        }


def command(args: argparse.Namespace) -> int:
    """Run the benchmark. Returns the exit code."""
    out = Path(args.out).absolute()
    if args.bootstrap < _LEAST_RESAMPLES:
        raise ConfigError(f"--bootstrap: found {args.bootstrap}; expected at least {_LEAST_RESAMPLES} resamples")
    profile = house.profile(args.profile)
    pairs = usable(index(args.pairs, layout="table").pairs, Path(args.pairs))
    paces = _recorded_paces(args.paces)
    conditions = Conditions(args.folds, args.seed, args.budget, paces)
    fold_of = folds_of(pairs, conditions)
    _check_folds(fold_of, args.pairs)
    extra = _extra(args, pairs)
    if args.dry_run:
        with tempfile.TemporaryDirectory(prefix="newlesions-") as folder:
            made = _benchmark(args, out, Path(folder), pairs, extra, conditions, fold_of)
            return _dry_run(made, Path(folder), profile)
    lock = lock_folder(out)
    try:
        with slurm.queue(profile, args.site, out):
            remove_unfinished(out)
            made = _benchmark(args, out, out, pairs, extra, conditions, fold_of)
            _print_entries(made)
            profile = slurm.settled(profile, args.site, out, work_folder(out) / "profile")
            return _run(made, profile, lock)
    finally:
        os.close(lock)


def _benchmark(
    args: argparse.Namespace,
    out: Path,
    folder: Path,
    pairs: Sequence[Pair],
    extra: Sequence[Pair],
    conditions: Conditions,
    fold_of: Mapping[str, str],
) -> Benchmark:
    """The benchmark, its recipes as they take part written below ``folder``."""
    made = read_entries(args, pairs, extra, folder)
    check_consensus(args, made)
    if not made.entrants:
        told = "; ".join(f"{name}: {reason}" for name, reason in made.refused.items())
        raise ConfigError(f"--recipes: found none that can take part ({told}); expected at least one")
    return Benchmark(
        args, out, list(pairs), list(extra), made, conditions, dict(fold_of), paced_pairs(pairs, conditions)
    )


def paced_pairs(pairs: Sequence[Pair], conditions: Conditions) -> list[str]:
    """Pairs on which paces are measured: the first with a new lesion, and with masks of all lesions if any has such."""
    if conditions.minutes is None:
        return []
    from newlesions.evaluate.masks import read_mask

    known = [pair for pair in pairs if pair.baseline_lesions and pair.followup_lesions] or list(pairs)
    found: list[str] = []
    for pair in known:
        try:
            if not read_mask(pair.reference).empty:
                found.append(pair.pair)
        except InputError:
            continue  # the pair's own step says what is wrong with it
        if len(found) == _PACED:
            break
    return found


def _extra(args: argparse.Namespace, pairs: Sequence[Pair]) -> list[Pair]:
    if args.extra_pairs is None:
        return []
    asks = {"id": "benchmark", "extra_pairs": True, "stages": {"new": {"task": "segment_new"}}}
    return extra_pairs(asks, args.extra_pairs, pairs)


def _check_folds(fold_of: Mapping[str, str], table: str) -> None:
    """Refuse a cohort of which a fold leaves too few subjects to train on."""
    sizes = Counter(fold_of.values())
    least = len(fold_of) - max(sizes.values())
    if least < LEAST_SUBJECTS:
        raise ConfigError(
            f"{table}: found {len(fold_of)} subjects with a reference, of which a fold leaves {least} to learn from; "
            f"expected at least {LEAST_SUBJECTS} (more subjects, or more folds)"
        )


def _recorded_paces(path: str | None) -> dict[str, float]:
    if path is None:
        return {}
    try:
        return {row["key"]: float(row["seconds_per_step"]) for row in read_rows(Path(path))}
    except (OSError, KeyError, ValueError) as error:
        raise ConfigError(f"--paces: found {path}, {error!r}; expected the paces.tsv of a benchmark") from error


def _dry_run(made: Benchmark, folder: Path, profile: Path) -> int:
    """Plan in the benchmark's folder if there is one; nothing is written there."""
    _print_entries(made)
    plan = made.plan()
    _print_plan(plan)
    directory = made.out if made.out.is_dir() else folder
    write_json(folder / "plan.json", plan)
    write_json(folder / "config.json", made.config | {"plan": str(folder / "plan.json")})
    words = snakemake_command(made.args, profile, folder / "config.json", directory, SNAKEFILE)
    planned = plan_of(words, said_in_full=bool(made.args.snakemake))
    if planned.fault:
        sys.stderr.write(planned.fault)
        return WRONG_INPUT
    if made.args.snakemake:
        print(planned.said)
    print(plan_text(planned.jobs))
    return SOME_FAILED if made.entries.refused else DONE


def _run(made: Benchmark, profile: Path, lock: int) -> int:
    """Run the workflow; without what failed again, as long as something new fails. Returns the exit code."""
    while True:
        ended = _workflow(made, profile, lock)
        if not ended.code:
            break
        if not ended.started and not made.failed_pairs and not made.failed_recipes:
            print("\n".join(ended.last), file=sys.stderr)
            raise ConfigError(f"the workflow ended with code {ended.code} before its first step; see {_log(made.out)}")
        # A workflow that was killed tells nothing about what it did not come to.
        if ended.code < 0 or not _leave_out(made):
            _print_failed(made)
            print(f"newlesions: the workflow ended with code {ended.code}; see {_log(made.out)}", file=sys.stderr)
            return SOME_FAILED
    _print_end(made)
    return SOME_FAILED if made.failed_pairs or made.failed_recipes or made.entries.refused or _lost(made) else DONE


def _leave_out(made: Benchmark) -> bool:
    """Leave out what failed in the last run of the workflow: pairs first, since recipes fail with them."""
    plan = read_json(made.out / folders.PLAN)
    new = failed_pairs(made.out, plan)
    if new:
        made.failed_pairs |= new
        subjects = {pair.subject for pair in made.pairs if pair.pair not in made.failed_pairs}
        left = {subject: fold for subject, fold in made.fold_of.items() if subject in subjects}
        _check_folds(left, f"the {len(made.pairs) - len(made.failed_pairs)} pairs that could be prepared")
        return True
    new = failed_recipes(made.out, plan)
    made.failed_recipes |= new
    return bool(new) and any(one.name not in made.failed_recipes for one in made.entries.entrants)


def _workflow(made: Benchmark, profile: Path, lock: int) -> Ended:
    plan = made.plan()
    write_json(made.out / folders.PLAN, plan)
    path = work_folder(made.out) / "config.json"
    write_json(path, made.config | {"plan": folders.PLAN})
    words = snakemake_command(made.args, profile, path, made.out, SNAKEFILE)
    return follow(words, made.out, _log(made.out), lock)


def _log(out: Path) -> Path:
    return work_folder(out) / "logs" / "benchmark.log"


def _lost(made: Benchmark) -> int:
    """How many pairs could not be judged or scored by some recipe."""
    rows = read_rows(made.out / folders.leaderboard_files()["table"])
    return sum(int(row["failed"] or 0) for row in rows)


def _print_entries(made: Benchmark) -> None:
    names = ", ".join(one.name for one in made.entries.entrants)
    budget = "as the recipes say" if made.conditions.minutes is None else f"{made.conditions.minutes:g} min a fold"
    print(f"{len(made.entries.entrants)} recipes, {len(set(made.fold_of.values()))} folds, training {budget}: {names}")
    if made.entries.refused:
        print(f"{len(made.entries.refused)} recipes cannot take part here:")
        print(aligned([["  " + name, reason] for name, reason in made.entries.refused.items()]))
    sys.stdout.flush()


def _print_plan(plan: Plan) -> None:
    distinct = ", ".join(f"{len(keys)} {step}" for step, keys in plan["steps"].items())
    entries = plan["entries"].values()
    asked = sum(len(entry["networks"]) for entry in entries)
    print(f"distinct settings: {distinct}")
    print(f"networks to train: {len(plan['networks'])}, which serve as {asked}")


def _print_failed(made: Benchmark) -> None:
    if made.failed_pairs:
        print(f"\n{len(made.failed_pairs)} of {len(made.pairs)} pairs failed and were left out:")
        print(aligned([["  " + name, reason] for name, reason in made.failed_pairs.items()]))
    if made.failed_recipes:
        print(f"\n{len(made.failed_recipes)} recipes failed:")
        print(aligned([["  " + name, reason] for name, reason in made.failed_recipes.items()]))


def _print_end(made: Benchmark) -> None:
    _print_failed(made)
    files = folders.leaderboard_files()
    rows = read_rows(made.out / files["table"])
    shown = ["recipe", "Dice", "F1_score", "false_lesions", "train_cpu_min", "apply_cpu_s"]
    print("\n" + aligned([shown, *([row[name] for name in shown] for row in rows if row["Dice"])]))
    print(f"\nleaderboard {made.out / files['page']}")
