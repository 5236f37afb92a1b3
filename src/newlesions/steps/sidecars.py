"""The JSON beside each result. Only what this package knows itself: nothing of the input's header is copied."""

from __future__ import annotations

from typing import Any

_SPACES = {
    "orig": "the follow-up scan's own grid",
    "halfway": "the rigid halfway space of the pair, isotropic working grid",
}

_PREPARED = {
    "halfway": "FLAIR, bias-corrected, resampled once, harmonised with the other visit of the pair",
    "mni": "FLAIR, bias-corrected, harmonised with the other visit of the pair in MNI space, resampled from there",
}


_TISSUE = {
    "mni": "tissue maps of MNI152NLin2009aSym, brought to the pair by an affine",
    "samseg": "longitudinal SAMSEG (FreeSurfer)",
}


def lesion_sidecar(content: str, space: str = "orig", tissue: str = "") -> dict[str, Any]:
    """Of a mask, a map of labels or of probabilities; ``tissue``: where that came from, if it mattered."""
    told = {"Tissue": _TISSUE[tissue]} if tissue else {}
    return {
        "Description": content,
        "Type": "Lesion",
        "SpatialReference": _SPACES[space],
        "Manual": False,
        **told,
    }


def brain_sidecar(backend: str) -> dict[str, Any]:
    """Of a brain mask."""
    return {
        "Description": "brain mask",
        "Type": "Brain",
        "SpatialReference": _SPACES["orig"],
        "Manual": backend == "given",
        "Method": backend,
    }


def image_sidecar(worked_in: str = "halfway") -> dict[str, Any]:
    """Of a preprocessed image in halfway space; in MNI space, where ``worked_in`` says so, it was harmonised."""
    return {
        "Description": _PREPARED[worked_in],
        "SkullStripped": False,
        "SpatialReference": _SPACES["halfway"],
    }


LESION_COLUMNS = {
    "id": {"Description": "number of the lesion in this table: new first, then enlarging, gone, shrinking, by size"},
    "kind": {"Description": "new, enlarging, gone or shrinking since the baseline"},
    "volume_mm3": {"Description": "volume on the follow-up's own grid", "Units": "mm^3"},
    "voxels": {"Description": "voxels on the follow-up's own grid"},
    "x_mm": {"Description": "centroid in the follow-up's world coordinates (RAS)", "Units": "mm"},
    "y_mm": {"Description": "centroid in the follow-up's world coordinates (RAS)", "Units": "mm"},
    "z_mm": {"Description": "centroid in the follow-up's world coordinates (RAS)", "Units": "mm"},
    "mni_x_mm": {"Description": "centroid in MNI152NLin2009aSym, by an affine", "Units": "mm"},
    "mni_y_mm": {"Description": "centroid in MNI152NLin2009aSym, by an affine", "Units": "mm"},
    "mni_z_mm": {"Description": "centroid in MNI152NLin2009aSym, by an affine", "Units": "mm"},
    "region": {"Description": "periventricular, juxtacortical, infratentorial, deep white, or outside"},
    "intensity_before": {"Description": "mean harmonised intensity in the lesion at baseline"},
    "intensity_after": {"Description": "mean harmonised intensity in the lesion at follow-up"},
    "probability": {"Description": "mean probability of change in the lesion, 0 to 1"},
    "contrast": {
        "Description": "mean over the median of the brain within 4 mm, minus 1, in the visit that shows it brighter"
    },
}
"""The sidecar of the lesion table."""
