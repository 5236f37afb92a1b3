"""Recipes trained for the same time on one simulated cohort, and scored on pairs that no network has seen.

    python benchmarks/recipes.py [RECIPE ...] [--minutes 2] [--folder demo/recipes]

Every recipe is made small: its networks narrower, its patches at most so many voxels, all on one coarse grid, few
folds. The minutes of CPU are split evenly over its networks; how many optimiser steps that is comes from a few steps
measured before, so that the training itself depends on nothing but numbers, which the recipe in FOLDER/recipes holds.
Then `newlesions train`, `run` and `evaluate` do what they do for anybody. All recipes share the folders of training
and of results, in which the workflow repeats only what another recipe changes. What is done is skipped when the same
command is given again. The plain subtraction, as it ships, stands beside.

Writes docs/recipes/measured.tsv and, from it, the recipes' pages with their tables.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cc3d
import numpy as np
import yaml
from scipy import ndimage

from newlesions import house, models, settings
from newlesions.cohort.pairs import Pair
from newlesions.cohort.pairs_table import read_pairs, write_pairs
from newlesions.cohort.results import anat_file, case_file, work_folder
from newlesions.commands.train import configuration
from newlesions.commands.workflow import snakemake_command
from newlesions.errors import ConfigError
from newlesions.images.files import read_json, sha256, write_json, write_text
from newlesions.images.io import read_volume, write_volume
from newlesions.networks.stages import Limits
from newlesions.recipes import measured
from newlesions.recipes.small import RATES, made_small, trained, with_steps
from newlesions.recipes.stages import is_network_recipe, require_packages, stages_of
from newlesions.report.tables import number, read_rows

PLAIN = "subtraction"
"""What the others are held against."""

_TRIED = (2, 8)
"""Steps of the two short trainings between which the pace is measured."""

_HELD_OUT = 3
"""One changed pair in so many, and one unchanged pair in so many, is held out."""

RATERS = 4

_OVERLOOKED = 0.1
"""The chance that a made rater overlooks a lesion."""

_COARSEST_MM = 3.0
"""Of a working grid, by the configuration's schema."""

_KEPT = ("work", ".snakemake")
"""What is no part of a model in the folder of training."""


@dataclass(frozen=True)
class Conditions:
    """What is the same for all recipes."""

    subjects: int
    seed: int
    voxel_mm: float
    tiny: bool
    minutes: float
    width: float
    patch: int
    folds: int
    own_rates: bool

    @property
    def cohort(self) -> str:
        """In words."""
        voxels = "tiny heads" if self.tiny else f"heads of {self.voxel_mm:g} mm"
        return f"simulated {voxels}, {self.subjects} subjects, seed {self.seed}, one in {_HELD_OUT} held out"

    @property
    def grid_mm(self) -> float:
        """The edge of a working voxel: that of the scans, as far as settings allow it."""
        return min(self.voxel_mm, _COARSEST_MM)

    @property
    def limits(self) -> str:
        """In words."""
        return (
            f"width {self.width:g}, patches of at most {self.patch} voxels ({2 * self.patch} in slices), a grid of "
            f"{self.grid_mm:g} mm, at most {self.folds} folds and 1 seed"
            + ("" if self.own_rates else f", learning rates of at least {RATES['adam']:g} (SGD {RATES['sgd']:g})")
        )


def main(arguments: list[str] | None = None) -> int:
    """Measure what is not measured yet, write the table. Returns 1 where a recipe failed."""
    options = _options(arguments)
    folder = options.folder.absolute()
    conditions = Conditions(
        options.subjects, options.seed, 4.0 if options.tiny else options.voxel, options.tiny, options.minutes,
        options.width, options.patch, options.folds, options.own_rates,
    )  # fmt: skip
    known = [name for name in house.recipes() if name != PLAIN]
    names = [PLAIN, *sorted(options.recipes or known, key=lambda name: _preparation(name, conditions))]
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    learned, held_out = cohort(folder, conditions)
    print(f"{len(learned)} pairs train, {len(held_out)} are scored: {conditions.cohort}", flush=True)
    failed = 0
    for name in names:
        place, key = folder / "rows" / f"{name}.json", _key(name, conditions)
        if place.is_file() and (held := read_json(place))["key"] == key and held["row"]["Dice"]:
            print(f"{name}: done before", flush=True)
            continue
        row = _row(name, folder, conditions, learned, held_out, str(options.cores))
        failed += row["remark"].startswith("failed")
        write_json(place, {"key": key, "row": row})
        _publish(folder, options.out, conditions)
    _publish(folder, options.out, conditions)
    pages = house.root() / "scripts" / "make_recipe_pages.py"
    _call([sys.executable, str(pages), "--folder", str(options.out)], folder / "logs" / "pages.log")
    return int(failed > 0)


