"""The page of one pair: what changed, each lesion seen from three sides, and whether the scans can be trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import numpy as np

from newlesions.images.volume import Affine
from newlesions.report import assets, checks
from newlesions.report.agreement import Agreement, Finding, agreement_of
from newlesions.report.figures import diverging_stops
from newlesions.report.lesion_cards import Place, build_card, build_missed, find_places, why_of
from newlesions.report.overview import axial_montage, glass_brains
from newlesions.report.pair_images import PairImages
from newlesions.report.picture import Figure
from newlesions.report.quality_section import quality_section
from newlesions.report.render import render
from newlesions.report.tables import KIND_LETTER, KINDS, Lesion, flattened, number
from newlesions.report.viewer import embed, listed

_MOST_MISSED = 12
_VIEWER_SCRIPTS = ("volumes.js", "viewer.js", "review.js")
_REGIONS = ("periventricular", "juxtacortical", "infratentorial", "deep white", "outside")
_FILES = (
    ("space-orig_label-lesion_desc-newSince{0}_mask.nii.gz", "mask of the new lesions, on the follow-up's own grid"),
    ("space-orig_label-lesion_desc-newSince{0}_probseg.nii.gz", "probability of new lesion"),
    ("space-orig_label-lesion_desc-changeSince{0}_dseg.nii.gz", "all changes: 1 new, 2 enlarging, 3 gone, 4 shrinking"),
    ("desc-lesions_table.tsv", "one row per lesion"),
    ("space-orig_desc-brain_mask.nii.gz", "brain mask"),
    ("space-halfway_desc-preproc_FLAIR.nii.gz", "the follow-up in halfway space"),
)


@dataclass(frozen=True)
class PairPage:
    """What a pair's page shows, already read.

    ``row`` is the pair's row of ``newlesions.tsv``; ``halfway`` holds the quality of the registration,
    ``working`` the space of the images and its transforms; ``scans`` the ingest reports of baseline and follow-up;
    ``measured`` what the steps measured, by step; ``settings`` the settings of the run; ``scores`` the scores against
    a reference, where there is one; ``refined`` what the step `refine` wrote, where the run has a model.
    ``fields`` are the bias fields of both visits, ``histograms`` those of harmonise.json, where there are any.
    ``max_lesions`` bounds the lesions that get pictures, ``crop_mm`` is the side of these pictures. ``viewer``: whether
    the page carries volumes and a viewer for them; ``results`` is the digest by which marks know the results that they
    are about.
    """

    subject: str
    baseline_session: str
    followup_session: str
    row: Mapping[str, Any]
    lesions: list[Lesion]
    images: PairImages
    halfway: Mapping[str, Any]
    working: Mapping[str, Any]
    scans: tuple[Mapping[str, Any], Mapping[str, Any]]
    measured: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    scores: Mapping[str, Any] | None = None
    refined: Mapping[str, Any] | None = None
    fields: Sequence[checks.BiasField] = ()
    histograms: Mapping[str, Any] | None = None
    days: float | None = None
    version: str = ""
    max_lesions: int = 60
    crop_mm: float = 60.0
    viewer: bool = True
    results: str = ""


def pair_html(page: PairPage) -> str:
    """The whole page as text. Equal content gives equal text."""
    images = page.images
    followup_from_working = _matrix(page.working, "followup_from_working")
    mni_from_working = _matrix(page.working, "mni_from_working")
    ordered = sorted(page.lesions, key=lambda lesion: (KINDS.index(lesion.kind), lesion.id))
    identity = np.eye(4)
    places = find_places(
        ordered, images, identity if followup_from_working is None else followup_from_working, page.crop_mm
    )
    pictured = [lesion for lesion in ordered if lesion.id in places][: page.max_lesions]
    agreement = agreement_of(page.scores, page.lesions) if page.scores else None
    viewer = _viewer(page, ordered, places) if page.viewer else None
    library = assets.niivue() if viewer else None
    with_list = _VIEWER_SCRIPTS if ordered else _VIEWER_SCRIPTS[:-1]
    scripts = assets.scripts(("pictures.js", *(with_list if viewer else ())))
    context = {
        "viewer": viewer,
        "library": library,
        "scripts": scripts,
        "policy_digests": [script.digest for script in scripts] + ([library.digest] if library else []),
        "page": page,
        "title": f"sub-{page.subject}, ses-{page.baseline_session} to ses-{page.followup_session}",
        "version": page.version,
        "letters": KIND_LETTER,
        "totals": {kind: _total(page, kind) for kind in KINDS},
        "quality": quality_section(page.row, images, page.scans, page.fields, page.histograms),
        "glass": glass_brains(images),
        "montage": axial_montage(images, ordered, places, mni_from_working),
        "agreement": agreement,
        "missed": _missed(page, agreement, identity if followup_from_working is None else followup_from_working),
        "why": why_of(page.refined),
        "cards": [build_card(lesion, places[lesion.id], images) for lesion in pictured],
        "lesions": ordered,
        "not_pictured": len(ordered) - len(pictured),
        "probability_views": checks.probability_figures(images),
        "difference_limit": f"{images.difference_limit:.3g}",
        "colours": ", ".join(f"{name} {percent:.0f}%" for percent, name in diverging_stops()),
        "regions": _regions(page.lesions),
        "grey_window": f"{images.window[0]:.3g} to {images.window[1]:.3g}".replace("-", "\N{MINUS SIGN}"),
        "measured": {step: list(flattened(values)) for step, values in page.measured.items() if values},
        "settings": list(flattened(page.settings)),
        "multiplier": _multiplier(page),
        "in_mni": page.working.get("space") == "mni",
        "aligned": page.halfway.get("aligned", False),
        "files": _files(page),
    }
    return render("pair.html.jinja", context)


def _viewer(page: PairPage, lesions: list[Lesion], places: dict[int, Place]) -> dict[str, Any]:
    """What the viewer's template needs: data for the scripts, volumes, and (lowest, highest, first) of its sliders."""
    embedded = embed(page.images)
    mni = _matrix(page.working, "mni_from_working")
    to_mni = None if mni is None else [[round(float(value), 6) for value in row] for row in mni]
    low, high = embedded.facts["range"]
    first, last = page.images.window
    return {
        "data": {
            "pair": f"sub-{page.subject}_ses-{page.followup_session}",
            "results": page.results,
            "lesions": listed(lesions, places, page.images),
            "facts": {**embedded.facts, "mni": to_mni},
        },
        "volumes": {name: getattr(embedded, name) for name in ("baseline", "followup", "change", "probability")},
        "level": (low, high, (first + last) / 2),
        "width": ((high - low) / 100, high - low, last - first),
        "step": (high - low) / 200,
    }


