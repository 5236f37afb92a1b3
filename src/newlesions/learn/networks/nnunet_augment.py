"""A recipe's augmentations as nnU-Net's own transforms (batchgeneratorsv2), and one that it has not.

Imported only where nnunetv2 is installed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from batchgeneratorsv2.transforms.base.basic_transform import BasicTransform
from batchgeneratorsv2.transforms.spatial.mirroring import MirrorTransform
from batchgeneratorsv2.transforms.spatial.spatial import SpatialTransform
from batchgeneratorsv2.transforms.utils.compose import ComposeTransforms
from batchgeneratorsv2.transforms.utils.deep_supervision_downsampling import DownsampleSegForDSTransform
from batchgeneratorsv2.transforms.utils.nnunet_masking import MaskImageTransform
from batchgeneratorsv2.transforms.utils.remove_label import RemoveLabelTansform

from newlesions.learn.networks.augment import lesions

Entries = Sequence[Mapping[str, Any]]


class EnhanceLesions(BasicTransform):
    """`augment.lesions.enhance` on an image of two channels, baseline and follow-up."""

    def __init__(self, chance: float, factors: Sequence[float]) -> None:
        super().__init__()
        self.chance, self.factors = chance, factors

    def apply(self, data_dict: dict[str, Any], **params: Any) -> dict[str, Any]:
        """Draw from PyTorch's generator, as nnU-Net's transforms do."""
        if torch.rand(1) < self.chance:
            low, high = self.factors
            factor = low + (high - low) * float(torch.rand(1))
            image, target = data_dict["image"], data_dict["segmentation"][0] == 1
            baseline, followup = (channel.numpy() for channel in image)
            image[1] = torch.from_numpy(lesions.enhance(baseline, followup, target.numpy(), factor))
        return data_dict


def transforms(
    augment: Entries, patch: Any, mirrored: Sequence[int], scales: Any, masked: Sequence[bool] | None = None
) -> ComposeTransforms:
    """The recipe's alterations alone, in nnU-Net's order: rotation and isotropic scale, mirroring, lesions.

    Parameters
    ----------
    augment
        Entries ``rotate``, ``scale``, ``flip`` and ``enhance_lesions``, each at most once.
    patch
        Its sides in the order of nnU-Net's plan.
    mirrored
        The axes of `mirrored_axes`.
    scales
        Of the heads of deep supervision, as nnU-Net gives them; None: none.
    masked
        Of each channel, whether it is 0 outside the brain and shall stay so.
    """
    named = {entry["name"]: entry for entry in augment}
    turn, size, rise = (named.get(name, {"p": 0.0}) for name in ("rotate", "scale", lesions.NAME))
    angle = math.radians(turn.get("degrees", 15))
    steps: list[BasicTransform] = [
        SpatialTransform(
            patch,
            patch_center_dist_from_border=0,
            random_crop=False,
            p_rotation=turn.get("p", 1.0),
            rotation=(-angle, angle),
            p_scaling=size.get("p", 1.0),
            scaling=tuple(size.get("scale", (0.85, 1.25))),
            p_synchronize_scaling_across_axes=1,
            border_mode_seg="constant",
            padding_value_seg=-1,
        )
    ]
    if mirrored:
        steps.append(MirrorTransform(allowed_axes=tuple(mirrored)))
    if masked is not None and any(masked):
        channels = [number for number, one in enumerate(masked) if one]
        steps.append(MaskImageTransform(apply_to_channels=channels, channel_idx_in_seg=0, set_outside_to=0))
    steps.append(RemoveLabelTansform(-1, 0))
    if rise.get("p", 1.0) > 0:
        steps.append(EnhanceLesions(rise.get("p", 1.0), rise.get("range", lesions.OPTIONS["range"])))
    if scales is not None:
        steps.append(DownsampleSegForDSTransform(ds_scales=scales))
    return ComposeTransforms(steps)


def mirrored_axes(augment: Entries, order: Sequence[int]) -> tuple[int, ...]:
    """The axes of the plan that ``flip`` names by the image's axes (0: left-right).

    ``order``: the plan's ``transpose_forward``, which counts axes as SimpleITK does, from the last.
    """
    axes = [axis for entry in augment if entry["name"] == "flip" for axis in entry.get("axes", (0, 1, 2))]
    return tuple(sorted(list(order).index(2 - axis) for axis in axes))
