"""The brain of one scan: files in, files out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from newlesions.errors import InputError
from newlesions.images.file_checks import check_file, open_image, read_voxels
from newlesions.images.files import write_json
from newlesions.images.io import read_volume, write_volume
from newlesions.images.volume import Volume
from newlesions.steps.names import matrix_rows, named

_HIGHEST_SNR = 9999.0  # of a made-up image without noise; JSON knows no infinity


def brain(bias: Path, field: Path, brain: Path, facts: Path, settings: Mapping[str, Any], given: str = "") -> None:
    """Write the brain mask (uint8, the scan's own grid), and the affine to MNI with numbers about scan and brain.

    Parameters
    ----------
    bias
        The bias-corrected scan.
    field
        Its bias field.
    brain, facts
        The mask and the JSON to write.
    settings
        ``backend``: ``atlas``, ``otsu``, ``bet``, ``hd-bet``, ``robex`` or ``synthstrip``; ``cord``: what of the spinal
        cord joins the mask, ``none``, ``connected`` or ``sct``. Volume and the rest of ``facts`` are the brain's alone.
    given
        The path of a mask that goes before any backend.
    """
    from newlesions.preprocess.brain import extract_brain, locate_brain, otsu_brain
    from newlesions.preprocess.brain_backends import extract_with
    from newlesions.preprocess.cord import with_cord
    from newlesions.preprocess.scan_quality import cut_area, intensity_range, signal_to_noise

    scan = read_volume(bias)
    with named(bias):
        if given:
            found = locate_brain(scan, read_given(Path(given), scan))
        elif settings["backend"] == "atlas":
            found = extract_brain(scan)
        elif settings["backend"] == "otsu":
            found = locate_brain(scan, otsu_brain(scan))
        else:
            found = locate_brain(scan, extract_with(settings["backend"], scan))
        whole = found.mask if given else with_cord(scan, found.mask, settings["cord"])
    write_volume(brain, whole)
    write_json(
        facts,
        {
            "backend": "given" if given else settings["backend"],
            "volume_ml": round(found.volume_ml, 3),
            "mni_from_scan": matrix_rows(found.mni_from_scan),
            "snr": round(min(signal_to_noise(scan, found.mask.data > 0), _HIGHEST_SNR), 2),
            "inu_range": round(intensity_range(read_volume(field), found.mask), 4),
            "cut_cm2": round(cut_area(found.mask), 2),
        },
    )


def read_given(path: Path, scan: Volume) -> Volume:
    """A mask that the pairs table names, which must lie on the scan's grid.

    Raises
    ------
    InputError
        If it cannot be read, lies on another grid, or is empty.
    """
    check_file(path)
    image = open_image(path)
    values = read_voxels(path, image)[1]
    mask = Volume(values, np.asarray(image.affine, dtype=np.float64))
    if values.ndim != 3 or not mask.grid.matches(scan.grid, tolerance=0.1):
        raise InputError(path, f"a brain mask of shape {values.shape}", f"the scan's own grid, {scan.data.shape}")
    data = np.nan_to_num(mask.data) > 0.5
    if not data.any():
        raise InputError(path, "an empty brain mask", "a brain")
    return scan.with_data(data)
