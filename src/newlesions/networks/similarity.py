"""Two visits through one encoder, joined where they are alike and by how they differ (cabezas2021)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from newlesions.networks.arguments import UNetArguments
from newlesions.networks.blocks import pointwise, standardised
from newlesions.networks.unet import Decoder, Encoder


class SimilarityGate(nn.Module):
    """alpha W (n1 - n0), where n0 and n1 are the visits' features, each a z-score over the patch, W a convolution of
    side 1, and alpha = abs(n0 . n1) at each voxel, the mean over the features (Cabezas et al., p. 109, equation 1).

    As it is printed: alpha is large where the features are alike or opposite, though the text means it to "focus the
    network on pixels with dissimilar features". It is the mean and not the sum over the features, as a correlation is;
    W takes the factor up.
    """

    def __init__(self, dimensions: int, channels: int) -> None:
        super().__init__()
        self.embed = pointwise(dimensions, channels, channels)

    def forward(self, before: Tensor, after: Tensor) -> Tensor:
        """From two (N, C, ...) to one; a level of a single voxel has no z-score, and gives W's bias times 0."""
        first, second = standardised(before), standardised(after)
        alike = (first * second).mean(dim=1, keepdim=True).abs()
        gated: Tensor = alike * self.embed(second - first)
        return gated


class Similarity(nn.Module):
    """A U-Net whose encoder sees each visit on its own; the decoder's skips and its lowest level are the gates'.

    The encoder has the parameters' names of that of `newlesions.networks.autoencoder.Autoencoder`. The first half of
    the input channels is the baseline, the second the follow-up.
    """

    def __init__(self, arguments: UNetArguments, inputs: int) -> None:
        super().__init__()
        self.encoder = Encoder(arguments, inputs // 2)
        self.gates = nn.ModuleList(SimilarityGate(arguments.dimensions, width) for width in arguments.channels)
        self.decoder = Decoder(arguments)

    def forward(self, x: Tensor) -> Tensor | list[Tensor]:
        """From (N, inputs, ...) to logits (N, outputs, ...), or a list of them with deep supervision."""
        before, after = (self.encoder(visit) for visit in torch.chunk(x, 2, dim=1))
        return self.decoder([gate(old, new) for gate, old, new in zip(self.gates, before, after, strict=True)])
