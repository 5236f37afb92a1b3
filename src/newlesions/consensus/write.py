"""Writing a consensus: the pairs' masks, maps, classes and lesion tables, and what is known of its worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from newlesions.cohort.pairs import Pair
from newlesions.cohort.results import anat_file, lesions_file
from newlesions.consensus.evidence import ROW, Evidence
from newlesions.consensus.fuse import Image
from newlesions.consensus.results import Maps, System
from newlesions.detect.carry import separate
from newlesions.detect.classes import labels_text
from newlesions.detect.lesion_table import COLUMNS, lesion_rows, totals
from newlesions.evaluate.scores import write_scores, write_table
from newlesions.images.files import write_json, write_text
from newlesions.images.io import read_volume
from newlesions.images.resample import resample
from newlesions.images.transforms import read_itk
from newlesions.images.volume import Affine, Grid
from newlesions.steps.finalise import write_change
from newlesions.steps.sidecars import LESION_COLUMNS, lesion_sidecar


def write_pair(
    out: Path, pair: Pair, first: System, grid: Grid, new: Image, change: NDArray[np.uint8], word: Image
) -> Mapping[str, Any]:
    """Write the fused results of a pair under the names that a run gives them, on the follow-up's own grid.

    Parameters
    ----------
    first
        The system whose images, brain mask and transforms tell where lesions lie and how bright they are.
    grid
        The follow-up's own.
    new, change, word
        As of `fuse` and `fuse_classes`, (I, J, K).

    Returns
    -------
    dict
        Counts and volumes by kind, as in newlesions.tsv.
    """
    since = pair.baseline_session
    stem = f"space-orig_label-lesion_desc-{{}}Since{since}_{{}}"
    rows = _lesions(pair, first, grid, change, word)
    write_change(
        new,
        change,
        grid.affine,
        mask=anat_file(out, pair, stem.format("new", "mask.nii.gz")),
        probseg=anat_file(out, pair, stem.format("new", "probseg.nii.gz")),
        dseg=anat_file(out, pair, stem.format("change", "dseg.nii.gz")),
    )
    for name, content in (
        (stem.format("new", "mask.json"), "new lesions"),
        (stem.format("new", "probseg.json"), "probability of new lesion, 0 to 1"),
        (stem.format("change", "dseg.json"), "lesion change"),
    ):
        write_json(anat_file(out, pair, name), lesion_sidecar(content))
    write_text(anat_file(out, pair, stem.format("change", "dseg.tsv")), labels_text())
    table = lesions_file(out, pair)
    cells = ["\t".join(str(row[column]) for column in COLUMNS) for row in rows]
    write_text(table, "\n".join(["\t".join(COLUMNS), *cells, ""]))
    write_json(table.with_suffix(".json"), LESION_COLUMNS)
    return totals(rows)


def write_evidence(out: Path, evidence: Evidence, how: str) -> None:
    """Write ``consensus.tsv``, the scores of each system and way in the folder ``consensus``, and ``scores.tsv``, those
    of the chosen way."""
    write_table(out / "consensus.tsv", ROW, [vars(row) for row in evidence.rows])
    for name, scores in evidence.scores.items():
        rows = [{"pair": pair, "measures": measures} for pair, measures in scores.items()]
        write_scores(out / "consensus" / f"{name}.tsv", rows, details=False)
        if name == how:
            write_scores(out / "scores.tsv", rows, details=False)


def write_record(
    out: Path,
    systems: Sequence[Maps],
    how: str,
    weights: Sequence[float] | None,
    evidence: Evidence | None,
) -> None:
    """Write ``consensus.json``: who was fused, how, and with which weights; those of each left-out subject too."""
    record: dict[str, Any] = {
        "how": how,
        "systems": [system.name for system in systems],
        "weights": None if weights is None else list(weights),
    }
    if evidence is not None:
        record["without_subject"] = {
            "weights": {subject: list(found) for subject, found in evidence.weights.items()},
            "best_single": {measure: dict(found) for measure, found in evidence.chosen.items()},
        }
    write_json(out / "consensus.json", record)


def _lesions(pair: Pair, first: System, grid: Grid, change: NDArray[np.uint8], word: Image) -> list[dict[str, Any]]:
    """The rows of the lesion table, from the published images in halfway space."""
    from newlesions.detect.regions import name_regions

    paths = first.images(pair)
    halfway_from_own: Affine = np.asarray(np.linalg.inv(read_itk(paths["own"])), np.float64)
    mni_from_own = np.linalg.inv(read_itk(paths["mni"])) @ halfway_from_own
    before, after = (
        resample(read_volume(paths[name]), grid, halfway_from_own, order=1) for name in ("baseline", "followup")
    )
    brain = read_volume(paths["brain"], dtype=np.bool_).data
    found = separate(change)
    regions = name_regions(found.labels, grid, mni_from_own, after.data, brain)
    return lesion_rows(found, after, found, before, after, word, brain, regions, np.eye(4), mni_from_own)
