"""A person's review of a pair's lesions, applied: corrected masks and a corrected table, beside the original ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from newlesions.detect.carry import Lesions, carry, separate
from newlesions.detect.classes import KINDS, NEW
from newlesions.detect.lesion_table import totals
from newlesions.errors import InputError
from newlesions.images.files import write_json, write_text
from newlesions.images.io import read_volume, write_volume
from newlesions.images.volume import Volume
from newlesions.report.review import Mark
from newlesions.report.tables import read_rows
from newlesions.steps.sidecars import LESION_COLUMNS, lesion_sidecar
from newlesions.steps.working import HALFWAY, read_working

REVIEW_COLUMNS = {
    "review": {
        "Description": "what a person said of the lesion; one that was rejected is not in the reviewed masks",
        "Levels": {"accept": "it is one", "reject": "it is none", "unsure": "kept", "": "not looked at: kept"},
    },
    "comment": {"Description": "the person's words"},
}
_AFTER = "after review: rejected lesions are left out"


def review(
    marks: Mapping[str, Mark],
    *,
    lesions: Path,
    change: Path,
    working: Path,
    dseg: Path,
    out_mask: Path,
    out_dseg: Path,
    out_halfway_mask: Path,
    out_table: Path,
) -> dict[str, Any]:
    """Write the corrected files of one pair, each with its JSON, and return its counts, volumes (mm3) and marks.

    Parameters
    ----------
    marks
        By lesion id. Lesions that are rejected are left out; all others stay.
    lesions
        The pair's lesion table.
    change, working
        The classes on the working grid, from which the table's lesions were numbered, and the JSON of `resample`.
    dseg
        The classes on the follow-up's own grid, which is the corrected masks' too.
    out_mask, out_dseg, out_halfway_mask, out_table
        New lesions and all classes on the follow-up's grid, new lesions in halfway space, the table with two columns.

    Raises
    ------
    InputError
        If the table's lesions are not those of ``change``.
    """
    rows = read_rows(lesions)
    classes = read_volume(change, dtype=np.uint8)
    found = separate(classes.data)
    if [row["kind"] for row in rows] != [KINDS[code] for code in found.kinds]:
        raise InputError(lesions, f"{len(rows)} lesions", f"the {len(found.kinds)} of {change.name}, in their order")
    gone = [int(row["id"]) for row in rows if row["id"] in marks and marks[row["id"]].review == "reject"]
    left = Lesions(np.where(np.isin(found.labels, gone), 0, found.labels), found.kinds)
    space = read_working(working)
    own = read_volume(dseg, dtype=np.uint8)
    # Carried with all its neighbours, so that what stays has the voxels that it had.
    carried = carry(found, classes.grid, own.grid, space.working_from_followup).labels
    here = np.where(np.isin(carried, gone), 0, own.data)
    there = Volume(left.change(), classes.affine)
    if space.space != HALFWAY:
        labels = carry(found, classes.grid, space.halfway_grid, space.working_from_halfway)
        kept = Lesions(np.where(np.isin(labels.labels, gone), 0, labels.labels), labels.kinds)
        there = Volume(kept.change(), space.halfway_grid.affine)
    _write_image(out_mask, Volume(here == NEW, own.affine), f"new lesions {_AFTER}")
    _write_image(out_dseg, Volume(here, own.affine), f"lesion change {_AFTER}")
    _write_image(out_halfway_mask, there.with_data(there.data == NEW), f"new lesions {_AFTER}", space="halfway")
    reviewed = [row | _said(marks.get(row["id"])) for row in rows]
    write_text(out_table, _tsv(reviewed, [*(rows[0] if rows else LESION_COLUMNS), *REVIEW_COLUMNS]))
    write_json(_sidecar(out_table), {**LESION_COLUMNS, **REVIEW_COLUMNS})
    stay = [{**row, "volume_mm3": float(row["volume_mm3"])} for row in reviewed if row["review"] != "reject"]
    said = [row["review"] for row in reviewed]
    counts = {f"{mark}_count": said.count(mark) for mark in ("accept", "reject", "unsure")}
    return {**counts, "not_reviewed_count": said.count(""), **totals(stay)}


def _said(mark: Mark | None) -> dict[str, str]:
    return {"review": mark.review if mark else "", "comment": mark.comment if mark else ""}


def _write_image(path: Path, volume: Volume, content: str, space: str = "orig") -> None:
    write_volume(path, volume)
    # Who reads the file must know that a person had a say; the masks are still the program's own voxels.
    write_json(_sidecar(path), {**lesion_sidecar(content, space), "Reviewed": True})


def _sidecar(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(".gz").rsplit(".", 1)[0] + ".json")


def _tsv(rows: list[dict[str, str]], columns: list[str]) -> str:
    lines = ["\t".join(columns), *("\t".join(row[column] for column in columns) for row in rows)]
    return "\n".join(lines) + "\n"
