"""The results of a pair that belong to the follow-up alone: files in, files out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from newlesions.detect.carry import carry, separate
from newlesions.detect.lesion_table import COLUMNS, lesion_rows, totals
from newlesions.images.files import read_json, write_json, write_text
from newlesions.images.io import read_volume, write_volume
from newlesions.images.transforms import write_fsl, write_itk
from newlesions.steps.names import read_matrices
from newlesions.steps.pair_quality import of_pair, of_visit
from newlesions.steps.sidecars import LESION_COLUMNS, brain_sidecar, image_sidecar
from newlesions.steps.working import read_working, write_published


def lesions(
    change: Path,
    probability: Path,
    baseline: Path,
    followup: Path,
    brain: Path,
    halfway: Path,
    working: Path,
    flair: Path,
    followup_brain: Path,
    baseline_brain_facts: Path,
    followup_brain_facts: Path,
    baseline_report: Path,
    followup_report: Path,
    candidates_facts: Path,
    harmonise_facts: Path,
    lesions: Path,
    lesions_sidecar: Path,
    brain_mask: Path,
    brain_mask_sidecar: Path,
    preproc: Path,
    preproc_sidecar: Path,
    xfm: Path,
    mni_xfm: Path,
    summary: Path,
    settings: Mapping[str, Any],
) -> list[Path]:
    """Write the lesion table, the follow-up's brain and images, the transforms, and the pair's row of newlesions.tsv.

    ``change``, ``probability``, ``baseline``, ``followup`` and ``brain`` lie on the working grid; ``flair`` and
    ``followup_brain`` on the follow-up's own grid. Returns what was written beside the named files.
    """
    from newlesions.detect.regions import name_regions

    classes = read_volume(change, dtype=np.uint8)
    before, after = read_volume(baseline), read_volume(followup)
    inside = read_volume(brain, dtype=np.bool_).data
    own = read_volume(flair)
    matrices = read_matrices(halfway)
    space = read_working(working)
    working_from_own = space.working_from_followup
    found = separate(classes.data)
    rows = lesion_rows(
        carry(found, classes.grid, own.grid, working_from_own),
        own,
        found,
        before,
        after,
        read_volume(probability).data,
        inside,
        name_regions(found.labels, classes.grid, space.mni_from_working, after.data, inside),
        working_from_own,
        space.mni_from_working,
    )
    write_text(lesions, _tsv(rows))
    write_json(lesions_sidecar, LESION_COLUMNS)
    write_volume(brain_mask, read_volume(followup_brain, dtype=np.uint8))
    write_json(brain_mask_sidecar, brain_sidecar(read_json(followup_brain_facts)["backend"]))
    shown = space.image_in_halfway(after)
    write_published(preproc, shown)
    write_json(preproc_sidecar, image_sidecar(space.space))
    write_itk(xfm, matrices["followup_from_halfway"])
    write_itk(mni_xfm, np.linalg.inv(matrices["mni_from_halfway"]))
    flirt = [xfm.with_name(xfm.name.replace("_xfm.mat", "_desc-flirt_xfm.mat"))] if settings["fsl"] else []
    for path in flirt:
        write_fsl(path, matrices["followup_from_halfway"], own.grid, shown.grid)
    noise = read_json(candidates_facts)["sd_difference"]
    write_json(
        summary,
        {
            **totals(rows),
            **of_visit("baseline", read_json(baseline_brain_facts), read_json(baseline_report)),
            **of_visit("followup", read_json(followup_brain_facts), read_json(followup_report)),
            **of_pair(matrices["quality"], read_json(harmonise_facts)),
            "noise": round(noise, 3),
            "noise_percent": round(100 * noise / float(np.median(after.data[inside])), 2),
            "warnings": "; ".join(_warnings(baseline_report, "baseline") + _warnings(followup_report, "follow-up")),
        },
    )
    return flirt


def _warnings(report: Path, visit: str) -> list[str]:
    return [f"{visit}: {warning}" for warning in read_json(report)["warnings"]]


def _tsv(rows: Sequence[Mapping[str, Any]]) -> str:
    lines = ["\t".join(COLUMNS), *("\t".join(str(row[column]) for column in COLUMNS) for row in rows)]
    return "\n".join(lines) + "\n"
