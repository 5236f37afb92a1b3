"""Two visits through one encoder (kamraoui2022)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from newlesions.networks.arguments import UNetArguments
from newlesions.networks.blocks import convolution
from newlesions.networks.unet import Decoder, Encoder


@dataclass(frozen=True)
class SiameseArguments(UNetArguments):
    """A `UNetArguments` with ``combine_kernel``, the side of the convolution that joins the visits' features."""

    combine_kernel: int = 3


class Siamese(nn.Module):
    """A U-Net whose encoder sees each visit on its own.

    "Feature maps are first concatenated by channels (i.e., the result channel size is two times the original size),
    then the convolution operation aggregates the information back to the original channel size" (kamraoui2022,
    section 2.2 and Figure 3). The encoder is that of a `newlesions.networks.unet.UNet` of one visit, with the
    parameters' names, so that such a network can give its weights.

    The first half of the input channels is the baseline, the second the follow-up.
    """

    def __init__(self, arguments: SiameseArguments, inputs: int) -> None:
        super().__init__()
        self.encoder = Encoder(arguments, inputs // 2)
        side = (arguments.combine_kernel,) * arguments.dimensions
        self.combine = nn.ModuleList(convolution(arguments, 2 * n, n, side) for n in arguments.channels)
        self.decoder = Decoder(arguments)

    def forward(self, x: Tensor) -> Tensor | list[Tensor]:
        """From (N, inputs, ...) to logits (N, outputs, ...), or a list of them with deep supervision."""
        before, after = (self.encoder(visit) for visit in x.chunk(2, dim=1))
        features = [
            combine(torch.cat([old, new], dim=1)) for combine, old, new in zip(self.combine, before, after, strict=True)
        ]
        return self.decoder(features)
