"""The table on the recipes' pages: all of them, made small alike, trained for the same minutes on simulated heads.

    python benchmarks/recipes.py [--recipes LIST] [--minutes 0.25] [--folder demo/recipes]

Draws a cohort with new lesions marked by four raters, runs `newlesions benchmark` on it, and writes what its
leaderboard says into docs/recipes/measured.tsv and the recipes' pages. The same command goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import platform
import re
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import cc3d
import numpy as np
from scipy import ndimage

from newlesions import house, settings
from newlesions.benchmark.folders import leaderboard_files
from newlesions.cohort.pairs import Pair, join_raters
from newlesions.cohort.pairs_table import read_pairs, write_pairs
from newlesions.images.io import read_volume, write_volume
from newlesions.recipes import measured
from newlesions.recipes.effort import steps_of
from newlesions.recipes.stages import stages_of
from newlesions.report.tables import number, read_rows

PLAIN = "subtraction"
"""What the others are held against."""

RATERS = 4

_OVERLOOKED = 0.1
"""The chance that a made rater overlooks a lesion."""

_SMALL = ("--patch", "32", "--batch", "16", "--members", "2", "--raise-rates")
_COARSEST_MM = 3.0
"""Of a working grid, by the configuration's schema."""

_EXTRA = 3
"""Subjects that are set aside for recipes that ask for further pairs."""


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark, write the table and the pages. Returns 1 where a recipe could not take part."""
    options = _options(arguments)
    folder = options.folder.absolute()
    cohort(folder, options)
    code = _newlesions(benchmark_words(folder, options), (0, 1))
    described = (
        f"{options.subjects} simulated heads of {_voxel(options):g} mm, seed {options.seed}, {options.folds} folds"
    )
    rows = rows_of(folder / "benchmark", described, options.minutes, machine())
    measured.write(options.out / "measured.tsv", rows)
    _call([sys.executable, str(house.root() / "scripts" / "make_recipe_pages.py"), "--folder", str(options.out)])
    return code


def cohort(folder: Path, options: argparse.Namespace) -> None:
    """Write ``pairs.tsv`` and ``extra.tsv`` into ``folder``, where they are not there yet.

    Brains are given, since finding them is not what is measured.
    """
    if (folder / "pairs.tsv").is_file():
        return
    bids, found = folder / "cohort", folder / "found.tsv"
    masks = bids / "derivatives" / "reference"
    voxels = ["--tiny"] if options.voxel is None else ["--voxel", *[f"{options.voxel:g}"] * 3]
    drawn = ["--subjects", str(options.subjects + _EXTRA), "--seed", str(options.seed), *voxels]
    _call([sys.executable, str(house.root() / "scripts" / "simulate_cohort.py"), str(bids), *drawn])
    _newlesions(["index", str(bids), "-o", str(found), "--references", str(masks), "--brains", str(masks)])
    pairs = [rated(folder / "raters", pair) for pair in read_pairs(found)]
    aside = sorted({pair.subject for pair in pairs})[-_EXTRA:]
    write_pairs(folder / "extra.tsv", [pair for pair in pairs if pair.subject in aside])
    write_pairs(folder / "pairs.tsv", [pair for pair in pairs if pair.subject not in aside])


def rated(folder: Path, pair: Pair) -> Pair:
    """The pair with the masks of four raters: two draw widely, and each overlooks some lesions."""
    reference = read_volume(Path(pair.reference))
    labels = cc3d.connected_components(reference.data > 0, connectivity=26)
    named = {}
    for rater in range(1, RATERS + 1):
        rng = np.random.default_rng([rater, int(pair.subject)])
        seen = [label for label in range(1, int(labels.max()) + 1) if rng.uniform() >= _OVERLOOKED]
        mask = np.isin(labels, seen)
        path = folder / f"{pair.pair}_{rater}.nii.gz"
        write_volume(path, reference.with_data(ndimage.binary_dilation(mask) if rater % 2 else mask))
        named[str(rater)] = str(path)
    return pair.with_values(raters=join_raters(named))


def benchmark_words(folder: Path, options: argparse.Namespace) -> list[str]:
    """The command that everything comes from."""
    edge = min(_voxel(options), _COARSEST_MM)
    sets = (f"networks.width={options.width:g}", "networks.threads=1", f"resample.finest_mm={edge:g}",
            f"resample.coarsest_mm={edge:g}", "brain.backend=atlas", "bias.preset=fast")  # fmt: skip
    return [
        "benchmark", "--pairs", str(folder / "pairs.tsv"), "--extra-pairs", str(folder / "extra.tsv"),
        "--recipes", *options.recipes, "--folds", str(options.folds), "--budget", f"{options.minutes:g}",
        "--out", str(folder / "benchmark"), "--cores", str(options.cores), *_SMALL,
        *(word for value in sets for word in ("--set", value)),
    ]  # fmt: skip


def rows_of(out: Path, cohort: str, minutes: float, machine: str) -> list[measured.Row]:
    """The rows of the table, from a benchmark's leaderboard."""
    files = leaderboard_files()
    costs = {row["recipe"]: row for row in read_rows(out / files["costs"])}
    table = read_rows(out / files["table"])
    plain = next((number(row["Dice"]) for row in table if row["recipe"] == PLAIN), None)
    return [_row(row, costs.get(row["recipe"], {}), plain) | {
        "cohort": cohort, "machine": machine, "budget_min": f"{minutes:g}" if row["networks"] not in ("", "0") else "",
    } for row in table]  # fmt: skip


