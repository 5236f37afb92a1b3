"""A network over a patch around each lesion that an earlier stage proposes: is it one?

The first reduction of false positives of Kang et al. (MSSEG-2 proceedings p. 10). A patch is judged as a whole, and
with it the lesion in its middle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from newlesions.detect.networks.members import window_sides
from newlesions.detect.networks.window import device_of, threads_of
from newlesions.errors import ConfigError
from newlesions.images.morphology import label_lesions
from newlesions.networks import inputs
from newlesions.networks.case import Image
from newlesions.networks.prepare import Prepared
from newlesions.networks.stages import Limits, Stage

Labels = NDArray[np.int32]

_AT_ONCE = 2**21  # voxels of the patches that go through a network together


@dataclass(frozen=True)
class CandidateSettings:
    """What is judged: ``options.candidates`` of a stage's ``predict``.

    ``of``: an expression over earlier stages; its components (26 neighbours) from ``threshold`` on. ``most``: only so
    many of a pair, the largest, are judged; the others are none.
    """

    of: str
    threshold: float = 0.5
    most: int = 1000

    @classmethod
    def of_stage(cls, stage: Stage) -> CandidateSettings:
        """Those of a stage.

        Raises
        ------
        ConfigError
            If an entry is unknown, or `of` is missing.
        """
        options: Mapping[str, Any] = stage.predict.options.get("candidates", {})
        known = [field.name for field in fields(cls)]
        unknown = sorted(set(options) - set(known))
        if unknown or "of" not in options:
            found = repr(unknown[0]) if unknown else "no `of`"
            raise ConfigError(
                f"predict.options.candidates: found {found}; expected `of`, and some of {', '.join(known)}"
            )
        return cls(**options)


def find(stage: Stage, prepared: Prepared, outputs: Mapping[str, Image]) -> Labels:
    """The candidates on the stage's grid, the largest first, labels from 1, (I, J, K)."""
    settings = CandidateSettings.of_stage(stage)
    proposed = inputs.channels([settings.of], prepared, outputs)[0] >= settings.threshold
    labels = label_lesions(proposed & prepared.brain)
    sizes = np.bincount(labels.ravel())[1:]
    rank = np.zeros(len(sizes) + 1, np.int32)
    rank[1 + np.argsort(-sizes, kind="stable")] = np.arange(1, len(sizes) + 1)
    rank[rank > settings.most] = 0
    return rank[labels]


def centres(labels: Labels) -> NDArray[np.int64]:
    """The voxel in the middle of each label's box, (n, 3)."""
    boxes = [box for box in ndimage.find_objects(labels) if box is not None]
    return np.array([[(side.start + side.stop - 1) // 2 for side in box] for box in boxes], np.int64).reshape(-1, 3)


def patch_around(channels: NDArray[Any], centre: Sequence[int], sides: Sequence[int]) -> NDArray[Any]:
    """The patch of ``sides`` voxels around ``centre``, (C, *sides); a volume is continued by its outermost voxels."""
    result = channels
    for axis, (at, side) in enumerate(zip(centre, sides, strict=True), start=1):
        places = np.arange(int(at) - side // 2, int(at) - side // 2 + side)
        result = np.take(result, np.clip(places, 0, channels.shape[axis] - 1), axis)
    return result


def apply_stage(
    stage: Stage, networks: Sequence[torch.nn.Module], channels: Image, labels: Labels, limits: Limits
) -> Image:
    """The probability of each candidate, the mean over ``networks``, in its voxels, float32 (I, J, K); 0 elsewhere.

    Parameters
    ----------
    networks
        In evaluation mode; from (N, C, *sides) to logits (N, 1, 1, 1, 1).
    channels
        The stage's inputs on its grid, (C, I, J, K).
    labels
        Of the candidates (`find`), (I, J, K).
    """
    sides, device = window_sides(stage, limits), device_of(limits.device)
    middles = centres(labels)
    chances = np.zeros(len(middles) + 1, np.float32)
    at_once = max(1, _AT_ONCE // int(np.prod(sides)))
    members = [network.to(device) for network in networks]
    with torch.inference_mode(), threads_of(limits.threads):
        for first in range(0, len(middles), at_once):
            some = middles[first : first + at_once]
            batch = torch.from_numpy(np.stack([patch_around(channels, centre, sides) for centre in some])).to(device)
            told = [torch.sigmoid(network(batch).flatten(1)[:, 0].float()).cpu().numpy() for network in members]
            chances[1 + first : 1 + first + len(some)] = np.mean(told, axis=0)
    return chances[labels]
