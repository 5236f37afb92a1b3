#!/usr/bin/env python3
"""Hold the preprocessing and the candidates against Open MS Data's references (Lesjak et al. 2016, Neuroinformatics).

    python scripts/validate_open_ms.py OPEN_MS_DIR              # brain masks of all scans, halfway registration, N4
    python scripts/validate_open_ms.py OPEN_MS_DIR --out OUT    # also the masks of a finished `newlesions run`

OPEN_MS_DIR is a BIDS folder with `derivatives/reference/sub-X` (brain mask and change masks in a common space, ITK
transforms from each session to it).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from scipy import ndimage

from newlesions.evaluate.masks import label_image
from newlesions.evaluate.measures import DETECTION, Comparison
from newlesions.evaluate.overlap import dice
from newlesions.images.io import read_volume
from newlesions.images.morphology import label_lesions
from newlesions.images.resample import resample
from newlesions.images.transforms import read_itk, rms_distance
from newlesions.images.volume import Grid, Volume
from newlesions.preprocess.bias import PRESETS, bias_field, correct_bias
from newlesions.preprocess.brain import extract_brain
from newlesions.preprocess.halfway import Visit, brain_points, find_halfway


def main() -> None:
    """Print the numbers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, help="a finished results folder: score its masks too")
    parser.add_argument("--bias", action="store_true", help="compare the N4 presets (minutes per scan)")
    args = parser.parse_args()
    visits: dict[str, dict[str, Visit]] = {}
    for scan in sorted(args.folder.glob("sub-*/ses-*/anat/*_FLAIR.nii.gz")):
        subject, session = scan.parts[-4], scan.parts[-3]
        visit = prepare(read_volume(scan))
        visits.setdefault(subject, {})[session] = visit
        mask = given_brain(args.folder, subject, session, visit.image)
        print(f"{subject} {session}  brain {visit.brain.data.sum() * visit.brain.voxel_volume / 1000:.0f} ml"
              f"  Dice with the given mask {dice(mask, visit.brain.data):.3f}", flush=True)  # fmt: skip
        if args.bias:
            compare_presets(read_volume(scan), visit.brain.data)
    for subject, sessions in visits.items():
        if len(sessions) == 2:
            compare_registration(args.folder, subject, sessions)
    if args.out:
        score_masks(args.folder, args.out)


def prepare(volume: Volume) -> Visit:
    """Bias correction and brain extraction, as the workflow does them."""
    corrected = correct_bias(volume, PRESETS["fast"])
    brain = extract_brain(corrected)
    return Visit(corrected, brain.mask, brain.mni_from_scan)


def reference(folder: Path, subject: str) -> Path:
    """Where the references of a subject lie."""
    return folder / "derivatives" / "reference" / subject


def common_from(folder: Path, subject: str, session: str) -> np.ndarray:
    """The given matrix from a session's RAS mm to the common space's."""
    name = f"{subject}_from-{session.replace('-', '')}_to-common_mode-image_xfm.mat"
    return np.linalg.inv(read_itk(reference(folder, subject) / name))


def given_brain(folder: Path, subject: str, session: str, scan: Volume) -> np.ndarray:
    """The given brain mask on a session's own grid."""
    mask = read_volume(reference(folder, subject) / f"{subject}_space-common_desc-brain_mask.nii.gz")
    return resample(mask, scan.grid, common_from(folder, subject, session), order=1).data >= 0.5


def compare_registration(folder: Path, subject: str, sessions: dict[str, Visit]) -> None:
    """RMS distance over the brain between our transform between two sessions and the given one."""
    (first, baseline), (second, followup) = sorted(sessions.items())
    found = find_halfway(baseline, followup)
    ours = found.followup_from_halfway @ np.linalg.inv(found.baseline_from_halfway)
    given = np.linalg.inv(common_from(folder, subject, second)) @ common_from(folder, subject, first)
    distance = rms_distance(ours, given, brain_points(baseline.brain))
    gap = found.inverse_consistency_mm
    print(f"{subject}  {distance:.2f} mm RMS from the given transform; {gap:.2f} mm between the two directions")


