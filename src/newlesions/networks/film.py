"""A U-Net whose instance norms know how large a voxel is (nichyporuk2021)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from newlesions.errors import ConfigError
from newlesions.networks.arguments import UNetArguments
from newlesions.networks.blocks import GroupNorm
from newlesions.networks.unet import UNet

FILM = "film"
"""The network's name."""

_AXES = 3
_LEAST_MM = 1e-3


@dataclass(frozen=True)
class FiLMArguments(UNetArguments):
    """A `UNetArguments` with instance norm, and ``hidden``, the units of each norm's perceptron."""

    hidden: int = 16

    def check(self, name: str) -> None:
        """Raise `ConfigError` on what no such network has."""
        super().check(name)
        if self.norm != "instance":
            raise ConfigError(f"network {name}: norm is {self.norm}; expected instance")


class FiLM(nn.Module):
    """(gamma + gamma_r) (z - mean) / SD + (beta + beta_r), each feature of each patch by itself.

    gamma and beta are learned; "gamma_r and beta_r are a function of the image resolution and are modeled using an MLP"
    (Nichyporuk et al., MSSEG-2 proceedings p. 87). At the beginning they are 0, and this is an instance norm.
    """

    def __init__(self, channels: int, hidden: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.channels, self.eps = channels, eps
        self.gain, self.shift = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))
        self.perceptron = nn.Sequential(nn.Linear(_AXES, hidden), nn.ReLU(), nn.Linear(hidden, 2 * channels))
        nn.init.zeros_(self.perceptron[2].weight)
        nn.init.zeros_(self.perceptron[2].bias)
        self.resolution: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Of (N, channels, ...), with ``resolution``, (N, 3), set by who calls."""
        assert self.resolution is not None
        z = torch.group_norm(x, self.channels, None, None, self.eps, torch.backends.cudnn.enabled)
        gain, shift = self.perceptron(self.resolution).chunk(2, dim=1)
        shape = (len(x), self.channels, *(1,) * (x.ndim - 2))
        modulated: Tensor = (self.gain + gain).view(shape) * z + (self.shift + shift).view(shape)
        return modulated


class FiLMUNet(UNet):
    """A `newlesions.networks.unet.UNet` with `FiLM` in the place of its norms.

    The last three input channels are the edges of the patch's voxels in mm, the same at every voxel
    (`networks.inputs.EDGES`). The perceptrons see their logarithms, so that twice as long is as far as half.
    """

    def __init__(self, arguments: FiLMArguments, inputs: int) -> None:
        super().__init__(arguments, inputs - _AXES)
        for parent in list(self.modules()):
            for name, part in list(parent.named_children()):
                if isinstance(part, GroupNorm):
                    setattr(parent, name, FiLM(part.num_channels, arguments.hidden))

    def forward(self, x: Tensor) -> Tensor | list[Tensor]:
        """From (N, images and 3, ...) to logits (N, outputs, ...), or a list of them with deep supervision."""
        images, edges = x[:, :-_AXES], x[:, -_AXES:]
        resolution = edges.flatten(2).amax(2).clamp_min(_LEAST_MM).log()
        norms = [part for part in self.modules() if isinstance(part, FiLM)]
        for norm in norms:
            norm.resolution = resolution
        try:
            return super().forward(images)
        finally:
            for norm in norms:
                norm.resolution = None  # a copy of the network could not hold it
