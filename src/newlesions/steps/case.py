"""What networks learn from a pair: files in, one file out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from newlesions.steps.network import read_case_of
from newlesions.steps.pair_data import read_share
from newlesions.steps.working import read_working

OF_BASELINE = "baseline_lesions"
"""The one mask on the baseline's own grid."""

OF_PAIR = ("new", "gone")
"""The masks that are also kept as they are before they are cut at one half."""


def case(
    pair: str,
    subject: str,
    masks: Mapping[str, str],
    *,
    working: Path,
    flair: Path,
    baseline_flair: Path,
    case_out: Path,
    candidates: Mapping[str, Any],
    **files: Path,
) -> None:
    """Write the pair on its working grid, cropped to the brain, with its masks.

    Parameters
    ----------
    pair, subject
        The pair's id and the subject's label.
    masks
        Paths by the names that `networks.case.Case` has: ``new``, ``gone``, ``followup_lesions``, ``rater_<name>`` on
        the follow-up's own grid, that of ``flair``; ``baseline_lesions`` on that of ``baseline_flair``.
    working, candidates, files
        As in `read_pair_data`.
    case_out
        The result, an .npz file without pickled objects.

    Raises
    ------
    InputError
        If a mask is none, or lies on another grid.
    """
    from newlesions.networks.case import share_of, write_case

    paths = {name: str(path) for name, path in {**files, "working": working}.items()}
    made = read_case_of({"pair": pair, "subject": subject, **paths}, candidates)
    space = read_working(working)
    known: dict[str, NDArray[np.uint8]] = {}
    for name, path in masks.items():
        if name == OF_BASELINE:
            whose, own, from_working = "the baseline", baseline_flair, space.baseline_from_working
        else:
            whose, own, from_working = "the follow-up", flair, space.followup_from_working
        share = read_share(Path(path), own, from_working, made.grid, whose)
        known[name] = (share >= 0.5).astype(np.uint8)
        if name in OF_PAIR:
            known[share_of(name)] = np.round(255 * np.clip(share, 0, 1)).astype(np.uint8)
    write_case(case_out, replace(made, masks=known))
