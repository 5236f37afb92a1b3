"""Every file that a results folder must hold, but for what is kept under `work`."""

from __future__ import annotations

import hashlib
from pathlib import Path

COHORT = {
    ".bidsignore",
    "CITATION.md",
    "dataset_description.json",
    "descriptions.tsv",
    "group_quality.json",
    "group_quality.tsv",
    "index.html",
    "newlesions.tsv",
    "pairs.json",
    "pairs.tsv",
    "provenance.json",
    "sha256sums.txt",
}
SCORES = {
    "scores.tsv",
    "scores/additions.tsv",
    "scores/by_region.tsv",
    "scores/by_size.tsv",
    "scores/curves.tsv",
    "scores/empty_references.tsv",
    "scores/froc.svg",
    "scores/gone.tsv",
    "scores/lesions.tsv",
    "scores/precision_recall.svg",
    "scores/raters.tsv",
}
"""Those that a cohort with references has beside."""
# Not results, or not the same each time.
_APART = (
    "work/unchanged",
    "work/logs", "work/benchmarks", ".snakemake", "work/.run.lock", "work/config", "work/profile", "work/scans.json",
)  # fmt: skip


def pair_files(subject: str, baseline: str = "M00", followup: str = "M12") -> set[str]:
    """The files of one finished pair."""
    folder = f"sub-{subject}/ses-{followup}/anat"
    stem = f"{folder}/sub-{subject}_ses-{followup}"
    lesion = f"{stem}_space-orig_label-lesion_desc"
    return {
        f"sub-{subject}/sub-{subject}_ses-{followup}.html",
        f"{folder}/sub-{subject}_ses-{baseline}_space-halfway{followup}_desc-preproc_FLAIR.json",
        f"{folder}/sub-{subject}_ses-{baseline}_space-halfway{followup}_desc-preproc_FLAIR.nii.gz",
        f"{stem}_desc-lesions_table.json",
        f"{stem}_desc-lesions_table.tsv",
        f"{stem}_from-{baseline}_to-halfway_mode-image_xfm.mat",
        f"{stem}_from-{followup}_to-halfway_mode-image_xfm.mat",
        f"{stem}_from-halfway_to-MNI152NLin2009aSym_mode-image_xfm.mat",
        f"{stem}_space-halfway_desc-preproc_FLAIR.json",
        f"{stem}_space-halfway_desc-preproc_FLAIR.nii.gz",
        f"{stem}_space-halfway_label-lesion_desc-newSince{baseline}_mask.json",
        f"{stem}_space-halfway_label-lesion_desc-newSince{baseline}_mask.nii.gz",
        f"{stem}_space-orig_desc-brain_mask.json",
        f"{stem}_space-orig_desc-brain_mask.nii.gz",
        f"{lesion}-changeSince{baseline}_dseg.json",
        f"{lesion}-changeSince{baseline}_dseg.nii.gz",
        f"{lesion}-changeSince{baseline}_dseg.tsv",
        f"{lesion}-newSince{baseline}_mask.json",
        f"{lesion}-newSince{baseline}_mask.nii.gz",
        f"{lesion}-newSince{baseline}_probseg.json",
        f"{lesion}-newSince{baseline}_probseg.nii.gz",
    }


def digests(out: Path) -> dict[str, str]:
    """The digest of every file of a results folder, and of the images between the steps."""
    names = {str(path.relative_to(out)): path for path in out.rglob("*") if path.is_file()}
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in sorted(names.items())
        if not name.startswith(_APART)
    }


def published(out: Path) -> set[str]:
    """The names of the results, without what is kept between the steps."""
    return {name for name in digests(out) if not name.startswith("work/")}
