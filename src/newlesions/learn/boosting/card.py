"""The card of a trained model: what it is, what it learned from, how it does on what it has not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from newlesions.detect.refinement.candidates import names_for
from newlesions.detect.refinement.model import Model, feature_names
from newlesions.learn.boosting.held_out import calibration_error

if TYPE_CHECKING:
    import lightgbm

_TOP = 12
_SHOWN = ("Dice", "F1_score", "SensL", "PPVL", "candidates_Dice", "candidates_F1_score")


def card(model: Model, recipe: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    """The card as Markdown.

    Parameters
    ----------
    model
        The model of all pairs.
    recipe
        Its recipe.
    rows
        The scores of each pair by the model of the fold that left its subject out (`held_out`).
    """
    subjects = {row["subject"] for row in rows}
    parts = [
        f"# Model of the recipe `{model.recipe}`",
        str(recipe.get("description", "")).strip(),
        "Research software: not a medical device, not for diagnosis.",
        "## Data",
        f"{len(rows)} pairs of {len(subjects)} subjects with reference masks of new lesions. `model.json` holds the "
        "SHA-256 of every scan and mask; no image and no name beyond the pairs' ids is kept. The map of lesion "
        "frequency (`frequency.nii.gz`) is the mean over subjects, at 4 mm."
        if model.frequency is not None
        else f"{len(rows)} pairs of {len(subjects)} subjects with reference masks of new lesions.",
        "## Protocol",
        _protocol(model),
        "## Scores on subjects left out",
        "On the working grid; each pair by a model that has seen no pair of its subject. `candidates`: the subtraction "
        "before the classifier.",
        scores_text(rows),
        "## What decides",
        _importance("Voxels", model.voxel, feature_names(model.settings)),
    ]
    if model.lesion:
        parts.append(_importance("Lesions", model.lesion, names_for(model.settings["features"])))
    parts += ["## Limits", _LIMITS]
    return "\n\n".join(part for part in parts if part) + "\n"


LIMITS = """\
- It has learned what the reference masks call new. Other raters, other definitions (enlarging lesions counted as new or
  not) give other masks.
- Scanners, slice thicknesses and fields of view unlike those of the training pairs are untested."""

_LIMITS = f"""\
{LIMITS}
- Probabilities are calibrated on the training cohort's own share of true candidates; elsewhere they keep their order
  before their scale."""


def _protocol(model: Model) -> str:
    settings = model.settings
    lines = [
        f"- {len(model.voxel)} LightGBM models over {len(feature_names(settings))} features of voxels "
        f"(`{settings['features']}`, region `{settings['region']}`), one per inner fold of subjects, stopped after "
        f"{settings['early_stopping']} rounds without gain on that fold; the prediction is their mean.",
        f"- Voxels belong to a candidate from a probability of {model.threshold:g}.",
    ]
    if model.lesion:
        lesion_features = len(names_for(settings["features"]))
        lines += [
            f"- {len(model.lesion)} models over {lesion_features} features of candidates, trained on "
            "probabilities of voxels that their own subject did not teach; calibrated by a logistic curve on "
            "held-out folds.",
            f"- Candidates are lesions from a probability of {model.accept:g}. Both thresholds maximise the mean of "
            "Dice and F1_score over held-out pairs.",
        ]
    elif settings["lesions"]:
        lines.append("- No classifier of candidates: there were too few false ones to learn from.")
    return "\n".join(lines)


def scores_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """The scores of `held_out` as tables in Markdown: of pairs with new lesions, and of those without."""
    with_lesions = [row for row in rows if row.get("Dice") is not None]
    without = [row for row in rows if row.get("NbTestedLesions") is not None]
    lines = []
    if with_lesions:
        lines += [
            f"{len(with_lesions)} pairs with new lesions:",
            "",
            "| measure | mean | SD | median |",
            "|---|---|---|---|",
        ]
        for name in _SHOWN:
            values = np.array([row[name] for row in with_lesions if row.get(name) is not None], float)
            values = values[np.isfinite(values)]
            if values.size:
                spread = values.std(ddof=1) if values.size > 1 else 0.0
                lines.append(f"| {name} | {values.mean():.3f} | {spread:.3f} | {np.median(values):.3f} |")
    if without:
        clean = sum(row["NbTestedLesions"] == 0 for row in without)
        lines += ["", f"{len(without)} pairs without: {clean} without any false lesion, "
                  f"{np.mean([row['NbTestedLesions'] for row in without]):.2f} false lesions a pair."]  # fmt: skip
    error = calibration_error(rows)
    if np.isfinite(error):
        lines += ["", f"Expected calibration error of the candidates' probabilities: {error:.3f} (ten bins)."]
    return "\n".join(lines)


def _importance(title: str, boosters: Sequence[lightgbm.Booster], names: Sequence[str]) -> str:
    """The features with the largest share of the gain, mean over the boosters."""
    gains = np.array([booster.feature_importance("gain") for booster in boosters])
    share = (gains / np.maximum(gains.sum(axis=1, keepdims=True), 1e-12)).mean(axis=0)
    order = np.argsort(-share, kind="stable")[:_TOP]
    shown = ", ".join(f"`{names[n]}` {100 * share[n]:.0f} %" for n in order if share[n] > 0)
    return f"{title}, by share of the gain: {shown}."
