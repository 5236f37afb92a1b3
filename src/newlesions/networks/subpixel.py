"""A U-Net on a grid of half the resolution that still answers for every voxel."""

from __future__ import annotations

from dataclasses import dataclass, replace

from monai.networks.utils import pixelshuffle, pixelunshuffle
from torch import Tensor, nn
from torch.nn import functional

from newlesions.errors import ConfigError
from newlesions.networks.arguments import Steps, UNetArguments
from newlesions.networks.unet import UNet


@dataclass(frozen=True)
class SubpixelArguments(UNetArguments):
    """A `UNetArguments` with ``factor``: blocks of so many voxels along each axis become channels."""

    factor: int = 2

    @property
    def multiples(self) -> Steps:
        """Of the U-Net inside, times the factor."""
        return tuple(side * self.factor for side in super().multiples)

    def check(self, name: str) -> None:
        """As of a U-Net, without deep supervision, whose levels would have other grids than the target's."""
        super().check(name)
        if self.deep_supervision != 1:
            raise ConfigError(f"network {name}: deep_supervision is {self.deep_supervision}; expected 1")


class SubpixelUNet(nn.Module):
    """A U-Net between a sub-pixel rearrangement and its inverse (Shi et al., CVPR 2016, section 3).

    No voxel is lost, as each of a block's voxels is a channel, and a training step takes a third of the time that one
    of a U-Net of the same grid takes: its finest level, where most of the time goes, is not there.
    """

    def __init__(self, arguments: SubpixelArguments, inputs: int) -> None:
        super().__init__()
        self.factor, self.dimensions = arguments.factor, arguments.dimensions
        voxels = self.factor**self.dimensions
        self.unet = UNet(replace(arguments, outputs=arguments.outputs * voxels), inputs * voxels)

    def forward(self, x: Tensor) -> Tensor:
        """From (N, inputs, ...) of any size to logits (N, outputs, ...)."""
        sides = x.shape[2:]
        missing = [entry for side in reversed(sides) for entry in (0, -side % self.factor)]
        whole = functional.pad(x, missing, mode="replicate") if any(missing) else x
        logits = self.unet(pixelunshuffle(whole, self.dimensions, self.factor))
        return pixelshuffle(logits, self.dimensions, self.factor)[(..., *(slice(side) for side in sides))]