def cohort(folder: Path, conditions: Conditions) -> tuple[list[Pair], list[Pair]]:
    """The cohort's pairs that train and those that are scored; drawn where it is not there yet.

    Their brains are given, since finding them is not what is measured, and each new lesion was marked by four raters.
    """
    table, bids, drawn = folder / "pairs.tsv", folder / "cohort", folder / "cohort.json"
    if not table.is_file():
        _draw(bids, table, conditions)
        write_json(drawn, conditions.cohort)
    if (found := read_json(drawn)) != conditions.cohort:
        raise SystemExit(f"{folder}: found {found}; expected {conditions.cohort}, or another --folder")
    pairs = read_pairs(table)
    changed = {pair.pair: bool(read_volume(Path(pair.reference)).data.any()) for pair in pairs}
    kinds = [[pair for pair in pairs if changed[pair.pair] is kind] for kind in (True, False)]
    if not kinds[1]:
        raise SystemExit(f"{bids}: found no pair without a new lesion; expected one to score (another --seed)")
    held_out = [pair for kind in kinds for pair in kind[::_HELD_OUT]]
    learned = [pair for pair in pairs if pair not in held_out]
    write_pairs(folder / "train.tsv", learned)
    write_pairs(folder / "score.tsv", [replace(pair, reference="", gone_reference="", raters="") for pair in held_out])
    text = ["pair\treference\tprediction"]
    text += [f"{pair.pair}\t{pair.reference}\t{_mask(folder / 'runs', pair)}" for pair in held_out]
    write_text(folder / "evaluate.tsv", "\n".join(text) + "\n")
    return learned, held_out


def _draw(bids: Path, table: Path, conditions: Conditions) -> None:
    """Write the scans, and the table of their pairs."""
    folder, masks = table.parent, bids / "derivatives" / "reference"
    voxels = ["--tiny"] if conditions.tiny else ["--voxel", *[f"{conditions.voxel_mm:g}"] * 3]
    script = house.root() / "scripts" / "simulate_cohort.py"
    drawn = ["--subjects", str(conditions.subjects), "--seed", str(conditions.seed), *voxels]
    _call([sys.executable, str(script), str(bids), *drawn], folder / "logs" / "cohort.log")
    words = ["index", str(bids), "-o", str(folder / "found.tsv"), "--references", str(masks), "--brains", str(masks)]
    _newlesions(words, folder / "logs" / "index.log")
    write_pairs(table, [_rated(folder, pair) for pair in read_pairs(folder / "found.tsv")])


def _rated(folder: Path, pair: Pair) -> Pair:
    """The pair with the masks of four raters: two draw widely, and each overlooks some lesions."""
    reference = read_volume(Path(pair.reference))
    labels = cc3d.connected_components(reference.data > 0, connectivity=26)
    named = []
    for rater in range(1, RATERS + 1):
        rng = np.random.default_rng([rater, int(pair.subject)])
        seen = [label for label in range(1, int(labels.max()) + 1) if rng.uniform() >= _OVERLOOKED]
        mask = np.isin(labels, seen)
        path = folder / "raters" / f"{pair.pair}_{rater}.nii.gz"
        write_volume(path, reference.with_data(ndimage.binary_dilation(mask) if rater % 2 else mask))
        named.append(f"{rater}={path}")
    return replace(pair, raters=";".join(named))


def _row(
    name: str, folder: Path, conditions: Conditions, learned: Sequence[Pair], held_out: Sequence[Pair], cores: str
) -> measured.Row:
    """The row of a recipe; where it cannot be had, one that says why."""
    row = dict.fromkeys(measured.COLUMNS, "") | {
        "recipe": name,
        "cohort": f"{conditions.cohort}: {len(learned)} pairs trained, {len(held_out)} scored",
        "machine": machine(),
    }
    recipe = settings.read_recipe(name)
    try:
        require_packages(recipe)
    except ConfigError as error:
        return row | {"remark": str(error).rpartition(": ")[2]}
    try:
        made = _trained(name, recipe, folder, conditions, learned, cores) if name != PLAIN else {}
        return row | made | scored(name, folder, conditions, held_out, cores)
    except (ConfigError, subprocess.CalledProcessError) as error:
        print(f"{name}: failed: {error}", file=sys.stderr, flush=True)
        return row | {"remark": f"failed: {_reason(error)}"}


