"""Everything that is scored of one pair."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path
from typing import Any

from newlesions.evaluate.additions import NameRegions, additions, lesion_rows
from newlesions.evaluate.curves import curve_rows
from newlesions.evaluate.masks import LabelImage, check_same_grid, read_map, read_mask
from newlesions.evaluate.measures import MEASURES, Comparison, Measures, Thresholds

CONSENSUS, PREDICTION = "consensus", "prediction"
"""What the tables of raters call the reference and the prediction."""


@dataclass(frozen=True)
class Inputs:
    """The files of one pair. All masks must lie on the reference's grid.

    Attributes
    ----------
    pair
        Its name in every table.
    reference, prediction
        Masks of new lesions.
    probability
        The map behind the prediction, for curves.
    gone_reference, gone_prediction
        Masks of lesions that are gone.
    raters
        Masks of new lesions by single raters, by name.
    regions
        A label image of regions.
    """

    pair: str
    reference: Path
    prediction: Path
    probability: Path | None = None
    gone_reference: Path | None = None
    gone_prediction: Path | None = None
    raters: Mapping[str, Path] = field(default_factory=dict)
    regions: Path | None = None


@dataclass(frozen=True)
class Options:
    """How to score.

    Attributes
    ----------
    thresholds
        The tool's, of detection.
    threshold
        From which value a voxel of a prediction (and of a reference with fractions) is lesion.
    groups
        The tool's measures wanted.
    details
        Whether additions, lesions and curves are wanted too.
    region_names
        Names by label of ``Inputs.regions``.
    """

    thresholds: Thresholds = field(default_factory=Thresholds)
    threshold: float | None = None
    groups: tuple[str, ...] = MEASURES
    details: bool = True
    region_names: Mapping[int, str] = field(default_factory=dict)


def evaluate_pair(
    inputs: Inputs, options: Options | None = None, name_regions: NameRegions | None = None
) -> dict[str, Any]:
    """Score one pair.

    Parameters
    ----------
    inputs
        Its files.
    options
        How to score.
    name_regions
        Names lesions by region; an atlas among the inputs goes before it.

    Returns
    -------
    dict
        ``pair``; ``measures``: the tool's, by name. With details also ``additions`` by name, ``lesions`` (rows),
        ``curves`` (rows), ``gone`` (measures, or None) and ``raters`` (rows with ``reference``, ``prediction`` and the
        measures).

    Raises
    ------
    InputError
        If a file is missing, damaged, no mask, or lies on another grid than the reference.
    """
    options = options or Options()
    reference = read_mask(inputs.reference, options.threshold, threshold_labels=False)
    prediction = _on_grid(inputs.prediction, reference, options.threshold)
    comparison = Comparison(reference, prediction, options.thresholds)
    result: dict[str, Any] = {"pair": inputs.pair, "measures": comparison.measures(options.groups)}
    if not options.details:
        return result
    if inputs.regions:
        from newlesions.evaluate.regions import read_atlas

        name_regions = read_atlas(inputs.regions, reference.grid, options.region_names)
    probability = None
    if inputs.probability:
        probability, grid = read_map(inputs.probability)
        check_same_grid(inputs.probability, grid, reference.grid)
    return result | {
        "additions": additions(comparison),
        "lesions": lesion_rows(comparison, reference.affine, name_regions),
        "curves": curve_rows(reference, probability, comparison),
        "gone": _gone(inputs, reference, options),
        "raters": _raters(inputs, reference, prediction, options),
    }


def _gone(inputs: Inputs, reference: LabelImage, options: Options) -> Measures | None:
    if not (inputs.gone_reference and inputs.gone_prediction):
        return None
    truth = _on_grid(inputs.gone_reference, reference, options.threshold, threshold_labels=False)
    found = _on_grid(inputs.gone_prediction, reference, options.threshold)
    return Comparison(truth, found, options.thresholds).measures(options.groups)


def _raters(inputs: Inputs, reference: LabelImage, prediction: LabelImage, options: Options) -> list[dict[str, Any]]:
    """The prediction against each rater and the consensus, each rater against the consensus and each other rater."""
    if not inputs.raters:
        return []
    masks = {
        name: _on_grid(path, reference, options.threshold, threshold_labels=False)
        for name, path in inputs.raters.items()
    }
    masks |= {CONSENSUS: reference, PREDICTION: prediction}
    names = list(inputs.raters)
    asked = [(CONSENSUS, PREDICTION), *((name, PREDICTION) for name in names)]
    asked += [(CONSENSUS, name) for name in names] + list(permutations(names, 2))
    return [
        {"reference": truth, "prediction": found}
        | Comparison(masks[truth], masks[found], options.thresholds).measures(options.groups)
        for truth, found in asked
    ]


def _on_grid(
    path: Path, reference: LabelImage, threshold: float | None, *, threshold_labels: bool = True
) -> LabelImage:
    image = read_mask(path, threshold, threshold_labels=threshold_labels)
    check_same_grid(path, image.grid, reference.grid)
    return image
