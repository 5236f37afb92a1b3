"""Losses of registrations: how alike the images become, how smooth the field is, and where they do not correspond.

Each is of one batch of `newlesions.networks.registration.Registered` and of the voxels that count, (N, 1, *spatial),
and gives one number for each element, (N,): means over voxels, so that the weights do not depend on the patch's size.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from monai.losses.image_dissimilarity import LocalNormalizedCrossCorrelationLoss
from torch import Tensor

from newlesions.errors import ConfigError
from newlesions.networks.registration import Registered


def similarity(
    seen: Registered, valid: Tensor, *, measure: str = "mse", window: int = 9, masked: bool = False
) -> Tensor:
    """How far the moved baseline is from the follow-up, (N,).

    ``measure``: ``mse``, the squared difference, or ``ncc``, 1 minus the squared normalised cross-correlation of a
    ``window`` around each voxel (along the axes that are as long; in a stack of few slices within each slice).
    ``masked``: times 1 - N at each voxel, where N is the answer's probability (andresen2021, p. 112, equation 1).
    """
    if measure not in ("mse", "ncc"):
        raise ConfigError(f"loss similarity: found measure {measure!r}; expected mse or ncc")
    each = _distance(seen.fixed, seen.moved, window) if measure == "ncc" else (seen.fixed - seen.moved).square()
    if masked:
        each = each * (1 - _chance(seen))
    return _mean(each, valid)


def smoothness(seen: Registered, valid: Tensor) -> Tensor:
    """The mean of the squared length of the field's gradient, per voxel, (N,).

    By PyTorch's differences: MONAI's DiffusionLoss indexes in a way that newer PyTorch gives another meaning.
    """
    return _mean(_squared_gradient(seen.field).sum(1, keepdim=True), valid)


def area(seen: Registered, valid: Tensor) -> Tensor:
    """The mean of the answer's probability: how much does not correspond, (N,)."""
    return _mean(_chance(seen), valid)


def contour(seen: Registered, valid: Tensor) -> Tensor:
    """The mean of tanh of the length of that probability's gradient, which keeps regions contiguous, (N,)."""
    chance = _chance(seen)
    # Without the small number the slope of the root would be endless where nothing changes.
    return _mean(torch.tanh(torch.sqrt(_squared_gradient(chance) + 1e-12)), valid)


LOSSES: dict[str, tuple[Callable[..., Tensor], frozenset[str]]] = {
    "similarity": (similarity, frozenset({"measure", "window", "masked"})),
    "smoothness": (smoothness, frozenset()),
    "area": (area, frozenset()),
    "contour": (contour, frozenset()),
}
"""By name: the loss, and its options."""


def _distance(fixed: Tensor, moved: Tensor, window: int) -> Tensor:
    """1 - ncc^2 at each voxel, (N, 1, *spatial)."""
    spatial = range(2, fixed.ndim)
    short = [axis for axis in spatial if fixed.shape[axis] < window]
    if window % 2 == 0 or len(short) == fixed.ndim - 2:
        sides = " x ".join(str(fixed.shape[axis]) for axis in spatial)
        raise ConfigError(
            f"loss similarity: found a window of {window} in patches of {sides}; expected a smaller odd one"
        )
    long = [axis for axis in spatial if axis not in short]
    order = (0, *short, 1, *long)
    planes = [image.permute(order).flatten(0, len(short)) for image in (fixed, moved)]
    measure = LocalNormalizedCrossCorrelationLoss(spatial_dims=len(long), kernel_size=window, reduction="none")
    found: Tensor = 1 + measure(planes[1], planes[0])
    back = [order.index(axis) for axis in range(fixed.ndim)]
    return found.reshape([fixed.shape[axis] for axis in order]).permute(back)


def _squared_gradient(image: Tensor) -> Tensor:
    """Of each channel, per voxel: from (N, C, *spatial), no side below 2, to the same."""
    return torch.stack(torch.gradient(image, dim=list(range(2, image.ndim)))).square().sum(0)


def _chance(seen: Registered) -> Tensor:
    return torch.sigmoid(seen.answer[:, :1].float())


def _mean(each: Tensor, valid: Tensor) -> Tensor:
    return (each * valid).flatten(1).sum(1) / valid.flatten(1).sum(1).clamp_min(1e-6)