def _trained(
    name: str, recipe: Mapping[str, Any], folder: Path, conditions: Conditions, pairs: Sequence[Pair], cores: str
) -> measured.Row:
    """Train the recipe made small, keep its model in FOLDER/models, and say what it cost."""
    with_networks = is_network_recipe(recipe)
    if not with_networks and "train" not in recipe.get("stages", {}):
        return {}
    out, small = folder / "training", folder / "recipes" / f"{name}.yaml"
    words = ["train", "--recipe", str(small), "--pairs", str(folder / "train.tsv"), "--out", str(out), "--cores", cores]
    words += _sets(conditions)
    remark = "no networks: trained without a budget, preparation included"
    content = dict(recipe)
    if with_networks:
        content, remark = made_small(recipe, conditions.patch, conditions.folds, own_rates=conditions.own_rates)
        _write_recipe(small, content)
        _prepare(words, out, pairs, folder / "logs" / f"{name}-cases.log")
        paces = _paces(content, folder, out, pairs, conditions)
        content = with_steps(content, paces, conditions.minutes, RATERS)
    _write_recipe(small, content)
    for path in out.iterdir() if out.is_dir() else ():
        if path.name not in _KEPT:
            _remove(path)  # of the model before
    spent = _newlesions(words, folder / "logs" / f"{name}-train.log")
    kept = folder / "models" / name
    _remove(kept)
    shutil.copytree(out, kept, ignore=shutil.ignore_patterns(*_KEPT))
    if not with_networks:
        return {"train_cpu_min": f"{spent / 60:.1f}", "remark": remark}
    row = {"remark": remark, "limits": conditions.limits, "budget_min": f"{conditions.minutes:g}"}
    return row | _cost(settings.read_recipe(str(small)), work_folder(out) / "networks")


def _prepare(words: Sequence[str], out: Path, pairs: Sequence[Pair], log: Path) -> None:
    """The cases of the pairs that train: the first half of `newlesions train`, by Snakemake itself."""
    from newlesions.cli import parser

    args = parser().parse_args(list(words))
    args.snakemake = []
    work = work_folder(out)
    table = work / "pairs.tsv"
    if not table.is_file() or read_pairs(table) != list(pairs):
        write_pairs(table, pairs)
    write_json(work / "config-cases.json", configuration(args))
    _call([*snakemake_command(args, house.profile("default"), work / "config-cases.json", out), "cases"], log)


def _paces(
    content: Mapping[str, Any], folder: Path, out: Path, pairs: Sequence[Pair], conditions: Conditions
) -> dict[str, float]:
    """CPU seconds of a step of each stage, measured in a process of its own."""
    call = folder / "pace.json"
    cases = [str(case_file(out, pair)) for pair in pairs if read_volume(Path(pair.reference)).data.any()][:2]
    write_json(call, {"recipe": content, "cases": cases, "width": conditions.width})
    log = folder / "logs" / f"{content['id']}-pace.log"
    _call([sys.executable, __file__, "--pace", str(call)], log)
    return {str(name): float(pace) for name, pace in read_json(call)["paces"].items()}


def paces_of(recipe: Mapping[str, Any], cases: Sequence[Path], width: float) -> dict[str, float]:
    """CPU seconds of an optimiser step of each stage, batches included: between two short trainings on ``cases``.

    A later stage sees what the networks of the earlier ones, hardly trained, say.
    """
    from newlesions.detect.networks.model import Member, NetworkModel
    from newlesions.learn.networks.fit import WEIGHTS, fit

    paces: dict[str, float] = {}
    with TemporaryDirectory() as name:
        folder, seen = Path(name), NetworkModel(str(recipe["id"]), {}, {}, Limits(width=width))
        for stage in stages_of(recipe):
            if not stage.is_trained:
                continue
            took = []
            for steps in _TRIED:
                out = folder / f"{stage.name}-{steps}"
                limits = Limits(width=width, steps=steps, device="cpu", threads=1)
                facts = fit(
                    cases, stage, limits, out, earlier=seen if seen.stages else None, progress=lambda line: None
                )
                took.append(float(facts["cpu_seconds"]))
            paces[stage.name] = max((took[1] - took[0]) / (_TRIED[1] - _TRIED[0]), 1e-3)
            member = Member(folder / f"{stage.name}-{_TRIED[1]}" / WEIGHTS)
            seen = replace(
                seen, stages={**seen.stages, stage.name: stage}, members={**seen.members, stage.name: [member]}
            )
    return paces


