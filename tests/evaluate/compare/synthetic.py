"""Tables of scores of made-up systems, in the formats of `newlesions evaluate --details`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from newlesions.evaluate.compare.bootstrap import Bootstrap
from newlesions.evaluate.compare.catalogue import ADDITIONS, SCORES
from newlesions.evaluate.compare.comparison import Comparison, compare
from newlesions.evaluate.compare.read import SIZE_CLASSES, read_system

FEW = Bootstrap(200)
FIFTEEN = [measure.name for measure in SCORES]
QUANTITIES = ["reference_count", "predicted_count", "reference_volume_mm3", "predicted_volume_mm3"]
THRESHOLDS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
COUNTS = ("true_voxels", "predicted_voxels", "reference_voxels", "found", "reference", "true", "predicted")


def write_rows(path: Path, header: Sequence[str], rows: Sequence[dict[str, Any]]) -> Path:
    """A tab-separated table; what a row lacks is empty."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ["\t".join(header), *("\t".join(_cell(row.get(column, "")) for column in header) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_scores(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    """A ``scores.tsv`` of rows that need to name only the measures that matter."""
    return write_rows(path, ["pair", *FIFTEEN], rows)


def scored(pair: str, value: float, **others: float) -> dict[str, Any]:
    """A row of a pair with lesions: all thirteen measures are ``value`` but ``others``."""
    return {"pair": pair, **dict.fromkeys(FIFTEEN[:13], value), **others}


def unscored(pair: str, count: float, volume: float) -> dict[str, Any]:
    """A row of a pair with an empty reference."""
    return {"pair": pair, "NbTestedLesions": count, "VolTestedLesions": volume}


def write_system(path: Path, pairs: int = 24, skill: float = 1.0, seed: int = 1, details: bool = True) -> Path:
    """A system over ``pairs`` pairs, every fourth without lesions; with more ``skill`` more is found, less is false.

    The reference of a pair depends on its number alone, so that systems are comparable.
    """
    own = np.random.default_rng([seed, 7])
    made = [_pair(number, skill, own) for number in range(pairs)]
    write_scores(path, [row for row, *_ in made])
    if details:
        folder = path.with_suffix("")
        write_rows(folder / "additions.tsv", ["pair", *(m.name for m in ADDITIONS), *QUANTITIES], [m[1] for m in made])
        header = ["pair", "side", "id", "volume_mm3", "size_class", "region", "x_mm", "y_mm", "z_mm", "hit", "overlap"]
        write_rows(folder / "lesions.tsv", header, [row for m in made for row in m[2]])
        write_rows(folder / "curves.tsv", ["pair", "threshold", *COUNTS], [row for m in made for row in m[3]])
    return path


def compared(folder: Path, *names: str, details: bool = True, measures: tuple[str, ...] = ()) -> Comparison:
    """Made-up systems of these names over 16 pairs, each better than the one before."""
    paths = [
        write_system(folder / name / "scores.tsv", 16, skill=n, seed=n, details=details) for n, name in enumerate(names)
    ]
    return compare([read_system(name, path) for name, path in zip(names, paths, strict=True)], FEW, measures)


def _pair(number: int, skill: float, own: np.random.Generator) -> tuple[Any, Any, Any, Any]:
    pair = f"sub-{number:03d}_ses-M12"
    reference = np.random.default_rng([number, 3])
    count = 0 if number % 4 == 3 else 1 + int(reference.poisson(3))
    volumes = np.exp(reference.normal(3.8, 1.2, count)) + 3.1
    ease = skill + 0.9 * (np.log(volumes) - 4) + own.normal(0, 0.7, count)  # of each lesion, in logits
    noise = own.normal(-1.2 - skill, 1.1, int(own.poisson(2)))  # false lesions
    curves = [_at(pair, threshold, volumes, ease, noise) for threshold in THRESHOLDS]
    mask = _at(pair, 0.5, volumes, ease, noise) | {"threshold": "mask"}
    additions = {
        "pair": pair,
        "reference_count": count,
        "predicted_count": mask["predicted"],
        "reference_volume_mm3": volumes.sum(),
        "predicted_volume_mm3": float(mask["predicted_voxels"]),
        "volume_difference_mm3": mask["predicted_voxels"] - volumes.sum(),
        "count_difference": mask["predicted"] - count,
    }
    lesions = [
        {"pair": pair, "side": "reference", "id": n + 1, "volume_mm3": volume, "size_class": size_class(volume),
         "hit": int(ease[n] > 0), "overlap": 0.5}
        for n, volume in enumerate(volumes)
    ]  # fmt: skip
    if not count:
        row = unscored(pair, mask["predicted"], mask["predicted_voxels"])
        return row, additions | {"dice_modified": float(mask["predicted"] == 0)}, lesions, [*curves, mask]
    dice = 2 * mask["true_voxels"] / (mask["predicted_voxels"] + mask["reference_voxels"])
    sensitivity, ppv = mask["found"] / count, mask["true"] / mask["predicted"] if mask["predicted"] else 0.0
    f1 = 2 * sensitivity * ppv / (sensitivity + ppv) if sensitivity + ppv else 0.0
    distance = float("nan") if not mask["predicted"] else 1 / (dice + 0.1)
    row = scored(pair, dice, SensL=sensitivity, PPVL=ppv, F1_score=f1, HausdorffDistance=distance * 9)
    additions |= {"assd_mm": distance, "hd95_mm": distance * 5, "dice_modified": dice}
    return row, additions | {"ppv_lesion_26": ppv, "sens_lesion_26": sensitivity, "f1_26": f1}, lesions, [*curves, mask]


def _at(pair: str, threshold: float, volumes: Any, ease: Any, noise: Any) -> dict[str, Any]:
    logit = np.log(threshold / (1 - threshold))
    found, false = ease > logit, noise > logit
    share = np.clip(0.55 + 0.2 * (ease - logit), 0, 0.95)
    true_voxels = int((volumes * share)[found].sum())
    return {
        "pair": pair, "threshold": threshold, "true_voxels": true_voxels,
        "predicted_voxels": int(1.2 * true_voxels) + 30 * int(false.sum()), "reference_voxels": int(volumes.sum()),
        "found": int(found.sum()), "reference": len(volumes), "true": int(found.sum()),
        "predicted": int(found.sum() + false.sum()),
    }  # fmt: skip


def size_class(volume: float) -> str:
    """The class of a volume in mm3: lower bound excluded, upper included."""
    return next((name for name, top in zip(SIZE_CLASSES, (10, 30, 100, 300), strict=False) if volume <= top), ">300")


def _cell(value: Any) -> str:
    return f"{value:.6f}" if isinstance(value, float) else str(value)
