"""What the scores of a pair cost, against the plain way: whole volumes, distance maps.

    python benchmarks/evaluate.py

Each line: the plain way, ours, their ratio, and how far the measures lie apart. Reading the files is timed apart.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from timing import timed

from newlesions.commands.results_table import aligned
from newlesions.evaluate.masks import LabelImage, read_mask
from newlesions.evaluate.measures import DETECTION, SEGMENTATION, Comparison
from newlesions.images.io import write_volume
from newlesions.images.volume import Volume

_GRIDS = (((182, 218, 182), (1.0, 1.0, 1.0)), ((512, 512, 144), (0.5, 0.5, 1.0)))
_LESIONS = 30

Mask = NDArray[np.bool_]


def main() -> None:
    """Measure, print."""
    rows = [["what", "plain s", "ours s", "ratio", "difference"]]
    with tempfile.TemporaryDirectory() as folder:
        for shape, spacing in _GRIDS:
            rows += measure(Path(folder), shape, spacing)
    print(aligned(rows))


def measure(folder: Path, shape: tuple[int, ...], spacing: tuple[float, ...]) -> list[list[str]]:
    """The rows of one grid."""
    rng = np.random.default_rng(0)
    reference = lesions(rng, shape, spacing, _LESIONS)
    prediction = np.roll(reference, (1, 1), (0, 1)) | lesions(rng, shape, spacing, 4)
    paths = [folder / "reference.nii.gz", folder / "prediction.nii.gz"]
    for path, mask in zip(paths, (reference, prediction), strict=True):
        write_volume(path, Volume(mask, np.diag([*spacing, 1.0])))
    reading, images = timed(lambda: [read_mask(path) for path in paths])
    some, part = timed(lambda: Comparison(*images).measures((*SEGMENTATION, *DETECTION)))
    every, measures = timed(lambda: Comparison(*images).measures())
    plain_some, plain_part = timed(lambda: plain_overlap(*images), rounds=1)
    plain_surface, distances = timed(lambda: plain_distances(*images), rounds=1)
    size = "x".join(map(str, shape))
    return [
        [f"{size}: read both files", "", f"{reading:.3f}", "", ""],
        row(f"{size}: voxels and lesions", plain_some, some, apart(plain_part, part)),
        row(f"{size}: all measures", plain_some + plain_surface, every, apart(plain_part | distances, measures)),
    ]


def lesions(rng: np.random.Generator, shape: tuple[int, ...], spacing: tuple[float, ...], count: int) -> Mask:
    """Balls of 2 to 7 mm radius in the middle of the field of view."""
    mask = np.zeros(shape, np.bool_)
    for _ in range(count):
        radius = rng.uniform(2, 7)
        centre = [rng.uniform(0.2, 0.8) * n for n in shape]
        box = tuple(slice(int(c - radius / s), int(c + radius / s) + 2) for c, s in zip(centre, spacing, strict=True))
        apart = [(np.arange(b.start, b.stop) - c) * s for b, c, s in zip(box, centre, spacing, strict=True)]
        mask[box] |= sum(axis**2 for axis in np.ix_(*apart)) < radius**2
    return mask


def plain_overlap(reference: LabelImage, prediction: LabelImage) -> dict[str, float]:
    """Dice and the number of lesions, from whole volumes."""
    one, other = reference.labels > 0, prediction.labels > 0
    labels = [ndimage.label(mask)[0] for mask in (one, other)]
    np.histogram2d(labels[0].ravel(), labels[1].ravel(), bins=[int(image.max()) + 1 for image in labels])
    return {"Dice": 2.0 * (one & other).sum() / (one.sum() + other.sum())}


def plain_distances(reference: LabelImage, prediction: LabelImage) -> dict[str, float]:
    """The Hausdorff distance, from two distance maps."""
    one, other = reference.labels > 0, prediction.labels > 0
    to = [ndimage.distance_transform_edt(~mask, sampling=reference.spacing) for mask in (one, other)]
    return {"HausdorffDistance": float(max(to[0][other].max(), to[1][one].max()))}


def apart(plain: dict[str, float], ours: dict[str, float]) -> str:
    """The largest difference of a measure that both ways give."""
    return f"{max(abs(value - ours[name]) for name, value in plain.items()):.1e}"


def row(name: str, plain: float, ours: float, difference: str) -> list[str]:
    """A line of the table."""
    return [name, f"{plain:.3f}", f"{ours:.3f}", f"{plain / ours:.1f}", difference]


if __name__ == "__main__":
    main()
