"""Finding pairs in folders laid out as the MSSEG-2 challenge ships them: both scans already in one halfway space."""

from __future__ import annotations

import re
from pathlib import Path

from newlesions.cohort.labels import clean_labels, natural_key
from newlesions.cohort.pairs import Pair, Skipped, join_raters
from newlesions.errors import ConfigError

BASELINE, FOLLOWUP = "flair_time01_on_middle_space", "flair_time02_on_middle_space"
REFERENCE, BRAIN = "ground_truth", "brain_mask"
SESSIONS = ("time01", "time02")
_RATER = re.compile(rf"{REFERENCE}_(?P<name>expert\d+)\.nii(\.gz)?")


def is_msseg2(root: Path) -> bool:
    """Whether a folder in ``root`` holds a baseline under its MSSEG-2 name."""
    return any(_file(folder, BASELINE) for folder in _folders(root))


def find_pairs(root: Path) -> tuple[list[Pair], list[Skipped]]:
    """The pairs ``<root>/<subject>/flair_time0?_on_middle_space.nii[.gz]``, and subjects that lack a scan.

    ``ground_truth.nii.gz`` (the consensus) becomes the reference, ``ground_truth_expert<N>.nii.gz`` the mask of the
    rater ``expert<N>``, ``brain_mask.nii.gz`` the brain mask of both sessions, which are called ``time01`` and
    ``time02``.

    Raises
    ------
    ConfigError
        If ``root`` is missing or no folder in it has a scan of such a name.
    """
    if not root.is_dir():
        raise ConfigError(f"{root}: found no such folder; expected a folder of MSSEG-2 subjects")
    folders = sorted(_folders(root), key=lambda folder: natural_key(folder.name))
    labels = clean_labels((folder.name for folder in folders), "sub-", str(root))
    pairs, skipped = [], []
    for folder in folders:
        baseline, followup = _file(folder, BASELINE), _file(folder, FOLLOWUP)
        subject = labels[folder.name]
        if baseline and followup:
            brain = _file(folder, BRAIN)
            pairs.append(
                Pair.of(subject, SESSIONS, (baseline, followup), aligned=True, brains=(brain, brain)).with_values(
                    reference=_file(folder, REFERENCE), raters=join_raters(_raters(folder))
                )
            )
        elif baseline or followup:
            skipped.append(Skipped(subject, f"no {FOLLOWUP if baseline else BASELINE}.nii.gz"))
    if not pairs and not skipped:
        raise ConfigError(f"{root}: found no {BASELINE}.nii.gz in its folders; expected <subject>/{BASELINE}.nii.gz")
    return pairs, skipped


def _folders(root: Path) -> list[Path]:
    return [path for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")] if root.is_dir() else []


def _raters(folder: Path) -> dict[str, str]:
    """The single experts' masks by name, in the order of their numbers."""
    found = (_RATER.fullmatch(path.name) for path in folder.iterdir())
    names = sorted({match["name"] for match in found if match}, key=natural_key)
    return {name: _file(folder, f"{REFERENCE}_{name}") for name in names}


def _file(folder: Path, stem: str) -> str:
    for extension in (".nii.gz", ".nii"):
        path = folder / (stem + extension)
        if path.exists() or path.is_symlink():
            return str(path.absolute())
    return ""
