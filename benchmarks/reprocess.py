"""What verifying and comparing large cohorts costs.

    python benchmarks/reprocess.py [--pairs N] [--differ N] [--files N]

Writes two releases of made-up pairs (label images at 1 mm, a lesion table, further small files), then times reading,
digests (`verify --sample 0`) and the comparison of equal and of partly different releases.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np

from newlesions.cohort.pairs import Pair
from newlesions.cohort.pairs_table import write_pairs
from newlesions.cohort.results import (
    anat_file,
    cohort_files,
    labels_file,
    lesion_table_file,
    page_file,
    summary_file,
    work_folder,
)
from newlesions.images.files import write_bytes, write_json, write_text
from newlesions.images.io import nifti_bytes
from newlesions.made import made_line
from newlesions.reasons import ending
from newlesions.reprocess.difference import compare_releases
from newlesions.reprocess.digests import check_outputs
from newlesions.reprocess.release import read_release
from newlesions.settings import read_config, settle
from newlesions.steps.table import table

SHAPE = (182, 218, 182)


def main() -> None:
    """Write, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--differ", type=int, default=50, help="pairs whose label images differ")
    parser.add_argument("--files", type=int, default=18, help="further files of a pair")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="newlesions-bench-") as name:
        folder = Path(name)
        pairs = [Pair.of(f"{number:05d}", ("M00", "M12"), ("/a.nii", "/b.nii")) for number in range(args.pairs)]
        images = [_labels(seed) for seed in range(2)]
        first, second = folder / "first", folder / "second"
        for out in (first, second):
            for number, pair in enumerate(pairs):
                _pair(out, pair, images[out is second and number < args.differ], args.files)
            write_pairs(out / "pairs.tsv", pairs)
        _timed(f"table: gather the digests of {args.pairs} pairs", lambda: _table(first))
        _table(second)
        shutil.copytree(first, folder / "copy")
        equal = _timed("read a release", lambda: read_release(first))
        print(f"sha256sums.txt {(first / 'sha256sums.txt').stat().st_size / args.pairs / 1000:.1f} kB a pair")
        _timed("verify --sample 0: the outputs' digests", lambda: check_outputs(equal, 1))
        copy, other = read_release(folder / "copy"), read_release(second)
        _timed("diff of equal releases", lambda: compare_releases(equal, copy))
        _timed(f"diff, {args.differ} pairs differ", lambda: compare_releases(equal, other))
    print(f"largest memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def _timed(what: str, call: Callable[[], Any]) -> Any:
    wall, cpu = perf_counter(), process_time()
    result = call()
    print(f"{perf_counter() - wall:7.2f} s wall {process_time() - cpu:7.2f} s CPU  {what}", flush=True)
    return result


def _labels(seed: int) -> bytes:
    """A label image with some thirty small lesions."""
    random = np.random.default_rng(seed)
    data = np.zeros(SHAPE, dtype=np.uint8)
    for _ in range(30):
        i, j, k = (int(random.integers(30, side - 30)) for side in SHAPE)
        data[i : i + 5, j : j + 4, k : k + 6] = random.integers(1, 5)
    return nifti_bytes(data, np.eye(4), compressed=True)


def _pair(out: Path, pair: Pair, labels: bytes, files: int) -> None:
    paths = [labels_file(out, pair), lesion_table_file(out, pair), page_file(out, pair)]
    write_bytes(paths[0], labels)
    for path in paths[1:]:
        write_text(path, path.name)
    for number in range(files):
        paths.append(anat_file(out, pair, f"space-orig_label-lesion_desc-something{number:02d}_mask.json"))
        write_text(paths[-1], paths[-1].name)
    write_json(summary_file(out, pair), {"new_count": 1})
    log = work_folder(out) / "logs" / "lesions" / f"{pair.pair}.log"
    made = made_line(log, {"all": [str(path) for path in paths]})
    write_text(log, f"CALL: {{}}\n{made}\n{ending('lesions', 1)}\n")


def _table(out: Path) -> None:
    files: dict[str, Any] = cohort_files(out)
    table(pairs=out / "pairs.tsv", settings=settle(read_config()), **files)


if __name__ == "__main__":
    main()