def _missed(
    page: PairPage, agreement: Agreement | None, followup_from_working: Affine
) -> list[tuple[Finding, list[Figure]]]:
    """The largest missed lesions with their pictures; none where the reference is not on the images' grid."""
    if agreement is None or page.images.reference is None:
        return []
    return [
        (item, build_missed(item.number, item.world, page.images, followup_from_working, page.crop_mm))
        for item in agreement.missed[:_MOST_MISSED]
        if item.world is not None
    ]


def _multiplier(page: PairPage) -> float | None:
    """How many standard deviations above the mean a difference must be: as measured, else as set."""
    sources = (page.measured.get("candidates", {}), page.settings.get("candidates", {}))
    return next((value for source in sources if (value := number(source.get("k"))) is not None), None)


def _matrix(content: Mapping[str, Any], name: str) -> Affine | None:
    values = content.get(name)
    return None if values is None else np.asarray(values, dtype=np.float64)


def _total(page: PairPage, kind: str) -> dict[str, Any]:
    """Count and volume of one kind: from the pair's row, or from its lesions where the row lacks them."""
    mine = [lesion for lesion in page.lesions if lesion.kind == kind]
    count = number(page.row.get(f"{kind}_count"))
    volume = number(page.row.get(f"{kind}_volume_mm3"))
    return {
        "count": len(mine) if count is None else int(count),
        "volume": sum(lesion.volume or 0.0 for lesion in mine) if volume is None else volume,
    }


def _regions(lesions: Sequence[Lesion]) -> list[dict[str, Any]]:
    """How many lesions of each kind lie in each region, the usual regions first, others as they come."""
    names = [*_REGIONS, *dict.fromkeys(lesion.region for lesion in lesions if lesion.region not in _REGIONS)]
    counts = [
        {
            "name": name or "not named",
            "counts": [sum(x.region == name and x.kind == kind for x in lesions) for kind in KINDS],
        }
        for name in names
    ]
    return [row for row in counts if row["name"] in _REGIONS[:4] or any(row["counts"])]


def _files(page: PairPage) -> list[dict[str, str]]:
    folder = f"ses-{page.followup_session}/anat"
    stem = f"sub-{page.subject}_ses-{page.followup_session}"
    names = [(f"{stem}_{name.format(page.baseline_session)}", meaning) for name, meaning in _FILES]
    return [{"name": name, "href": quote(f"{folder}/{name}"), "meaning": meaning} for name, meaning in names]
