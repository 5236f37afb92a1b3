"""Why a candidate was accepted or rejected: the features that moved its score most."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from newlesions.detect.features.rich import EXPLAINED
from newlesions.detect.refinement.candidates import names_for
from newlesions.detect.refinement.model import Model

_TOP = 4
_PLAIN = {
    "probability": "how sure its voxels are",
    "volume": "volume",
    "extent": "extent",
    "fill": "compactness",
    "major": "length",
    "minor": "thickness",
    "mni": "place",
    "to_ventricle": "distance to the ventricles",
    "to_cortex": "distance to the cortex",
    "to_brain_edge": "distance to the brain's edge",
    "white_matter": "white matter",
    "cortex": "cortex",
    "deep_grey": "deep grey matter",
    "infratentorial": "below the tentorium",
    "asymmetry": "brighter than the other side",
    "network": "what the network says",
    "lesion_frequency": "where lesions are frequent",
    "candidates_of_pair": "number of candidates",
    "share_of_largest": "size among the candidates",
    **EXPLAINED,
}


def explain(model: Model, features: NDArray[np.float32]) -> list[list[dict[str, Any]]]:
    """For each candidate, the features with the largest effects on the logit of its probability, largest first.

    Effects are exact Shapley values of the trees (TreeSHAP, Lundberg et al. 2020, Nat Mach Intell 2:56), mean over the
    boosters and scaled by the calibration's slope.
    """
    if not len(features):
        return []
    effects = np.mean([one.predict(features, pred_contrib=True) for one in model.lesion], axis=0)[:, :-1]
    effects = effects * model.calibration[0]
    names = names_for(model.settings["features"])
    rows = []
    for values, row in zip(features, effects, strict=True):
        strongest = np.argsort(-np.abs(row), kind="stable")[:_TOP]
        rows.append(
            [
                {
                    "feature": names[n],
                    "meaning": meaning(names[n]),
                    "value": round(float(values[n]), 4),
                    "effect": round(float(row[n]), 3),
                }
                for n in strongest
            ]
        )
    return rows


def meaning(name: str) -> str:
    """A feature's name in words for people."""
    plain = name.removeprefix("mean_").removeprefix("max_")
    fits = [start for start in _PLAIN if plain.startswith(start)]
    return _PLAIN[max(fits, key=len)] if fits else plain.replace("_", " ")
