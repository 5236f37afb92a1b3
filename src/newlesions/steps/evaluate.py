"""The scores of a pair against its reference: files in, one JSON file out."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from newlesions.cohort.outcome import WHY
from newlesions.detect.classes import GONE
from newlesions.errors import InputError
from newlesions.evaluate.masks import check_same_grid
from newlesions.images.file_checks import check_file, open_image
from newlesions.images.files import write_json
from newlesions.images.io import read_volume, write_volume
from newlesions.images.morphology import Mask
from newlesions.images.resample import resample
from newlesions.images.volume import Affine, Array, Grid
from newlesions.steps.names import read_matrices


def evaluate(
    pair: str,
    reference: str,
    gone_reference: str,
    rater_masks: Mapping[str, str],
    *,
    brain_mask: Path,
    preproc: Path,
    halfway: Path,
    scores: Path,
    mask: Path = Path(),
    probseg: Path = Path(),
    dseg: Path = Path(),
) -> None:
    """Write the pair's scores, or why there are none: a bad reference must not cost the pair its masks and its page.

    Parameters
    ----------
    pair
        The pair's id.
    reference, gone_reference, rater_masks
        Paths of the masks of new lesions and of gone ones ("" if absent), and of new ones by single raters, by name.
        They lie on the follow-up's own grid.
    mask, probseg, dseg, brain_mask
        The pair's results on that grid; the first three are needed where there is a ``reference``.
    preproc
        The follow-up in halfway space, whose dark ventricles help to name regions.
    halfway
        The pair's transforms.
    scores
        The result of `evaluate_pair`, or ``{"pair": ..., "failed": reason}``; empty where there is no ``reference``.
    """
    if not reference:
        write_json(scores, {})
        return
    from newlesions.evaluate.forms import json_form
    from newlesions.evaluate.pair import Inputs, evaluate_pair

    with TemporaryDirectory(prefix="newlesions-") as folder:
        gone = Path(folder) / "gone.nii.gz"
        if gone_reference:
            change = read_volume(dseg, dtype=np.uint8)
            write_volume(gone, change.with_data(change.data == GONE), level=1)
        inputs = Inputs(
            pair,
            Path(reference),
            mask,
            probability=probseg,
            gone_reference=Path(gone_reference) if gone_reference else None,
            gone_prediction=gone if gone_reference else None,
            raters={name: Path(path) for name, path in rater_masks.items()},
        )
        own = read_volume(mask, dtype=np.uint8).grid
        try:
            for path in filter(None, (inputs.reference, inputs.gone_reference, *inputs.raters.values())):
                _check_grid(path, own)
            result = json_form(evaluate_pair(inputs, name_regions=Regions(brain_mask, preproc, halfway)))
        except InputError as error:
            result = {"pair": pair, WHY: str(error)}
    write_json(scores, result)


def _check_grid(path: Path, expected: Grid) -> None:
    """Name the reference as what is at fault, since it is compared with the pair's own results."""
    check_file(path)
    image = open_image(path)
    if len(image.shape) == 3:
        check_same_grid(path, Grid(image.shape, image.affine), expected, "the follow-up")


class Regions:
    """Names the region of lesions on the follow-up's own grid."""

    def __init__(self, brain_mask: Path, preproc: Path, halfway: Path) -> None:
        self._paths = brain_mask, preproc, halfway

    @cached_property
    def _place(self) -> tuple[Grid, Affine, Array, Mask]:
        """The grid, its way to MNI, the follow-up on it and its brain."""
        brain = read_volume(self._paths[0], dtype=np.bool_)
        matrices = read_matrices(self._paths[2])
        halfway_from_own = np.linalg.inv(matrices["followup_from_halfway"])
        image = resample(read_volume(self._paths[1]), brain.grid, halfway_from_own, order=1)
        return brain.grid, matrices["mni_from_halfway"] @ halfway_from_own, image.data, brain.data

    def __call__(self, labels: NDArray[np.integer]) -> list[str]:
        """The region of each of the lesions 1 to n on the whole grid."""
        from newlesions.detect.regions import name_regions

        own, mni_from_own, image, brain = self._place
        return name_regions(labels, own, mni_from_own, image, brain)
