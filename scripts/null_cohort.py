#!/usr/bin/env python3
"""Make pairs in which nothing changed from your own scans: what is found in them is false.

    python scripts/null_cohort.py BIDS_DIR NULL_DIR
    newlesions run NULL_DIR OUT_DIR

Each scan of BIDS_DIR becomes a subject with two sessions: the scan with a little more noise, and the same head moved
(up to 6 degrees and 6 mm) with other noise. Deterministic by --seed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from newlesions.images.files import write_json
from newlesions.images.io import read_volume, write_volume
from newlesions.simulate.no_change import add_rician_noise, move


def main() -> None:
    """Write the null cohort."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bids", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--noise", type=float, default=0.02, help="SD of the noise added, relative to the head")
    args = parser.parse_args()
    scans = sorted(args.bids.glob("sub-*/**/anat/*_FLAIR.nii*"))
    write_json(args.out / "dataset_description.json", {"Name": "Null pairs", "BIDSVersion": "1.10.0"})
    for number, scan in enumerate(scans):
        rng = np.random.default_rng((args.seed, number))
        label = "".join(part.split("-")[1] for part in scan.name.split("_") if part.startswith(("sub-", "ses-")))
        volume = read_volume(scan)
        rotation, translation = rng.uniform(-6, 6, 3), rng.uniform(-6, 6, 3)
        moved = move(volume, rotation, translation)
        for session, visit in (("1", volume), ("2", moved)):
            path = args.out / f"sub-{label}" / f"ses-{session}" / "anat" / f"sub-{label}_ses-{session}_FLAIR.nii.gz"
            write_volume(path, add_rician_noise(visit, args.noise, rng))
        print(f"sub-{label}: turned {np.round(rotation, 1)} degrees, shifted {np.round(translation, 1)} mm")


if __name__ == "__main__":
    main()