def _row(row: Mapping[str, str], cost: Mapping[str, str], plain: float | None) -> measured.Row:
    """What the leaderboard and the table of costs say of one recipe."""
    name, dice = row["recipe"], number(row["Dice"])
    remarks = [row["remark"], row["reason"]]
    steps = cost.get("steps", "")
    if dice is not None and plain is not None and dice < plain and steps:
        stages = [one for one in stages_of(settings.read_recipe(name)) if one.is_trained]
        own = ", ".join(f"{one.name} {steps_of(one)}" for one in stages)
        remarks.append(f"below the subtraction after so few steps (its own: {own})")
    return {
        "recipe": name,
        "networks": row["networks"],
        "steps": steps,
        "train_cpu_min": _rounded(row["train_cpu_min"], 2),
        "apply_s": _rounded(row["apply_cpu_s"], 2),
        "Dice": _rounded(row["Dice"], 3),
        "F1_score": _rounded(row["F1_score"], 3),
        "false_lesions": _rounded(row["false_lesions"], 1),
        "empty_clean": row["empty_clean"],
        "remark": "; ".join(remark for remark in remarks if remark),
    }


def _rounded(text: str, digits: int) -> str:
    value = number(text)
    return "" if value is None else f"{value:.{digits}f}"


def machine() -> str:
    """The class of this machine: processor, threads, torch."""
    text = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").is_file() else ""
    found = re.search(r"model name\s*:\s*(.+)", text)
    name = found.group(1).strip() if found else platform.processor() or platform.machine()
    return f"{name}, one thread a job, torch {version('torch')}"


def _voxel(options: argparse.Namespace) -> float:
    return 4.0 if options.voxel is None else float(options.voxel)


def _newlesions(words: list[str], codes: tuple[int, ...] = (0,)) -> int:
    return _call([sys.executable, "-m", "newlesions", *words], codes)


def _call(words: list[str], codes: tuple[int, ...] = (0,)) -> int:
    code = subprocess.run(words, check=False).returncode
    if code not in codes:
        raise SystemExit(code)
    return code


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipes", nargs="+", default=["all"], help="as of newlesions benchmark (all)")
    parser.add_argument("--minutes", type=float, default=0.25, help="CPU minutes that train a recipe (%(default)s)")
    parser.add_argument("--folder", type=Path, default=Path("demo/recipes"), help="where it works (%(default)s)")
    parser.add_argument("--out", type=Path, default=house.root() / "docs" / "recipes", help="the table and the pages")
    parser.add_argument("--subjects", type=int, default=6, help="of the simulated cohort (%(default)s)")
    parser.add_argument("--seed", type=int, default=8, help="of the simulated cohort (%(default)s)")
    parser.add_argument("--voxel", type=float, help="edge of the scans' voxels in mm (the tests' tiny heads of 4 mm)")
    parser.add_argument("--folds", type=int, default=2, help="of the benchmark (%(default)s)")
    parser.add_argument("--width", type=float, default=0.25, help="share of the channels (%(default)s)")
    parser.add_argument("--cores", type=int, default=1, help="jobs side by side (%(default)s)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
