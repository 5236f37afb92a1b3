"""What a network ends with: logits, or values that are probabilities as they stand."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_EPSILON = 1e-7


class NormalisedReLU(nn.Module):
    """A rectifier, divided by its largest value in each patch (SoftSeg, Gros et al. 2021; macar2021, pp. 72-73).

    A patch without a positive value stays 0. What is larger than ``least_peak`` is divided by itself; smaller peaks are
    divided by ``least_peak``, so that with 1 a patch may hold no lesion at all. With 0 every patch with a positive
    value has a voxel of 1, as the plain definition has it.
    """

    def __init__(self, least_peak: float = 0.0) -> None:
        super().__init__()
        self.least_peak = max(least_peak, _EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        """From (N, O, ...) to values between 0 and 1 of the same shape, float32."""
        positive = torch.relu(x.float())
        return positive / positive.amax(tuple(range(1, x.ndim)), keepdim=True).clamp_min(self.least_peak)


class Tanh(nn.Module):
    """The hyperbolic tangent in float32; what is below 0 counts as no lesion."""

    def forward(self, x: Tensor) -> Tensor:
        """From (N, O, ...) to values between -1 and 1 of the same shape."""
        return torch.tanh(x.float())


def final(name: str, least_peak: float = 0.0) -> nn.Module:
    """The last layer: a name that `networks.arguments` knows. All but ``logits`` give 1 for lesion and 0 for none."""
    if name == "normalised_relu":
        return NormalisedReLU(least_peak)
    return Tanh() if name == "tanh" else nn.Identity()


def logits_of(outputs: Tensor) -> Tensor:
    """The logits of outputs that are probabilities, cut to 0 and 1, at most 16 from 0."""
    return torch.logit(outputs.float(), eps=_EPSILON)
