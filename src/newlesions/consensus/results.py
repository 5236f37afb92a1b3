"""The results of several systems on the same pairs, read from their folders."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from newlesions.cohort.pairs import Pair
from newlesions.cohort.results import anat_file, labels_file
from newlesions.consensus.fuse import Image
from newlesions.consensus.leave_out import Known
from newlesions.errors import ConfigError
from newlesions.evaluate.masks import LabelImage, check_same_grid, read_mask
from newlesions.images.file_checks import check_file, open_image
from newlesions.images.io import read_volume
from newlesions.images.volume import Grid

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
"""Files are named by systems."""


class Maps(Protocol):
    """Whatever has a name, and a map of new lesions for each pair."""

    @property
    def name(self) -> str:
        """What it is called."""

    def probability(self, pair: Pair) -> Path:
        """The map of new lesions on the follow-up's own grid."""


@dataclass(frozen=True)
class System:
    """One system: its name, and its results folder (`newlesions run`)."""

    name: str
    folder: Path

    def probability(self, pair: Pair) -> Path:
        """The map of new lesions on the follow-up's own grid."""
        name = f"space-orig_label-lesion_desc-newSince{pair.baseline_session}_probseg.nii.gz"
        return anat_file(self.folder, pair, name)

    def change(self, pair: Pair) -> Path:
        """The classes of change on the same grid."""
        return labels_file(self.folder, pair)

    def images(self, pair: Pair) -> dict[str, Path]:
        """What tells where lesions lie and how bright they are: both visits in halfway space, the transforms from there
        to the follow-up (``own``) and to MNI, and the brain on the follow-up's own grid."""
        session = pair.followup_session
        baseline = f"sub-{pair.subject}_ses-{pair.baseline_session}_space-halfway{session}_desc-preproc_FLAIR.nii.gz"
        return {
            "followup": anat_file(self.folder, pair, "space-halfway_desc-preproc_FLAIR.nii.gz"),
            "baseline": self.change(pair).with_name(baseline),
            "own": anat_file(self.folder, pair, f"from-{session}_to-halfway_mode-image_xfm.mat"),
            "mni": anat_file(self.folder, pair, "from-halfway_to-MNI152NLin2009aSym_mode-image_xfm.mat"),
            "brain": anat_file(self.folder, pair, "space-orig_desc-brain_mask.nii.gz"),
        }


def read_systems(words: Sequence[str]) -> list[System]:
    """From ``FOLDER`` (the folder's name is the system's) or ``NAME=FOLDER``.

    Raises
    ------
    ConfigError
        If there are fewer than two, a folder is none, or two have one name.
    """
    systems = []
    for word in words:
        name, equals, rest = word.partition("=")
        folder = Path(rest if equals and not Path(word).exists() else word)
        own = name.strip() if folder != Path(word) else folder.resolve().name
        if not folder.is_dir():
            raise ConfigError(f"--results: found no folder {folder}; expected a finished results folder")
        systems.append(System(own, folder))
    if len(systems) < 2:
        raise ConfigError(f"--results: found {len(systems)} results folders; expected at least 2")
    odd = [system.name for system in systems if not _NAME.fullmatch(system.name)]
    if odd:
        raise ConfigError(
            f"--results: found the name {odd[0]!r}; expected letters, digits, dots, - and _ (NAME=FOLDER)"
        )
    twice = [name for name, count in Counter(system.name for system in systems).items() if count > 1]
    if twice:
        raise ConfigError(f"--results: found two systems of the name {twice[0]!r}; expected NAME=FOLDER for each")
    return systems


def check_results(systems: Sequence[System], pairs: Sequence[Pair]) -> None:
    """Refuse results that cannot be fused, before any is read.

    Raises
    ------
    ConfigError
        If a system lacks a pair.
    InputError
        If a file is damaged, or the systems' maps, or a reference, lie on other grids.
    """
    for pair in pairs:
        for system in systems:
            images = systems[0].images(pair).values() if system is systems[0] else ()
            for path in (system.probability(pair), system.change(pair), *images):
                if not path.is_file():
                    raise ConfigError(
                        f"{path}: found no such file; expected the results of {pair.pair} by {system.name}"
                    )
        own = _grid(systems[0].probability(pair))
        for system in systems:
            for path in (system.probability(pair), system.change(pair)):
                check_same_grid(path, _grid(path), own, systems[0].name)
        if pair.reference:
            check_file(Path(pair.reference))
            check_same_grid(Path(pair.reference), _grid(Path(pair.reference)), own, systems[0].name)


def read_maps(systems: Sequence[Maps], pair: Pair) -> Image:
    """The systems' probabilities of new lesions, float32, (S, I, J, K)."""
    return stack([system.probability(pair) for system in systems])


def read_changes(systems: Sequence[System], pair: Pair) -> NDArray[np.uint8]:
    """The systems' classes of change, uint8, (S, I, J, K)."""
    return stack([system.change(pair) for system in systems], np.uint8)


def stack(paths: Iterable[Path | str], dtype: Any = np.float32) -> NDArray[Any]:
    """Images of one shape, the first axis of the result.

    Raises
    ------
    InputError
        If there is no such file.
    """
    images = []
    for path in map(Path, paths):
        check_file(path)
        images.append(read_volume(path, dtype=dtype).data)
    return np.stack(images)


def known_pairs(systems: Sequence[Maps], pairs: Sequence[Pair]) -> list[Known]:
    """The pairs that have a reference, for `leave_one_subject_out`."""
    return [Known(pair.pair, pair.subject, partial(_read_known, systems, pair)) for pair in pairs if pair.reference]


def _read_known(systems: Sequence[Maps], pair: Pair) -> tuple[Image, LabelImage]:
    return read_maps(systems, pair), read_mask(pair.reference, threshold_labels=False)


def _grid(path: Path) -> Grid:
    check_file(path)
    image = open_image(path)
    i, j, k = (*image.shape, 1, 1, 1)[:3]
    return Grid((i, j, k), np.asarray(image.affine, np.float64))
