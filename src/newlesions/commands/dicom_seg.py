"""``newlesions dicom-seg``: changed lesions as DICOM segmentations, to go back to a PACS."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from newlesions.cli import DONE, SOME_FAILED
from newlesions.cohort.pairs import Pair
from newlesions.cohort.pairs_table import read_pairs
from newlesions.cohort.results import change_labels_file, cohort_files
from newlesions.commands.chosen import chosen_pairs
from newlesions.dicom.headers import Series, read_series
from newlesions.dicom.needs import require
from newlesions.dicom.planes import Stack
from newlesions.dicom.segmentation import write_segmentation
from newlesions.dicom.source import find_source, stacks_of
from newlesions.errors import ConfigError, InputError
from newlesions.images.files import read_json
from newlesions.images.io import read_volume


def command(args: argparse.Namespace) -> int:
    """Write a segmentation for each pair whose follow-up's series is in the DICOM folder; tell the others."""
    require("newlesions dicom-seg", "pydicom", "highdicom")
    out, source = Path(args.out_dir).absolute(), Path(args.dicom)
    if not source.is_dir():
        raise ConfigError(f"{source}: found no such folder; expected a folder of DICOM files")
    pairs = chosen_pairs(out, read_pairs(out / "pairs.tsv"), [], args.participant_label)
    target = Path(args.output).absolute() if args.output else out.with_name(f"{out.name}_dicom-seg")
    if target.is_relative_to(out):
        raise ConfigError(f"--output {target}: found a place inside {out}; expected one outside: the files tell names")
    series = stacks_of(read_series(source).series)
    if not series:
        raise ConfigError(f"{source}: found no MR series in DICOM files; expected those of the follow-ups")
    failed = 0
    for pair in pairs:
        try:
            print(_write(out, pair, series, target), flush=True)
        except InputError as error:
            print(f"newlesions: {error}", file=sys.stderr)
            failed += 1
    return SOME_FAILED if failed else DONE


def _write(out: Path, pair: Pair, series: Sequence[tuple[Series, Stack]], target: Path) -> Path:
    labels, scan = change_labels_file(out, pair), Path(pair.followup)
    for path, what in ((labels, "the changes of a pair that is done"), (scan, "the follow-up that was run")):
        if not path.is_file():
            raise InputError(path, "no such file", what)
    change, followup = read_volume(labels, dtype=np.uint8), read_volume(scan)
    if not change.grid.matches(followup.grid):
        raise InputError(scan, "another grid than that of its results", "the follow-up that was run")
    found = find_source(pair.pair, followup, series)
    path = target / f"{pair.pair}_desc-changeSince{pair.baseline_session}_seg.dcm"
    write_segmentation(path, change.data, found, {"baseline_session": pair.baseline_session, **_made_by(out)})
    return path


def _made_by(out: Path) -> dict[str, str]:
    """The recipe and the model of the run, as far as its record names them."""
    record = cohort_files(out)["provenance_record"]
    content = read_json(record) if record.is_file() else {}
    named = {"recipe": (content.get("recipe") or {}).get("id"), "model": (content.get("model") or {}).get("name")}
    return {key: value for key, value in named.items() if value}