def _cost(recipe: Mapping[str, Any], folder: Path) -> measured.Row:
    """What the trainings in ``folder`` took."""
    stages = {stage.name: stage for stage in stages_of(recipe) if stage.is_trained}
    facts = {name: [read_json(folder / name / str(n) / "facts.json") for n in range(trained(stages[name], RATERS))]
             for name in stages}  # fmt: skip
    every = [one for some in facts.values() for one in some]
    spent = sum(one["cpu_seconds"] for one in every)
    patches = sum(
        one["steps"] * one["batch"] * stages[name].optimise.accumulate for name, some in facts.items() for one in some
    )
    return {
        "networks": str(len(every)),
        "steps": ", ".join(f"{name} {some[0]['steps']}" for name, some in facts.items()),
        "train_cpu_min": f"{spent / 60:.1f}",
        "patches_per_s": f"{patches / spent:.3g}",
    }


def scored(name: str, folder: Path, conditions: Conditions, pairs: Sequence[Pair], cores: str) -> measured.Row:
    """Run the model, or the recipe without one, on the pairs held out, and score its masks."""
    out, kept = folder / "runs", folder / "models" / name
    words = ["run", str(folder / "score.tsv"), str(out), "--cores", cores]
    # The subtraction as it ships, on a grid of its own; the others on that of their training.
    words += ["--recipe", name] if not kept.is_dir() else ["--model", str(kept)]
    words += _sets(conditions) if name != PLAIN else []
    _newlesions(
        [*words, "--set", "report.viewer=false", "--set", "report.max_lesions=0"], folder / "logs" / f"{name}-run.log"
    )
    if (ran := read_json(out / "provenance.json")["recipe"]["id"]) != name:
        raise ConfigError(f"{out}: found results of {ran}; expected those of {name}")
    table = folder / "scores" / f"{name}.tsv"
    words = ["evaluate", "--pairs", str(folder / "evaluate.tsv"), "--out", str(table), "--details", "--cores", cores]
    _newlesions(words, folder / "logs" / f"{name}-evaluate.log")
    return {"apply_s": f"{_apply_seconds(out, pairs):.2g}", **summary(table)}


def summary(table: Path) -> measured.Row:
    """Means over the pairs with a new lesion; false lesions over all; how many of the others were left clean."""
    rows, empty = read_rows(table), read_rows(table.with_suffix("") / "empty_references.tsv")
    without = {row["pair"]: number(row["NbTestedLesions"]) or 0 for row in empty}
    changed = [row for row in rows if row["pair"] not in without]
    lesions = read_rows(table.with_suffix("") / "lesions.tsv")
    seen = {row["pair"] for row in changed}
    false = sum(row["side"] == "predicted" and row["hit"] == "0" and row["pair"] in seen for row in lesions)
    return {
        "Dice": _mean([number(row["Dice"]) for row in changed]),
        "F1_score": _mean([number(row["F1_score"]) for row in changed]),
        "false_lesions": f"{(false + sum(without.values())) / (len(changed) + len(without)):.1f}",
        "empty_clean": f"{sum(count == 0 for count in without.values())} of {len(without)}",
    }


def machine() -> str:
    """The class of this machine: processor, cores in use, torch."""
    text = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").is_file() else ""
    found = re.search(r"model name\s*:\s*(.+)", text)
    name = found.group(1).strip() if found else platform.processor() or platform.machine()
    return f"{name}, one thread a job, torch {version('torch')}"


def _apply_seconds(out: Path, pairs: Sequence[Pair]) -> float:
    """CPU seconds to find a pair's lesions once its images are harmonised: the networks, or the jobs that judge."""
    logs = work_folder(out) / "logs" / "network"
    told = {
        match[1]: float(match[2])
        for path in sorted(logs.glob("*.log"))
        for match in re.finditer(r"^(\S+): .* \(([\d.]+) s of CPU\)", path.read_text(), flags=re.MULTILINE)
    }
    kind = models.kind_of(read_json(out / "work" / "config.json")["override"].get("refine", {}).get("model"))
    judged = ["candidates", "refine"] if kind in (models.TREES, models.BOTH) else ["candidates"] if kind is None else []
    jobs = [work_folder(out) / "benchmarks" / job / f"{pair.pair}.tsv" for job in judged for pair in pairs]
    seconds = sum(number(read_rows(path)[0]["cpu_time"]) or 0.0 for path in jobs)
    if kind in (models.NETWORKS, models.BOTH):
        seconds += sum(told[pair.pair] for pair in pairs)
    return seconds / len(pairs)


