"""Making the two visits of a pair comparable, voxel for voxel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from newlesions.errors import ConfigError
from newlesions.images.morphology import Mask
from newlesions.images.volume import Volume
from newlesions.preprocess.denoise import denoise, diffuse
from newlesions.preprocess.differential_bias import differential_bias
from newlesions.preprocess.normalise import apply_half_line, joint_line, nyul, shipped_scale

DIFFUSION = "diffusion"
NORMALISATIONS = ("nyul", "linear", "none")


@dataclass(frozen=True)
class Harmonised:
    """Comparable images on the working grid, float32, and what was measured on the way."""

    baseline: Volume
    followup: Volume
    facts: dict[str, Any]


def harmonise_pair(
    baseline: Volume,
    followup: Volume,
    brain: Mask,
    *,
    differential_bias_mm: float,
    denoising: bool | str,
    normalise: str,
    joint: bool,
    joint_first: bool = False,
) -> Harmonised:
    """Differential bias, denoising, normalisation, in this order. Exchanging the visits exchanges the results.

    Parameters
    ----------
    differential_bias_mm
        Width of the median window in mm; 0 leaves it out.
    denoising
        True: non-local means first, as Prados & Kanber do (proceedings p. 2); ``diffusion``: anisotropic diffusion, as
        Medeiros de Sousa & de Oliveira do (p. 103); False: neither.
    normalise
        ``nyul`` (shipped standard scale), ``linear`` (brain median to 50) or ``none``.
    joint
        Then bring both to the middle of the robust line between them.
    joint_first
        Before the normalisation of each (masson2021, p. 6), not after it.
    """
    facts: dict[str, Any] = {}
    first, second = (volume.with_data(np.maximum(volume.data, 0)) for volume in (baseline, followup))
    if denoising == DIFFUSION:
        first, second = diffuse(first), diffuse(second)
    elif denoising:
        first, second = denoise(first, brain), denoise(second, brain)
    a, b = first.data, second.data
    if differential_bias_mm > 0:
        log_field = differential_bias(a, b, brain, first.grid.edge, differential_bias_mm)
        a, b = a * np.exp(-log_field / 2), b * np.exp(log_field / 2)
        facts["differential_bias_sd"] = round(float(log_field[brain].std()), 5)
    if joint and joint_first:
        a, b = _joined(a.astype(np.float32), b.astype(np.float32), brain, facts)
    a, b = (
        _normalised(image.astype(np.float32), brain, normalise, facts, name)
        for image, name in ((a, "baseline"), (b, "followup"))
    )
    if joint and not joint_first:
        a, b = _joined(a, b, brain, facts)
    return Harmonised(first.with_data(a), second.with_data(b), facts)


def _joined(a: np.ndarray, b: np.ndarray, brain: Mask, facts: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    gain, offset = joint_line(a, b, brain)
    facts["joint_gain"], facts["joint_offset"] = round(gain, 5), round(offset, 5)
    return apply_half_line(a, b, gain, offset)


def _normalised(image: np.ndarray, brain: Mask, kind: str, facts: dict[str, Any], name: str) -> np.ndarray:
    if kind == "nyul":
        mapped, beyond = nyul(image, brain, shipped_scale())
        facts[f"beyond_landmarks_{name}"] = round(beyond, 5)
        return mapped
    if kind == "linear":
        return (image * (50 / np.median(image[brain]))).astype(np.float32)
    if kind == "none":
        return image
    raise ConfigError(f"harmonise.normalise is {kind!r}; expected one of {', '.join(NORMALISATIONS)}")
