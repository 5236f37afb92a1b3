"""The last step of a pair, its page, and the page of the cohort: files in, one HTML file out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from newlesions import __version__
from newlesions.images.files import read_json, write_text
from newlesions.images.io import read_volume
from newlesions.report.checks import BiasField
from newlesions.report.cohort_page import CohortPage, cohort_html
from newlesions.report.cohort_scores import read_cohort_scores
from newlesions.report.pair_images import read_pair_images
from newlesions.report.pair_page import PairPage, pair_html
from newlesions.report.review import results_digest
from newlesions.report.tables import number, read_lesions, read_rows
from newlesions.steps.working import read_working


def report(
    pair: Mapping[str, str],
    *,
    baseline: Path,
    followup: Path,
    change: Path,
    probability: Path,
    brain: Path,
    halfway: Path,
    working: Path,
    harmonise: Path,
    candidates: Path,
    lesions: Path,
    summary: Path,
    baseline_ingest: Path,
    followup_ingest: Path,
    out_html: Path,
    settings: Mapping[str, Any],
    scores: Path | None = None,
    reference: Path | None = None,
    refine: Path | None = None,
    baseline_field: Path | None = None,
    followup_field: Path | None = None,
) -> None:
    """Write the page of one pair.

    Parameters
    ----------
    pair
        The pair's row of ``pairs.tsv``: ``pair``, ``subject``, ``baseline_session``, ``followup_session`` and ``days``
        are used.
    baseline, followup
        The harmonised images; with ``change`` (0 none, 1 new, 2 enlarging, 3 gone, 4 shrinking), the signed
        ``probability`` of change (positive where the follow-up is brighter), and the ``brain`` mask, all on the working
        grid.
    halfway, working, harmonise, candidates
        The JSON files of these steps; ``working`` is that of `resample`.
    lesions, summary
        The pair's lesion table (TSV), and its row of ``newlesions.tsv`` as JSON.
    baseline_ingest, followup_ingest
        The JSON reports of the input checks.
    out_html
        The page, ``OUT/sub-01/sub-01_ses-M12.html``: its links lead from there to the files of the pair.
    settings
        The settings of the run, shown on the page. Its section ``report`` is also obeyed: ``max_lesions`` (60) is how
        many lesions get pictures, ``crop_mm`` (60) the side of these pictures, ``viewer`` (true) whether the page
        carries the volumes for its viewer.
    scores, reference
        The pair's scores as JSON, which are empty where the pair has no reference, and the reference mask on the
        follow-up's own grid.
    refine
        The JSON file of that step, where the run has a model.
    baseline_field, followup_field
        The bias fields, each in its scan's own space. Results of earlier versions have none.

    Raises
    ------
    InputError
        If the images do not share a grid or the lesion table is not one.
    """
    options = settings.get("report", {})
    result = (None if scores is None else read_json(scores)) or None
    refined = None if refine is None else read_json(refine)
    drawn = None
    if reference is not None and result is not None and not result.get("failed"):
        drawn = reference, read_working(working).followup_from_working
    harmonised = read_json(harmonise)
    histograms = harmonised.pop("histograms", None)
    page = PairPage(
        subject=pair["subject"],
        baseline_session=pair["baseline_session"],
        followup_session=pair["followup_session"],
        row=read_json(summary),
        lesions=read_lesions(lesions),
        images=read_pair_images(baseline, followup, change, probability, brain, drawn),
        halfway=read_json(halfway),
        working=read_json(working),
        scans=(read_json(baseline_ingest), read_json(followup_ingest)),
        measured={"harmonise": harmonised, "candidates": read_json(candidates), "refine": _facts(refined)},
        refined=refined,
        settings=settings,
        scores=result,
        fields=_fields(baseline_field, followup_field, working),
        histograms=histograms,
        days=number(pair.get("days", "")),
        version=__version__,
        max_lesions=int(options.get("max_lesions", 60)),
        crop_mm=float(options.get("crop_mm", 60)),
        viewer=bool(options.get("viewer", True)),
        results=results_digest(pair["pair"], pair["baseline_session"], lesions),
    )
    write_text(out_html, pair_html(page))


def _fields(baseline: Path | None, followup: Path | None, working: Path) -> list[BiasField]:
    """The bias fields of both visits with their ways from the working space; none where they were not kept."""
    if baseline is None or followup is None:
        return []
    space = read_working(working)
    return [
        (read_volume(baseline), space.baseline_from_working),
        (read_volume(followup), space.followup_from_working),
    ]


def _facts(refined: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the classifier measured of the pair as a whole; nothing where there is none."""
    return {name: value for name, value in (refined or {}).items() if name not in ("lesions", "model")}


def cohort_report(
    table: Path,
    pairs_json: Path | None,
    out_html: Path,
    summary: Mapping[str, Any],
    scores: Mapping[str, Path] | None = None,
    quality: Path | None = None,
    lesions: Sequence[Path] = (),
) -> None:
    """Write the page of the cohort.

    Parameters
    ----------
    table
        ``newlesions.tsv``.
    pairs_json
        ``pairs.json``: the skipped subjects, notes and filters of the index. May be absent.
    out_html
        The page, ``OUT/index.html``: its links lead from there to the pages of the pairs.
    summary
        What to tell of the run, such as ``{"recipe": ..., "version": ...}``, shown as given.
    scores
        The files of the step `scores` by name, where pairs have references.
    quality
        ``group_quality.tsv``. Without it, pairs are judged by the few numbers that ``newlesions.tsv`` has.
    lesions
        The lesion tables of the finished pairs.
    """
    from newlesions.preprocess.template import t1_template

    index = read_json(pairs_json) if pairs_json is not None and pairs_json.exists() else {}
    scored = read_cohort_scores(scores) if scores else None
    page = CohortPage(
        rows=read_rows(table),
        index=index,
        summary=summary,
        version=__version__,
        scores=scored,
        quality=read_rows(quality) if quality is not None else (),
        lesions=[read_lesions(path) for path in lesions],
        template=t1_template() if lesions else None,
    )
    write_text(out_html, cohort_html(page))
