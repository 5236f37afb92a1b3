"""The quality section of a pair's page: what each step measured, what the rules say of it, and pictures to judge by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from newlesions.report import checks
from newlesions.report.flags import HEADLINE, Flag, Severity, flags_of, overall, raised
from newlesions.report.histograms import HistogramPlot, histogram_plot
from newlesions.report.pair_images import PairImages
from newlesions.report.picture import Figure
from newlesions.report.tables import without_folders

_PARTS = (
    (
        "registration",
        "Registration",
        "In the checkerboard, ventricles and folds should run on across the borders of the squares. Below it, the "
        "baseline’s edges (yellow) should lie on the follow-up’s own. The difference of a good pair is dark but for "
        "its lesions: rims along every fold speak of misalignment, broad clouds of a bias field that was left.",
    ),
    (
        "brain",
        "Brain masks",
        "The line should follow the brain’s surface at both visits: no skull inside, no brain outside. Only change "
        "inside it is reported.",
    ),
    (
        "bias",
        "Bias fields",
        "The shading that N4 found in each scan and took out. It should be smooth and show no anatomy.",
    ),
    (
        "intensities",
        "Intensities in the brain",
        "Before harmonisation the curves may differ, as scanners do. After it they should lie on each other. Across: "
        "intensity, before in each scan’s own units; up: how many voxels of the brain have it.",
    ),
    (
        "noise",
        "Noise and slices",
        "What limits the smallest lesion that can be seen.",
    ),
    (
        "inputs",
        "The scans, and what the input checks said",
        "As the files tell. Scans that cannot be used are refused before anything is computed.",
    ),
)


@dataclass(frozen=True)
class Part:
    """One part of the section: its flags, rows of pictures by title, and histograms by title."""

    id: str
    title: str
    text: str
    flags: list[Flag]
    rows: list[tuple[str, list[Figure]]] = field(default_factory=list)
    histograms: list[tuple[str, HistogramPlot]] = field(default_factory=list)

    @property
    def severity(self) -> Severity:
        """The worst of its flags."""
        return overall(self.flags)


@dataclass(frozen=True)
class QualitySection:
    """All that the templates show of a pair's quality.

    ``raised`` are the flags that are not fine; ``scans`` describes baseline and follow-up; ``field_limit`` is the end
    of the scale of the bias fields in percent, None where there are no fields to show.
    """

    severity: Severity
    headline: str
    raised: list[Flag]
    flags: list[Flag]
    parts: list[Part]
    scans: list[dict[str, Any]]
    field_limit: float | None = None


def quality_section(
    row: Mapping[str, Any],
    images: PairImages,
    scans: Sequence[Mapping[str, Any]],
    fields: Sequence[checks.BiasField] = (),
    histograms: Mapping[str, Any] | None = None,
) -> QualitySection:
    """Judge a pair and draw what a person needs to check the judgement.

    Parameters
    ----------
    row
        The pair's summary.
    images
        Its images.
    scans
        The reports of the input checks on baseline and follow-up.
    fields
        The bias fields of baseline and follow-up; empty in results that were made before fields were kept.
    histograms
        Those of harmonise.json, ``before`` and ``after``; None in results that were made before they were counted.
    """
    flags = flags_of(row)
    rows: dict[str, list[tuple[str, list[Figure]]]] = {
        "registration": [
            ("Checkerboard of baseline and follow-up", checks.checkerboards(images)),
            ("Baseline’s edges on the follow-up", checks.edge_figures(images)),
            ("Follow-up minus baseline", checks.difference_figures(images)),
        ],
        "brain": [
            ("Baseline", checks.brain_figures(images, "baseline")),
            ("Follow-up", checks.brain_figures(images, "followup")),
        ],
        "bias": [
            (name, checks.field_figures(images, found, name))
            for name, found in zip(("Baseline", "Follow-up"), fields, strict=False)
        ],
    }
    plots = [
        (title, histogram_plot(histograms[when], title))
        for title, when in (("Before harmonisation", "before"), ("After harmonisation", "after"))
        if histograms
    ]
    parts = [
        Part(
            name,
            title,
            text,
            [flag for flag in flags if flag.rule.part == name],
            rows.get(name, []),
            plots if name == "intensities" else [],
        )
        for name, title, text in _PARTS
    ]
    severity = overall(flags)
    return QualitySection(
        severity,
        HEADLINE[severity],
        raised(flags),
        flags,
        parts,
        [_scan(report) for report in scans],
        checks.FIELD_LIMIT_PERCENT if fields else None,
    )


def _scan(report: Mapping[str, Any]) -> dict[str, Any]:
    """The lines of the table of scans about one of them."""
    warnings: Sequence[str] | str = report.get("warnings") or ()
    listed = [warnings] if isinstance(warnings, str) else warnings
    return {
        "shape": " × ".join(str(value) for value in report.get("shape") or ()) or "–",
        "spacing": " × ".join(f"{float(value):.2f}" for value in report.get("spacing_mm") or ()) or "–",
        "orientation": str(report.get("orientation") or "–"),
        "dtype": str(report.get("dtype") or "–"),
        "warnings": [without_folders(str(warning)) for warning in listed],
    }