def _publish(folder: Path, out: Path, conditions: Conditions) -> None:
    """Write the table of all rows that hold."""
    found: dict[str, measured.Row] = {}
    for path in sorted((folder / "rows").glob("*.json")):
        held = read_json(path)
        if held["row"]["recipe"] in house.recipes() and held["key"] == _key(held["row"]["recipe"], conditions):
            found[held["row"]["recipe"]] = held["row"]
    measured.write(out / "measured.tsv", found.values())


def _key(name: str, conditions: Conditions) -> dict[str, Any]:
    """What a row holds for; the recipe as it was."""
    return asdict(conditions) | {"recipe": sha256(house.recipes()[name])}


def _preparation(name: str, conditions: Conditions) -> str:
    """What a recipe makes of the scans, so that those that make the same come one after the other."""
    over = settings.assignments(_assigned(conditions))
    held = settings.merged(settings.read_config() | {"recipe": name, "training": True, "override": over})
    return json.dumps([held[step] for step in ("bias", "halfway", "resample", "harmonise", "candidates")])


def _sets(conditions: Conditions) -> list[str]:
    return [word for entry in _assigned(conditions) for word in ("--set", entry)]


def _assigned(conditions: Conditions) -> list[str]:
    """The settings that are the same for all recipes; brains are given, whatever a recipe finds them with."""
    edge = f"{conditions.grid_mm:g}"
    return [
        f"resample.finest_mm={edge}", f"resample.coarsest_mm={edge}", "brain.backend=atlas", "networks.device=cpu",
        "networks.threads=1", f"networks.width={conditions.width:g}", "train.folds=2", "train.inner_folds=2",
    ]  # fmt: skip


def _mask(out: Path, pair: Pair) -> Path:
    return anat_file(out, pair, f"space-orig_label-lesion_desc-newSince{pair.baseline_session}_mask.nii.gz")


def _mean(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{np.mean(known):.3f}" if known else ""


def _write_recipe(path: Path, content: Mapping[str, Any]) -> None:
    write_text(path, yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True))


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def _newlesions(words: Sequence[str], log: Path) -> float:
    return _call([sys.executable, "-m", "newlesions", *words], log)


def _call(words: Sequence[str], log: Path) -> float:
    """Run a command with what it says in ``log``; its CPU seconds, with all that it starts."""
    log.parent.mkdir(parents=True, exist_ok=True)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with open(log, "w", encoding="utf-8") as stream:
        try:
            subprocess.run(words, stdout=stream, stderr=subprocess.STDOUT, check=True)
        except subprocess.CalledProcessError as error:
            error.output = log
            raise
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"{log.stem}: {spent:.0f} s of CPU", flush=True)
    return spent


def _reason(error: Exception) -> str:
    log = getattr(error, "output", None)
    return f"see {log.name}" if isinstance(log, Path) else str(error)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipes", nargs="*", metavar="RECIPE", help="names of shipped recipes (all)")
    parser.add_argument("--minutes", type=float, default=2.0, help="CPU minutes that train a recipe (%(default)s)")
    parser.add_argument("--folder", type=Path, default=Path("demo/recipes"), help="where it works (%(default)s)")
    parser.add_argument("--out", type=Path, default=house.root() / "docs" / "recipes", help="the table and the pages")
    parser.add_argument("--subjects", type=int, default=9, help="of the simulated cohort (%(default)s)")
    parser.add_argument("--seed", type=int, default=8, help="of the simulated cohort (%(default)s)")
    parser.add_argument(
        "--voxel", type=float, default=2.0, help="edge of the scans' and the grid's voxels (%(default)s)"
    )
    parser.add_argument("--tiny", action="store_true", help="the tests' scans of 4 mm with few, large lesions")
    parser.add_argument("--width", type=float, default=0.25, help="share of the channels (%(default)s)")
    parser.add_argument("--patch", type=int, default=32, help="the most voxels along a patch (%(default)s)")
    parser.add_argument("--folds", type=int, default=2, help="the most folds of a stage (%(default)s)")
    parser.add_argument("--own-rates", action="store_true", help="the recipes' own learning rates")
    parser.add_argument("--cores", type=int, default=1, help="jobs side by side (%(default)s)")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.recipes if name not in house.recipes() or name == PLAIN]
    if unknown:
        parser.error(f"found {unknown[0]}; expected names of recipes that `newlesions recipes list` tells")
    return options


def _pace(call: Path) -> None:
    """What the process that measures paces does."""
    content = read_json(call)
    paces = paces_of(content["recipe"], [Path(path) for path in content["cases"]], content["width"])
    write_json(call, content | {"paces": paces})


if __name__ == "__main__":
    if sys.argv[1:2] == ["--pace"]:
        _pace(Path(sys.argv[2]))
        sys.exit(0)
    sys.exit(main())
