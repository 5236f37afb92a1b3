"""The candidates of a pair: files in, files out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from newlesions.detect.settings import SubtractionSettings
from newlesions.images.files import write_json
from newlesions.images.io import read_volume, write_volume
from newlesions.images.morphology import Mask
from newlesions.images.volume import Affine, Volume
from newlesions.preprocess.samseg import segment_pair, tissue_source
from newlesions.steps.working import read_working

if TYPE_CHECKING:
    from newlesions.detect.tissue import Tissue

NONE, MNI = "none", "mni"


def candidates(
    baseline: Path,
    followup: Path,
    brain: Path,
    working: Path,
    change: Path,
    probability: Path,
    facts: Path,
    settings: Mapping[str, Any],
    threads: int = 1,
) -> None:
    """Write the classes of change (uint8) and the signed probability of change (float32), on the working grid.

    Parameters
    ----------
    facts
        JSON: what was measured; ``tissue``, where it came from, if the settings ask for it.
    threads
        Of SAMSEG.
    """
    from newlesions.detect.candidates import find_candidates
    from newlesions.preprocess.information import mutual_information

    chosen = SubtractionSettings.of(settings)
    visits = before, after = read_volume(baseline), read_volume(followup)
    inside = read_volume(brain, dtype=np.bool_).data
    mni_from_working = read_working(working).mni_from_working
    source = tissue_source(chosen.tissue)
    found = find_candidates(
        before,
        after,
        inside,
        mni_from_working,
        chosen,
        tissue=_tissue(source, visits, inside, mni_from_working, chosen.lesion_sd, threads),
        other_share=chosen.other_share_mni if source == MNI else chosen.other_share,
        information=mutual_information(before, after, inside) if chosen.k_at else None,
    )
    write_volume(change, before.with_data(found.change))
    write_volume(probability, before.with_data(found.signed), level=1)
    write_json(facts, found.facts | ({} if source == NONE else {"tissue": source}))


def _tissue(
    source: str, visits: tuple[Volume, Volume], brain: Mask, mni_from_working: Affine, lesion_sd: float, threads: int
) -> tuple[Tissue, Tissue] | None:
    """The tissue of both visits; None where it does not matter."""
    from newlesions.detect.tissue import codes_of_freesurfer, of_codes, of_mni

    if source == NONE:
        return None
    if source == MNI:
        first, second = (of_mni(one.data, brain, one.grid, mni_from_working, lesion_sd) for one in visits)
        return first, second
    # Whole heads, which SAMSEG needs; that they are bias-corrected already does it no harm.
    first, second = (of_codes(codes_of_freesurfer(labels)) for labels in segment_pair(*visits, threads=threads))
    return first, second
