"""A finished results folder made by hand: small label images, logs as the steps write them, the real step `table`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from newlesions.cohort.pairs import Pair
from newlesions.cohort.pairs_table import write_pairs
from newlesions.cohort.results import (
    anat_file,
    cohort_files,
    labels_file,
    lesions_file,
    page_file,
    summary_file,
    work_folder,
)
from newlesions.detect.classes import KINDS
from newlesions.images.files import sha256, write_json, write_text
from newlesions.images.io import write_volume
from newlesions.images.volume import Volume
from newlesions.made import made_line
from newlesions.reasons import ending
from newlesions.settings import assignments, read_config, settle
from newlesions.steps.table import table

SHAPE = (12, 10, 8)
Boxes = list[tuple[tuple[slice, slice, slice], int]]


def cube(*corner: int, size: int = 2) -> tuple[slice, slice, slice]:
    """A small box of voxels."""
    i, j, k = (slice(start, start + size) for start in corner)
    return i, j, k


def labels(boxes: Boxes) -> Volume:
    """A label image of voxels of 1 x 1 x 2 mm."""
    data = np.zeros(SHAPE, dtype=np.uint8)
    for box, code in boxes:
        data[box] = code
    return Volume(data, np.diag([1.0, 1.0, 2.0, 1.0]))


class Results:
    """Scans, references and results of a few subjects below ``folder``."""

    def __init__(self, folder: Path, out: str = "out", changes: tuple[str, ...] = ()) -> None:
        self.bids, self.out = folder / "bids", folder / out
        self.config = {**read_config(), "pairs": "pairs.tsv", "out": ".", "override": assignments(changes)}
        self.pairs: list[Pair] = []

    def pair(self, subject: str, boxes: Boxes | None = None, **summary: Any) -> Pair:
        """Add a finished pair whose lesions are ``boxes``."""
        pair = self.waiting(subject)
        outputs = [labels_file(self.out, pair), lesions_file(self.out, pair)]
        write_volume(outputs[0], labels(boxes or []))
        rows = [f"{n}\t{KINDS[code]}\t{code}\t0\t0\t0" for n, (_, code) in enumerate(boxes or [], start=1)]
        write_text(outputs[1], "\n".join(["id\tkind\tvolume_mm3\tx_mm\ty_mm\tz_mm", *rows, ""]))
        outputs += [anat_file(self.out, pair, "from-M00_to-halfway_mode-image_xfm.mat"), page_file(self.out, pair)]
        for path in outputs[2:]:
            write_text(path, "".join(summary.pop(path.suffix, path.name)))
        write_json(summary_file(self.out, pair), {"new_count": len(boxes or []), "new_volume_mm3": 2.5, **summary})
        self.log(pair, "lesions", {"all": [str(path) for path in outputs]})
        return pair

    def waiting(self, subject: str) -> Pair:
        """Add a pair without results."""
        scans = []
        for session in ("M00", "M12"):
            path = self.bids / f"sub-{subject}" / f"sub-{subject}_ses-{session}_FLAIR.nii.gz"
            write_text(path, f"scan of {subject} {session}")
            scans.append(path)
        pair = Pair.of(subject, ("M00", "M12"), (str(scans[0]), str(scans[1])))
        digests = dict(zip(("baseline_sha256", "followup_sha256"), map(sha256, scans), strict=True))
        self.pairs.append(pair.with_values(**digests, days="365"))
        return self.pairs[-1]

    def log(self, pair: Pair, step: str, outputs: dict[str, Any]) -> None:
        """What a step leaves in its log."""
        path = work_folder(self.out) / "logs" / step / f"{pair.pair}.log"
        write_text(path, f"CALL: {{}}\n{made_line(path, outputs)}\n{ending(step, 1)}\n")

    def finish(self) -> Path:
        """Write the files about the cohort. Returns the results folder."""
        write_pairs(self.out / "pairs.tsv", self.pairs)
        write_json(self.out / "pairs.json", {"input": "bids"})
        write_json(work_folder(self.out) / "config.json", self.config)
        files: dict[str, Any] = cohort_files(self.out)
        table(pairs=self.out / "pairs.tsv", settings=settle(self.config), **files)
        return self.out
