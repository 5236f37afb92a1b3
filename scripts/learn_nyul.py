"""Learn the standard intensity scale that ships with the package, from FLAIR scans.

    python scripts/learn_nyul.py SCANS --learned-from "which scans, whose, under which licence"

SCANS is a BIDS folder, or a tab-separated table with a column `scan` and, if there are brain masks, a column `brain`
(relative paths start at the table's folder).
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from newlesions.cohort.bids import find_scans
from newlesions.errors import ConfigError
from newlesions.images.files import write_json
from newlesions.images.io import read_volume
from newlesions.preprocess.bias import PRESETS, correct_bias
from newlesions.preprocess.brain import extract_brain
from newlesions.preprocess.normalise import PERCENTILES, learn_scale

_SHIPPED = Path(__file__).parents[1] / "src" / "newlesions" / "data" / "nyul_flair.json"


def main(arguments: list[str] | None = None) -> None:
    """Read the scans, learn, write, and print where each scan's percentiles fall."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scans", type=Path, help="a BIDS folder, or a table with the columns scan and, if any, brain")
    parser.add_argument("--learned-from", required=True, help="source and licence of the scans, kept in the file")
    parser.add_argument("--out", type=Path, default=_SHIPPED, help="where to write (the package's own file)")
    parser.add_argument("--corrected", action="store_true", help="the scans are free of bias already")
    options = parser.parse_args(arguments)
    try:
        scans = read_table(options.scans) if options.scans.is_file() else bids_scans(options.scans)
    except ConfigError as error:
        parser.error(str(error))
    brains = []
    for scan, brain in scans:
        brains.append(brain_values(scan, brain, corrected=options.corrected))
        print(scan.name, " ".join(f"{mark:.1f}" for mark in learn_scale(brains[-1:]).landmarks), flush=True)
    landmarks = [round(mark, 4) for mark in learn_scale(brains).landmarks]
    content = {
        "percentiles": list(PERCENTILES),
        "landmarks": landmarks,
        "range": [1, 100],
        "learned_from": options.learned_from,
    }
    write_json(options.out, content)
    print(f"mean of {len(brains)}:", " ".join(f"{mark:.1f}" for mark in landmarks))


def read_table(path: Path) -> list[tuple[Path, Path | None]]:
    """The scans of a table and their brain masks, None where there is none."""
    with open(path, encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    if not rows or "scan" not in rows[0]:
        raise ConfigError(f"{path}: found no column `scan` with scans below it; expected at least one scan")
    return [(path.parent / row["scan"], path.parent / row["brain"] if row.get("brain") else None) for row in rows]


def bids_scans(folder: Path) -> list[tuple[Path, Path | None]]:
    """The FLAIR scans of a BIDS folder; their brains are still to be found."""
    return [(scan.path, None) for scan in find_scans(folder).scans]


def brain_values(scan: Path, brain: Path | None, *, corrected: bool) -> NDArray[np.float32]:
    """The intensities inside one brain, free of bias, shape (n,)."""
    volume = read_volume(scan)
    if not corrected:
        volume = correct_bias(volume, PRESETS["fast"])
    mask = extract_brain(volume).mask.data if brain is None else read_volume(brain).data > 0
    if mask.shape != volume.data.shape:
        raise SystemExit(f"{brain}: found a mask of shape {mask.shape}; expected {volume.data.shape}, as {scan}")
    return volume.data[mask]


if __name__ == "__main__":
    main()
