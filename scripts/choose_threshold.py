#!/usr/bin/env python3
"""Choose the threshold k of the subtraction by leave-one-subject-out cross-validation over finished runs.

Each results folder is the OUT of a `newlesions run` that kept its work files; beside it, a folder of reference masks
(`sub-X/**/sub-X_ses-Y_space-orig_label-lesion_desc-new_mask.nii.gz`, or `..._desc-change_dseg.nii.gz` with the classes
1 new and 2 enlarging apart). Scores what rose, new and enlarging together, against the reference; pairs without any
reference lesion count by their false lesions.

    python scripts/choose_threshold.py OUT1=REFERENCES1 OUT2=REFERENCES2 ...
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from newlesions.cohort.pairs_table import read_pairs
from newlesions.cohort.results import summary_file
from newlesions.detect.candidates import find_candidates
from newlesions.detect.carry import carry, separate
from newlesions.detect.settings import SubtractionSettings
from newlesions.evaluate.overlap import dice
from newlesions.images.io import read_volume
from newlesions.images.morphology import label_lesions
from newlesions.settings import read_config
from newlesions.steps.working import read_working

THRESHOLDS = (1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0)


class Score(NamedTuple):
    """Of one pair at one threshold: Dice of what rose (NaN without reference lesions), of what is called new alone,
    and false lesions."""

    rise: float
    new: float
    false_lesions: int


def main() -> None:
    """Print the scores of each pair at each threshold and what cross-validation chooses."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", metavar="OUT=REFERENCES")
    settings = SubtractionSettings.of(read_config()["candidates"])
    scores: dict[str, dict[str, list[Score]]] = {}
    for run in parser.parse_args().runs:
        out, _, references = run.partition("=")
        for subject, pair, row in scored_pairs(Path(out), Path(references), settings):
            scores.setdefault(f"{Path(out).name}/{subject}", {})[pair] = row
            cells = "  ".join(f"{s.rise:.2f}/{s.new:.2f}/{s.false_lesions}" for s in row)
            print(f"{pair:32} {cells}", flush=True)
    report(scores)


def scored_pairs(out: Path, references: Path, settings: SubtractionSettings) -> Iterator[tuple[str, str, list[Score]]]:
    """(subject, pair, a score per threshold) of the finished pairs that have a reference."""
    for pair in read_pairs(out / "pairs.tsv"):
        summary = summary_file(out, pair)
        stem = f"{pair.pair}_space-orig_label-lesion_desc"
        found = [
            path
            for kind in ("change_dseg", "new_mask")
            for path in (references / f"sub-{pair.subject}").rglob(f"{stem}-{kind}.nii.gz")
        ]
        if found and summary.is_file():
            yield pair.subject, pair.pair, scores_of(summary.parent, found[0], settings)


def scores_of(work: Path, reference: Path, settings: SubtractionSettings) -> list[Score]:
    """Propose candidates from the work files of a pair at each threshold; hold them against its reference."""
    working = read_working(work / "working.json")
    baseline, followup = (read_volume(work / f"harmonised_{visit}.nii.gz") for visit in ("baseline", "followup"))
    brain = read_volume(work / "brain.nii.gz", dtype=np.bool_).data
    truth = read_volume(reference, dtype=np.uint8)
    scores = []
    for k in THRESHOLDS:
        found = find_candidates(baseline, followup, brain, working.mni_from_working, replace(settings, k=k))
        own = carry(separate(found.change), baseline.grid, truth.grid, working.working_from_followup).change()
        scores.append(score(own, truth.data))
    return scores


def score(own: np.ndarray, truth: np.ndarray) -> Score:
    """Score a map of classes against the reference's on the same grid."""
    rose, risen = (own == 1) | (own == 2), (truth == 1) | (truth == 2)
    labels = label_lesions(rose)
    false = int(labels.max()) - np.unique(labels[risen & rose]).size
    return Score(dice(risen, rose), dice(truth == 1, own == 1), false)


def report(scores: dict[str, dict[str, list[Score]]]) -> None:
    """Leave each subject out, choose k on the others, and score the one left out at it."""
    subjects = list(scores)
    table = np.array([np.mean([[s.rise for s in row] for row in scores[name].values()], axis=0) for name in subjects])
    with_lesions = [n for n, row in enumerate(table) if not np.isnan(row).any()]
    chosen = []
    for left in with_lesions:
        others = [n for n in with_lesions if n != left]
        best = int(np.argmax(table[others].mean(axis=0)))
        chosen.append(table[left, best])
        print(f"left out {subjects[left]:24} k = {THRESHOLDS[best]:4}  Dice {table[left, best]:.3f}")
    print("k       " + "  ".join(f"{k:5}" for k in THRESHOLDS))
    print("Dice    " + "  ".join(f"{value:5.3f}" for value in table[with_lesions].mean(axis=0)))
    false = np.sum([[s.false_lesions for s in row] for rows in scores.values() for row in rows.values()], axis=0)
    print("false   " + "  ".join(f"{value:5}" for value in false))
    print(f"cross-validated Dice {np.mean(chosen):.3f} over {len(chosen)} subjects")


if __name__ == "__main__":
    main()
