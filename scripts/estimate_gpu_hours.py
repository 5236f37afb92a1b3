"""What training each recipe as its paper says would take on a GPU: the table of docs/reproduce-msseg2.md.

    python scripts/estimate_gpu_hours.py [--folds 5] [--tflops 20]

Operations are counted on the networks themselves; how many of them a GPU does in a second is an assumption.
"""

from __future__ import annotations

import argparse

from newlesions import house, settings
from newlesions.benchmark.networks import Learned, wanted
from newlesions.recipes.effort import efforts
from newlesions.recipes.stages import is_network_recipe, stages_of

_RATERS = ("1", "2", "3", "4")
_SUBJECTS = 40


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folds", type=int, default=5, help="outer folds (%(default)s)")
    parser.add_argument("--tflops", type=float, default=20.0, help="10^12 operations a second (%(default)s)")
    args = parser.parse_args()
    held_out = _SUBJECTS // args.folds
    learned = Learned(tuple((f"p{n}", f"s{n}") for n in range(_SUBJECTS - held_out)), raters=_RATERS)
    print(f"| recipe | networks in a fold | steps of each | PFLOP in a fold | GPU hours, {args.folds} folds |")
    print("| --- | --- | --- | --- | --- |")
    for name in house.recipes():
        recipe = settings.read_recipe(name)
        if not is_network_recipe(recipe):
            continue
        seen = "train" in recipe["stages"]
        chosen = wanted(stages_of(recipe), learned, 0, seen=seen)
        rows = efforts(recipe)
        networks = sum(len(chosen[row.stage]) for row in rows)
        steps = ", ".join(f"{row.stage} {row.steps:,}" for row in rows)
        total = None if any(row.flops is None for row in rows) else sum(
            (row.flops or 0.0) * len(chosen[row.stage]) for row in rows
        )  # fmt: skip
        work = "—" if total is None else f"{total / 1e15:,.0f}"
        hours = "plans itself" if total is None else f"{total * args.folds / args.tflops / 1e12 / 3600:,.0f}"
        print(f"| `{name}` | {networks} | {steps} | {work} | {hours} |")


if __name__ == "__main__":
    main()
