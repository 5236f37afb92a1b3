"""U-Nets of two or three dimensions, in two halves that other networks use too."""

from __future__ import annotations

import torch
from monai.networks.layers import Pool
from torch import Tensor, nn

from newlesions.networks import antialias
from newlesions.networks.arguments import Steps, UNetArguments
from newlesions.networks.blocks import Block, convolution, gate, pointwise, standardised, upsampling
from newlesions.networks.final import final


class Encoder(nn.Module):
    """The way down: features of every level, finest first."""

    def __init__(self, arguments: UNetArguments, inputs: int) -> None:
        super().__init__()
        channels, kernels = arguments.channels, arguments.kernels
        still = (1,) * arguments.dimensions
        own = arguments.own_blocks
        self.own = nn.ModuleList(Block(arguments, 1, own, kernels[0], still) for _ in range(inputs if own else 0))
        inputs = own * inputs if own else inputs
        self.stem = convolution(arguments, inputs, channels[0], kernels[0]) if arguments.stem else nn.Identity()
        first = channels[0] if arguments.stem else inputs
        self.blocks = nn.ModuleList([Block(arguments, first, channels[0], kernels[0], still)])
        self.downs = nn.ModuleList()
        for level, stride in enumerate(arguments.steps, start=1):
            strided = arguments.down == "strided"
            above, here = channels[level - 1 : level + 1]
            self.downs.append(nn.Identity() if strided else _down(arguments, above, kernels[level - 1], stride))
            self.blocks.append(Block(arguments, above, here, kernels[level], stride if strided else still))
        self.dropout = nn.Dropout(arguments.dropout if arguments.dropout_at == "down" else 0.0)

    def forward(self, x: Tensor) -> list[Tensor]:
        """From (N, inputs, ...) to the features (N, channels[level], ...) of every level."""
        if len(self.own):
            images = x.split(1, dim=1)
            x = torch.cat([block(image) for block, image in zip(self.own, images, strict=True)], dim=1)
        features = [self.blocks[0](self.stem(x))]
        for down, block in zip(self.downs, self.blocks[1:], strict=True):
            features.append(block(self.dropout(down(features[-1]))))
        return features


class Decoder(nn.Module):
    """The way up, and logits, or what follows them, from the finest levels."""

    def __init__(self, arguments: UNetArguments) -> None:
        super().__init__()
        channels, kernels = arguments.channels, arguments.kernels
        still = (1,) * arguments.dimensions
        self.add, self.gated = arguments.skip == "add", arguments.gates
        self.ups, self.gates, self.blocks = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for level in reversed(range(len(channels) - 1)):
            below, here = channels[level + 1], channels[level]
            risen = below if arguments.up == "interpolate" else here
            self.ups.append(_up(arguments, below, risen, kernels[level], arguments.steps[level]))
            self.gates.append(gate(arguments, here) if arguments.gates else nn.Identity())
            self.blocks.append(Block(arguments, here if self.add else risen + here, here, kernels[level], still))
        heads = arguments.channels[: arguments.deep_supervision]
        self.heads = nn.ModuleList(pointwise(arguments.dimensions, n, arguments.outputs) for n in heads)
        self.final = final(arguments.final, arguments.least_peak)

    def forward(self, features: list[Tensor]) -> Tensor | list[Tensor]:
        """Logits (N, outputs, ...) of the finest level; in training with deep supervision a list, finest first."""
        outputs = self.rise(features)
        if self.training and len(self.heads) > 1:
            return [self.final(head(outputs[-1 - level])) for level, head in enumerate(self.heads)]
        return self.final(self.heads[0](outputs[-1]))

    def rise(self, features: list[Tensor]) -> list[Tensor]:
        """The features on the way up, coarsest first: the last ones, (N, channels[0], ...), are the finest."""
        x, outputs = features[-1], [features[-1]]
        for up, gate_, block, skip in zip(self.ups, self.gates, self.blocks, reversed(features[:-1]), strict=True):
            # A level whose side the stride does not divide was rounded up on the way down.
            x = up(x)[(..., *(slice(side) for side in skip.shape[2:]))]
            skip = gate_(x, skip) if self.gated else skip
            x = block(skip + x if self.add else torch.cat([skip, x], dim=1))
            outputs.append(x)
        return outputs


class UNet(nn.Module):
    """Encoder and decoder with skips at every level."""

    def __init__(self, arguments: UNetArguments, inputs: int) -> None:
        super().__init__()
        self.standardise = arguments.standardise
        self.encoder = Encoder(arguments, inputs)
        self.decoder = Decoder(arguments)

    def forward(self, x: Tensor) -> Tensor | list[Tensor]:
        """From (N, inputs, ...) of any size to logits (N, outputs, ...), or a list of them (`Decoder`)."""
        return self.decoder(self.encoder(standardised(x) if self.standardise else x))


def _up(arguments: UNetArguments, inputs: int, outputs: int, kernel: Steps, stride: Steps) -> nn.Module:
    if arguments.up == "antialiased":
        return antialias.up(arguments, inputs, outputs, kernel, stride)
    return upsampling(arguments, inputs, outputs, stride)


def _down(arguments: UNetArguments, channels: int, kernel: Steps, stride: Steps) -> nn.Module:
    if arguments.down == "antialiased":
        return antialias.down(arguments, channels, kernel, stride)
    return pool(arguments, stride)


def pool(arguments: UNetArguments, stride: Steps) -> nn.Module:
    """Max-pooling; a side that ``stride`` does not divide is rounded up."""
    return Pool[Pool.MAX, arguments.dimensions](kernel_size=stride, stride=stride, ceil_mode=True)
