"""What it costs to tell whether a consensus of a benchmark's recipes is better, against scoring all with every measure.

    python benchmarks/consensus.py

Made-up maps of 1 mm: half of the recipes mark lesions and specks, half of them much of the brain, as networks do that
were trained for a minute. The plain way scores recipes and ways with all measures, one pair after the other; ours takes
the recipes' scores from the benchmark, computes of the ways what is compared, and reads pairs side by side.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from timing import timed

from newlesions.commands.results_table import aligned
from newlesions.consensus.leave_out import QUICK, Known, leave_one_subject_out
from newlesions.evaluate.compare.bootstrap import Bootstrap
from newlesions.evaluate.masks import LabelImage, label_image
from newlesions.processes import cores_of

_SHAPE = (182, 218, 182)
_RECIPES = ("a", "b", "c", "d", "e", "f")
_PAIRS = 4
_BOOTSTRAP = Bootstrap(resamples=1000)


def main() -> None:
    """Measure, print."""
    known = [Known(f"pair-{number}", f"subject-{number}", partial(pair, number)) for number in range(_PAIRS)]
    drawing, _ = timed(lambda: [one.read() for one in known], rounds=1)
    plain, all_of_it = timed(lambda: leave_one_subject_out(_RECIPES, known, bootstrap=_BOOTSTRAP), rounds=1)
    own = {name: all_of_it.scores[name] for name in _RECIPES}
    ours = partial(leave_one_subject_out, _RECIPES, known, bootstrap=_BOOTSTRAP, scored=own, measures=QUICK)
    rows = [["what", "plain s", "ours s", "ratio"], [f"draw {_PAIRS} pairs (twice in each)", "", f"{drawing:.1f}", ""]]
    for cores in dict.fromkeys((1, cores_of())):
        seconds, found = timed(partial(ours, cores=cores), rounds=1)
        if found.rows != all_of_it.rows:
            raise SystemExit("the two ways give other rows")
        rows.append([f"{cores} cores, the same rows", f"{plain:.1f}", f"{seconds:.1f}", f"{plain / seconds:.1f}"])
    print(aligned(rows))


def pair(number: int) -> tuple[NDArray[Any], LabelImage]:
    """The maps of all recipes, and the reference."""
    rng = np.random.default_rng(number)
    axes = np.ix_(*(np.linspace(-1, 1, size) for size in _SHAPE))
    brain = sum(axis**2 for axis in axes) < 0.6
    reference = (speckled(rng, 4) > 3) & brain
    maps = []
    for at, _ in enumerate(_RECIPES):
        bias = -4.0 if at % 2 else -0.5
        maps.append(np.where(brain, 1 / (1 + np.exp(-(1.5 * speckled(rng, 2) + 8 * reference + bias))), 0))
    return np.stack(maps).astype(np.float32), label_image(reference)


def speckled(rng: np.random.Generator, sigma: float) -> NDArray[np.float32]:
    """Smooth noise of deviation 1."""
    noise = ndimage.gaussian_filter(rng.standard_normal(_SHAPE, dtype=np.float32), sigma)
    return np.asarray(noise / noise.std(), np.float32)


if __name__ == "__main__":
    main()
