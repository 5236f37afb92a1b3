"""What this project's own shortcuts gain over the plain calls of the libraries, as ratios within one run.

    python benchmarks/preprocess.py

Each line: the plain way, ours, their ratio, and how far the results lie apart.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from timing import timed

from newlesions.commands.results_table import aligned
from newlesions.images.morphology import dilate, label_lesions
from newlesions.preprocess.differential_bias import differential_bias

_SHAPE = (150, 180, 150)  # a brain at 1 mm
_WIDTH = 22.0  # mm
_PART = 56  # voxels; the side of the cube on which the plain median is timed


def main() -> None:
    """Measure, print."""
    heading = ["what", "plain s", "ours s", "ratio", "difference"]
    print(aligned([heading, bias(), labels(), ball()]))


def bias() -> list[str]:
    """The median of the differential bias: over blocks of 3 mm, or over voxels.

    The plain way is timed on a cube in the middle, since it takes minutes on the whole, and counted up.
    """
    rng, brain = np.random.default_rng(0), _ellipsoid(_SHAPE)
    true = 0.2 * np.linspace(-1, 1, _SHAPE[0])[:, None, None] ** 2 * np.ones(_SHAPE)
    before, after = (
        (np.where(brain, 100 * np.exp(field) + rng.normal(0, 3, _SHAPE), 1)).astype(np.float32)
        for field in (true, np.zeros(_SHAPE))
    )
    ours, field = timed(lambda: differential_bias(before, after, brain, 1.0, _WIDTH))
    cube = tuple(slice(n // 2 - _PART // 2, n // 2 + _PART // 2) for n in _SHAPE)
    ratio = np.log(before[cube] / after[cube])
    plain, median = timed(lambda: ndimage.median_filter(ratio, int(_WIDTH)), rounds=1)
    # Compared where the plain window does not leave the cube.
    core = tuple(slice(int(_WIDTH) // 2, -(int(_WIDTH) // 2)) for _ in range(3))
    apart = float(np.abs(field[cube][core] - median[core]).max())
    return _row("differential bias: blocks / voxels", plain * np.prod(_SHAPE) / _PART**3, ours, f"{apart:.4f} (log)")


def labels() -> list[str]:
    """Connected components of a lesion mask, 26 neighbours: cc3d, or scipy."""
    noise = ndimage.gaussian_filter(np.random.default_rng(1).normal(size=_SHAPE), 2)
    mask = noise > np.quantile(noise, 0.98)
    ours, found = timed(lambda: label_lesions(mask))
    plain, expected = timed(lambda: ndimage.label(mask, np.ones((3, 3, 3)))[0])
    return _row("label_lesions: cc3d / scipy", plain, ours, f"{abs(int(found.max()) - int(expected.max()))} lesions")


def ball() -> list[str]:
    """A round dilation by 6 mm: by distance, or with a ball as structure."""
    mask, radius = _ellipsoid(_SHAPE), 6
    offsets = np.mgrid[-radius : radius + 1, -radius : radius + 1, -radius : radius + 1]
    structure = (offsets**2).sum(axis=0) <= radius**2
    ours, found = timed(lambda: dilate(mask, radius, 1.0))
    plain, expected = timed(lambda: ndimage.binary_dilation(mask, structure), rounds=1)
    return _row("dilation by 6 mm: distance / ball", plain, ours, f"{np.count_nonzero(found != expected)} voxels")


def _ellipsoid(shape: tuple[int, int, int]) -> NDArray[np.bool_]:
    axes = np.ogrid[tuple(slice(-1, 1, complex(0, size)) for size in shape)]
    return np.asarray(sum(axis**2 for axis in axes) < 0.8)


def _row(what: str, plain: float, ours: float, difference: str) -> list[str]:
    return [what, f"{plain:.2f}", f"{ours:.2f}", f"{plain / ours:.1f}", difference]


if __name__ == "__main__":
    main()
