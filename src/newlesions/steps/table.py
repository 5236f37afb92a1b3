"""The last step of a cohort: one table, one page, and what the results folder says about itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from newlesions.cohort.made import Made, made_of
from newlesions.cohort.made import digest_list as list_text
from newlesions.cohort.outcome import DONE, outcomes, table_text
from newlesions.cohort.pairs_table import read_pairs
from newlesions.cohort.results import flow_of, lesions_file, score_files, summary_file
from newlesions.images.files import read_json, sha256, write_bytes, write_json, write_text
from newlesions.provenance import BIDSIGNORE, citation, dataset_description, descriptions, provenance
from newlesions.report.group_table import group_rows, group_sidecar, group_text
from newlesions.settings import read_recipe
from newlesions.steps.report import cohort_report


def table(
    *,
    pairs: Path,
    table: Path,
    quality: Path,
    quality_columns: Path,
    page: Path,
    description: Path,
    labels: Path,
    ignore: Path,
    citation_text: Path,
    provenance_record: Path,
    digest_list: Path,
    complete: Path,
    settings: Mapping[str, Any],
    summaries: Sequence[Path] | None = None,
    pages: Sequence[Path] | None = None,
    scores: Sequence[Path] | None = None,
) -> None:
    """Write the files about the whole cohort, whatever became of its pairs.

    Parameters
    ----------
    pairs
        The frozen pairs table. It is copied beside ``table`` as pairs.tsv, with the pairs.json beside it.
    table
        newlesions.tsv; its folder is the results folder, where the pairs' summaries and logs are looked for.
    quality, quality_columns
        group_quality.tsv, and group_quality.json that says what its columns mean.
    page, description, labels, ignore, citation_text, provenance_record, digest_list
        index.html, dataset_description.json, descriptions.tsv, .bidsignore, CITATION.md, provenance.json,
        sha256sums.txt.
    complete
        Written if every pair is done, removed otherwise: the workflow then sees that the table is to be made again.
    settings
        The settings of the run.
    summaries, pages, scores
        What must exist before, where the workflow calls; not read from here, since after failures some are missing.
    """
    out = table.parent
    rows = read_pairs(pairs)
    index = _index(pairs)
    recipe = read_recipe(settings["recipe"])
    model = settings["refine"]["model"]
    steps, buckets = flow_of(settings, rows)
    outcome = outcomes(out, rows, steps, buckets)
    write_text(table, table_text(outcome))
    done = [pair for pair, row in zip(rows, outcome, strict=True) if row["status"] == DONE]
    summaries_of = {pair.pair: read_json(summary_file(out, pair)) for pair in done}
    write_text(quality, group_text(group_rows(outcome, summaries_of)))
    write_json(quality_columns, group_sidecar())
    _freeze(pairs, out)
    write_json(description, dataset_description(rows, str(index.get("input", ""))))
    write_text(labels, descriptions(rows, settings["resample"]["space"]))
    write_text(ignore, BIDSIGNORE)
    write_text(citation_text, citation(recipe))
    references = score_files(out) if any(row.reference for row in rows) else None
    told = {"recipe": recipe["id"], **({"model": Path(model).name} if model else {})}
    # One that somebody deleted is made again by the workflow, and is missing from the map until then.
    tables = [path for pair in done if (path := lesions_file(out, pair)).is_file()]
    cohort_report(table, out / "pairs.json", page, told, references, quality, tables)
    made = {row.pair: made_of(out, row, steps, buckets[row.pair]) for row in done}
    own = [table, quality, quality_columns, page, description, labels, ignore, citation_text, out / "pairs.json"]
    outputs = _write_list(digest_list, made, [*own, *(references or {}).values()])
    write_json(provenance_record, provenance(rows, settings, recipe, made, outputs))
    if all(row["status"] == DONE for row in outcome):
        write_json(complete, [row["pair"] for row in outcome])
    else:
        complete.unlink(missing_ok=True)


def _write_list(path: Path, made: Mapping[str, Made], about: Sequence[Path]) -> dict[str, Any]:
    """Write the list of digests: of the pairs' files as ``made``, of the files ``about`` the cohort as they are now."""
    files = {name: digest for record in made.values() for name, digest in record.files.items()}
    files |= {file.relative_to(path.parent).as_posix(): sha256(file) for file in about if file.is_file()}
    write_text(path, list_text(files))
    return {"list": path.name, "sha256": sha256(path), "files": len(files)}


def _index(pairs: Path) -> dict[str, Any]:
    path = pairs.with_suffix(".json")
    return read_json(path) if path.is_file() else {}


def _freeze(pairs: Path, out: Path) -> None:
    """Keep the table that this run used, and what the index said, in the results folder."""
    for source in (pairs, pairs.with_suffix(".json")):
        copy = out / f"pairs{source.suffix}"
        if source.is_file() and not (copy.is_file() and copy.samefile(source)):
            write_bytes(copy, source.read_bytes())
