"""The MNI152 template as nilearn ships it, in the contrast of a FLAIR. Nothing is downloaded."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from newlesions.images.grid import coarser_grid, isotropic_grid
from newlesions.images.io import read_volume
from newlesions.images.morphology import close, largest_component
from newlesions.images.resample import resample
from newlesions.images.volume import Grid, Volume, apply_affine

NAME = "MNI152NLin2009aSym"

# FLAIR grey levels relative to grey matter, read off 2D and 3D FLAIRs at 1.5 and 3 T: white matter is a little darker,
# cerebrospinal fluid is suppressed.
_WHITE, _GREY, _FLUID = 0.85, 1.0, 0.25

# The voxel size in mm at which the template's brain is boxed: the one that brain extraction works at.
_BOX = 2.0


class Template(NamedTuple):
    """The MNI152 2009a symmetric maps on one grid, all float32 in [0, 1] but ``flair``."""

    flair: Volume
    brain: Volume
    grey: Volume
    white: Volume


@cache
def load_template(spacing: float) -> Template:
    """The template on a RAS grid with cubic voxels of ``spacing`` mm.

    ``brain`` is tissue closed over the sulci (5 mm), which follows the brain's surface more closely than the T1
    image's own support; ``flair`` is a mix of the tissue maps inside that support.
    """
    grey, white, t1 = (_map(kind) for kind in ("gm", "wm", "t1"))
    grid = coarser_grid(t1.grid, spacing)
    support = ndimage.binary_fill_holes(ndimage.binary_opening(t1.data > 0, iterations=2)).astype(np.float32)
    grey, white, inside = (resample(volume, grid, order=1) for volume in (grey, white, t1.with_data(support)))
    tissue = np.clip(grey.data + white.data, 0, 1)
    brain = ndimage.binary_fill_holes(close(largest_component(tissue > 0.5), 5.0, spacing))
    flair = (_WHITE * white.data + _GREY * grey.data + _FLUID * (1 - tissue)) * inside.data
    return Template(*(grey.with_data(data.astype(np.float32)) for data in (flair, brain, grey.data, white.data)))


def t1_template() -> Volume:
    """The template's T1 image at 1 mm, float32 in [0, 1]."""
    return _map("t1")


def brain_grid_in_mni(spacing: float, margin: float = 10.0) -> Grid:
    """The RAS grid in MNI space with cubic voxels of ``spacing`` mm around the template's brain and ``margin`` mm.

    The same for every pair; at 1 mm its voxels are the template's own.
    """
    brain = load_template(_BOX).brain
    return isotropic_grid(apply_affine(brain.affine, np.argwhere(brain.data)), spacing, margin)


def _map(kind: str) -> Volume:
    spec = importlib.util.find_spec("nilearn")  # found, not imported: nilearn.datasets costs a second
    assert spec is not None and spec.submodule_search_locations
    folder = Path(spec.submodule_search_locations[0]) / "datasets" / "data"
    volume = read_volume(folder / f"mni_icbm152_{kind}_tal_nlin_sym_09a_converted.nii.gz")
    return volume.with_data(volume.data / 255)