def compare_presets(volume: Volume, brain: np.ndarray) -> None:
    """How the N4 presets agree inside the brain, in logarithms of the field."""
    fast, paper = (np.log(bias_field(volume, PRESETS[name]).data[brain]) for name in ("fast", "prados2021"))
    difference = (fast - np.median(fast)) - (paper - np.median(paper))
    print(f"    N4 fast against prados2021: correlation {np.corrcoef(fast, paper)[0, 1]:.3f}, SD of the log field")
    print(f"    {fast.std():.3f} and {paper.std():.3f}, of the difference {difference.std():.3f}", flush=True)


def score_masks(folder: Path, out: Path) -> None:
    """Dice of new (and of all that rose) on the follow-up's own grid, and how many lesions are found.

    The reference marks many lesions that no eye sees rise. Those that do (`visible`) are counted apart, by any overlap.
    """
    for change in sorted(out.glob("sub-*/ses-*/anat/*_desc-changeSince*_dseg.nii.gz")):
        subject, session = change.parts[-4], change.parts[-3]
        stem = f"{subject}_{session}_space-orig_label-lesion_desc"
        masks = {kind: reference(folder, subject) / f"{stem}-{kind}_mask.nii.gz" for kind in ("new", "gone")}
        truth = {kind: read_volume(path).data > 0 for kind, path in masks.items()}
        image = read_volume(change)
        classes, affine = image.data, image.affine
        rose, fell = (classes == 1) | (classes == 2), (classes == 3) | (classes == 4)
        lesions = Comparison(label_image(truth["new"], affine), label_image(rose, affine)).measures(DETECTION)
        print(f"{subject} {session}  Dice new {dice(truth['new'], classes == 1):.3f}, new or enlarging"
              f" {dice(truth['new'], rose):.3f}, gone or shrinking {dice(truth['gone'], fell):.3f};"
              f" of what rose F1_score {lesions['F1_score']:.3f}, SensL {lesions['SensL']:.3f}, PPVL"
              f" {lesions['PPVL']:.3f}")  # fmt: skip
        labels = label_lesions(truth["new"])
        seen = visible(labels, out, subject, session, image.grid)
        met = np.bincount(labels[rose], minlength=seen.size + 1)[1:] > 0
        own = label_lesions(rose)
        false = int((np.bincount(own[truth["new"]], minlength=int(own.max()) + 1)[1:] == 0).sum())
        print(f"    touched: {met[seen].sum()} of {seen.sum()} reference lesions that rise visibly,"
              f" {met[~seen].sum()} of {(~seen).sum()} others; {false} of {own.max()} found touch none",
              flush=True)  # fmt: skip


def visible(labels: np.ndarray, out: Path, subject: str, session: str, own: Grid) -> np.ndarray:
    """Which lesions 1 to n rise visibly: on average by 2 SD of the brain's difference, to 0.5 SD above the brain."""
    anat = out / subject / session / "anat"
    label = session.removeprefix("ses-")
    matrix = np.linalg.inv(read_itk(anat / f"{subject}_{session}_from-{label}_to-halfway_mode-image_xfm.mat"))
    (before,) = anat.glob(f"*_space-halfway{label}_desc-preproc_FLAIR.nii.gz")
    after = anat / f"{subject}_{session}_space-halfway_desc-preproc_FLAIR.nii.gz"
    baseline, followup = (resample(read_volume(path), own, matrix, order=1).data for path in (before, after))
    (mask,) = anat.glob("*_space-orig_desc-brain_mask.nii.gz")
    brain = read_volume(mask, dtype=np.bool_).data
    count = int(labels.max())
    rise, level = (
        ndimage.mean((values - values[brain].mean()) / values[brain].std(), labels, np.arange(1, count + 1))
        for values in (followup - baseline, followup)
    )
    return np.asarray((rise >= 2) & (level >= 0.5)).reshape(count)


if __name__ == "__main__":
    main()
