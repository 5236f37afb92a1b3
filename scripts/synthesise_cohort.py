#!/usr/bin/env python3
"""Make pairs with known new lesions from your own scans, for training and for tests.

    python scripts/synthesise_cohort.py OUT --scans SCAN.nii.gz ... --shapes MASKS --per-scan 2 --seed 0
    newlesions run OUT RESULT --references OUT/derivatives/reference --brains OUT/derivatives/reference

Each scan becomes `--per-scan` pairs of visits; `--pairs BIDS_DIR` adds lesions to both visits of real pairs, whose own
changes stay in the reference where BIDS_DIR/derivatives/reference knows them. A mask `*_label-lesion_mask` beside a
scan says where its lesions are: some of them then come or go as well. Scans without skull are recognised.
`participants.tsv` names the real subject of each pair (`source`): pairs of one source belong on one side of a split.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from itertools import chain, pairwise
from pathlib import Path

import numpy as np
from scipy import ndimage

from newlesions.cohort.entities import parse_name
from newlesions.images.io import read_volume
from newlesions.images.morphology import Mask
from newlesions.images.volume import Affine, Array, Volume
from newlesions.learn.synthesis.host import Host, prepare
from newlesions.learn.synthesis.layout import write_descriptions, write_pair, write_participants
from newlesions.learn.synthesis.library import Library, read_library
from newlesions.learn.synthesis.pair import draw_plan, make_pair, make_real_pair
from newlesions.preprocess.bias import PRESETS, correct_bias
from newlesions.preprocess.brain import Brain, extract_brain, locate_brain
from newlesions.preprocess.halfway import Visit, find_halfway
from newlesions.simulate.lesions import Change

QUIET = 5  # one pair in so many has no new lesion


def main() -> None:
    """Write the cohort."""
    args = _arguments()
    library = read_library(args.shapes) if args.shapes else None
    write_descriptions(args.out)
    rows: list[dict[str, str | int]] = []
    for row in chain(_from_scans(args, library), _from_pairs(args, library)):
        print(
            "  ".join(f"{name} {value}" if isinstance(value, int) else value for name, value in row.items()), flush=True
        )
        rows.append(row)
        write_participants(args.out, rows)


def _from_scans(args: argparse.Namespace, library: Library | None) -> Iterator[dict[str, str | int]]:
    for number, path in enumerate(args.scans):
        host, _ = read_host(path, library)
        for n in range(args.per_scan):
            rng = np.random.default_rng((args.seed, 0, number, n))
            plan = draw_plan(rng, new=(number * args.per_scan + n) % QUIET != QUIET - 1)
            pair = make_pair(host, plan, library, rng)
            yield write_pair(args.out, f"{label_of(path)}x{n + 1}", source_of(path), _stem(path), pair)


def _from_pairs(args: argparse.Namespace, library: Library | None) -> Iterator[dict[str, str | int]]:
    for number, paths in enumerate(real_pairs(args.pairs) if args.pairs else []):
        visits = [read_host(path, library) for path in paths]
        moved = register(*visits)
        real = real_labels(args.pairs, paths[1], visits[1][0])
        for n in range(args.per_pair):
            rng = np.random.default_rng((args.seed, 1, number, n))
            pair = make_real_pair(visits[0][0], visits[1][0], moved, draw_plan(rng), library, rng, real)
            scan = f"{_stem(paths[0])} {_stem(paths[1])}"
            yield write_pair(args.out, f"{label_of(paths[1])}p{n + 1}", source_of(paths[1]), scan, pair)


def read_host(path: Path, library: Library | None) -> tuple[Host, Visit]:
    """A scan ready for lesions, and ready for registration."""
    image = read_volume(path)
    flat = correct_bias(image, PRESETS["fast"])
    stripped = stripped_brain(image)
    brain: Brain = extract_brain(flat) if stripped is None else locate_brain(flat, image.with_data(stripped))
    marked = path.with_name(path.name.replace("_FLAIR", "_label-lesion_mask"))
    lesions = read_volume(marked).data > 0.5 if marked != path and marked.is_file() else None
    frequency = library.frequency if library else None
    host = prepare(image, flat, brain.mask, brain.mni_from_scan, frequency=frequency, lesions=lesions)
    return host, Visit(flat, brain.mask, brain.mni_from_scan)


def stripped_brain(image: Volume) -> Mask | None:
    """The brain of a scan whose skull has been taken off already: all that is not zero. None if it has a skull."""
    inside = np.asarray(ndimage.binary_fill_holes(image.data > 0))
    millilitres = inside.sum() * image.voxel_volume / 1000
    return inside if millilitres < 2300 and inside.mean() < 0.6 else None


def register(baseline: tuple[Host, Visit], followup: tuple[Host, Visit]) -> Affine:
    """The rigid matrix from the baseline's RAS mm to the follow-up's."""
    halfway = find_halfway(baseline[1], followup[1])
    return np.asarray(halfway.followup_from_halfway @ np.linalg.inv(halfway.baseline_from_halfway))


def real_pairs(bids: Path) -> list[tuple[Path, Path]]:
    """The consecutive sessions with a FLAIR of each subject."""
    pairs = []
    for subject in sorted(bids.glob("sub-*")):
        scans = sorted(subject.glob("ses-*/anat/*_FLAIR.nii*"))
        pairs += list(pairwise(scans))
    return pairs


def real_labels(bids: Path, followup: Path, host: Host) -> Array | None:
    """The real changes of a pair as far as references know them: what is new and what is gone."""
    labels = np.zeros(host.image.data.shape, dtype=np.uint8)
    found = False
    for change in (Change.GONE, Change.NEW):
        name = f"{_stem(followup)}_space-orig_label-lesion_desc-{change.name.lower()}*_mask.nii*"
        for path in sorted((bids / "derivatives" / "reference").rglob(name)):
            labels[read_volume(path).data > 0.5] = change
            found = True
    return labels if found else None


def label_of(path: Path) -> str:
    """A subject label from a scan's own labels: sub-01_ses-2 becomes 01s2."""
    entities = entities_of(path)
    session = f"s{entities['ses']}" if "ses" in entities else ""
    return re.sub("[^0-9A-Za-z]", "", entities["sub"] + session)


def source_of(path: Path) -> str:
    """The real subject of a scan."""
    return f"sub-{entities_of(path)['sub']}"


def entities_of(path: Path) -> dict[str, str]:
    """The labels in a scan's name; the whole name is the subject's label where the name is not BIDS."""
    name = parse_name(path.name)
    return {"sub": path.name.split(".")[0]} | dict(name.entities if name else {})


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--scans", type=Path, nargs="*", default=[], metavar="FLAIR")
    parser.add_argument("--pairs", type=Path, metavar="BIDS_DIR", help="real pairs to put lesions into")
    parser.add_argument("--shapes", type=Path, metavar="FOLDER", help="lesion masks in MNI space; else random blobs")
    parser.add_argument("--per-scan", type=int, default=1)
    parser.add_argument("--per-pair", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    if not args.scans and not args.pairs:
        parser.error("give --scans, --pairs or both")
    missing = [str(path) for path in (*args.scans, args.pairs, args.shapes) if path and not path.exists()]
    if missing:
        parser.error(f"not found: {', '.join(missing)}")
    return args


def _stem(path: Path) -> str:
    return path.name.split("_FLAIR")[0]


if __name__ == "__main__":
    main()
