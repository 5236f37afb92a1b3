"""The results of a pair whose names tell the baseline: files in, files out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from newlesions.detect.carry import carry, separate
from newlesions.detect.classes import ENLARGING, NEW, labels_text, probability_of_new, published_probability
from newlesions.images.files import read_json, write_json, write_text
from newlesions.images.io import read_volume, write_volume
from newlesions.images.resample import resample
from newlesions.images.transforms import write_fsl, write_itk
from newlesions.images.volume import Affine, Grid, Volume
from newlesions.steps.names import read_matrices
from newlesions.steps.sidecars import image_sidecar, lesion_sidecar
from newlesions.steps.working import read_working, write_published


def finalise(
    change: Path,
    probability: Path,
    baseline: Path,
    halfway: Path,
    working: Path,
    flair: Path,
    baseline_flair: Path,
    mask: Path,
    mask_sidecar: Path,
    probseg: Path,
    probseg_sidecar: Path,
    dseg: Path,
    dseg_sidecar: Path,
    dseg_labels: Path,
    halfway_mask: Path,
    halfway_mask_sidecar: Path,
    preproc: Path,
    preproc_sidecar: Path,
    xfm: Path,
    settings: Mapping[str, Any],
    candidates: Path | None = None,
) -> list[Path]:
    """Write the change on the follow-up's own grid and in halfway space, and what belongs to the baseline.

    Parameters
    ----------
    change, probability
        Classes and signed probability on the working grid.
    baseline
        The harmonised baseline on the working grid.
    halfway, working
        The pair's transforms: between the scans, and from the working space.
    flair, baseline_flair
        The ingested follow-up and baseline: their grids.
    settings
        ``fsl``: also write the transform as a FLIRT matrix beside ``xfm``.
    candidates
        What was measured with the candidates: the sidecars say where tissue came from, where it mattered.

    Returns
    -------
    list
        What was written beside the named files.
    """
    classes = read_volume(change, dtype=np.uint8)
    signed = read_volume(probability)
    matrices = read_matrices(halfway)
    space = read_working(working)
    own = read_volume(flair).grid
    write_on_own_grid(classes, signed, own, space.working_from_followup, mask=mask, probseg=probseg, dseg=dseg)
    there = space.change_in_halfway(classes)
    write_volume(halfway_mask, there.with_data(there.data == NEW))
    before = space.image_in_halfway(read_volume(baseline))
    write_published(preproc, before)
    write_itk(xfm, matrices["baseline_from_halfway"])
    flirt = [xfm.with_name(xfm.name.replace("_xfm.mat", "_desc-flirt_xfm.mat"))] if settings["fsl"] else []
    for path in flirt:
        write_fsl(path, matrices["baseline_from_halfway"], read_volume(baseline_flair).grid, before.grid)
    tissue = read_json(candidates).get("tissue", "") if candidates is not None else ""
    write_json(mask_sidecar, lesion_sidecar("new lesions", tissue=tissue))
    write_json(probseg_sidecar, lesion_sidecar("probability of new lesion, 0 to 1", tissue=tissue))
    write_json(dseg_sidecar, lesion_sidecar("lesion change", tissue=tissue))
    write_json(halfway_mask_sidecar, lesion_sidecar("new lesions", space="halfway", tissue=tissue))
    write_json(preproc_sidecar, image_sidecar(space.space))
    write_text(dseg_labels, labels_text())
    return flirt


def write_on_own_grid(
    classes: Volume, signed: Volume, own: Grid, working_from_own: Affine, *, mask: Path, probseg: Path, dseg: Path
) -> None:
    """Write new lesions, the probability of such, and all classes of change on the follow-up's own grid.

    Parameters
    ----------
    classes, signed
        Classes of change and signed probability on the working grid.
    own
        The follow-up's grid.
    working_from_own
        4x4, from the follow-up's RAS mm to the working space's.
    """
    lesions = carry(separate(classes.data), classes.grid, own, working_from_own)
    here = lesions.change()
    soft = resample(signed.with_data(probability_of_new(classes.data, signed.data)), own, working_from_own, order=1)
    soft_new = np.where(here == ENLARGING, 0, np.clip(soft.data, 0, 1)).astype(np.float32)
    write_change(soft_new, here, own.affine, mask=mask, probseg=probseg, dseg=dseg)


def write_change(
    probability: NDArray[np.float32],
    change: NDArray[np.uint8],
    affine: Affine,
    *,
    mask: Path,
    probseg: Path,
    dseg: Path,
) -> None:
    """Write the mask of new lesions, their probability as it is published, and the classes of change, all (I, J, K)."""
    write_volume(mask, Volume(change == NEW, affine))
    write_volume(probseg, Volume(published_probability(probability, change), affine))
    write_volume(dseg, Volume(change, affine))
