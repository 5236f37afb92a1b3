"""Lesion size reweighting: a voxel's weight in the loss by the volume of its lesion (nichyporuk2021)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from newlesions.errors import ConfigError

_AROUND = 5  # voxels: how wide a lesion's weight reaches, for patches that are warped
_DEFAULTS = {"power": 0.5, "unit_mm3": 1000.0}


def lesion_weights(
    target: NDArray[Any], voxel_mm3: float, power: float = 0.5, unit_mm3: float = 1000.0
) -> NDArray[np.float16]:
    """What each voxel of a lesion weighs: max(1, (unit / volume)^power), float16, (I, J, K).

    "This strategy reweights each voxel as a function of the size of its associated lesion, with a weight of 1 given to
    non-lesion voxels", so that small lesions "are given enough importance to be detected" and "less importance than
    large lesions" (Nichyporuk et al., MSSEG-2 proceedings p. 87, after a paper of theirs that has the function). With a
    power between 0 and 1 both hold: the voxels of a small lesion weigh more than those of a large one, all of them
    together less.

    Parameters
    ----------
    target
        The mask of lesions, connected over corners, (I, J, K).
    voxel_mm3
        The volume of a voxel.
    power
        0: all voxels weigh 1; 1: all lesions weigh the same.
    unit_mm3
        The volume from which on a lesion's voxels weigh 1.

    Returns
    -------
    ndarray
        Also around lesions, where only a warped target may come to lie; 1 elsewhere.
    """
    labels = np.asarray(cc3d.connected_components(target > 0, connectivity=26))
    volumes = np.bincount(labels.ravel()) * voxel_mm3
    of_each = np.maximum((unit_mm3 / np.maximum(volumes, voxel_mm3)) ** power, 1.0)
    of_each[0] = 0.0
    inside = of_each[labels]
    around = ndimage.grey_dilation(inside, size=_AROUND)
    return np.maximum(np.where(inside > 0, inside, around), 1.0).astype(np.float16)


def check_lesion_weights(options: Mapping[str, Any]) -> None:
    """Raise `ConfigError` on what ``sample.options.lesion_weights`` cannot be."""
    unknown = sorted(options.keys() - _DEFAULTS.keys())
    if unknown:
        raise ConfigError(
            f"sample.options.lesion_weights: found {unknown[0]!r}; expected some of {', '.join(_DEFAULTS)}"
        )
    held = _DEFAULTS | dict(options)
    if not 0 <= held["power"] <= 1 or held["unit_mm3"] <= 0:
        raise ConfigError(
            f"sample.options.lesion_weights: found power {held['power']} and unit_mm3 {held['unit_mm3']}; expected "
            "a power from 0 to 1 and a positive volume"
        )
