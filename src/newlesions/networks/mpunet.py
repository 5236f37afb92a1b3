"""A Siamese MPU-net with the decoders of U-Net++, and a refinement block (fenneteau2021, proceedings pp. 13-16)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from monai.networks.blocks import Convolution
from torch import Tensor, nn

from newlesions.networks.arguments import UNetArguments
from newlesions.networks.blocks import Block, pointwise, upsampling
from newlesions.networks.unet import pool


@dataclass(frozen=True)
class MPUNetArguments(UNetArguments):
    """A `UNetArguments` with ``refine``, the channels of the refinement block's first three convolutions.

    The MPU-net has "only 3D convolutions, max-pooling and upsampling" and "approximately 30,000 learnable parameters"
    (p. 14). Its widths are in a figure: 4, 6, 8 and 10 channels, with three convolutions in each block, are 29,500. The
    paper then takes two, and adds batch norm after each and a dropout in each block.
    """

    channels: tuple[int, ...] = (4, 6, 8, 10)
    norm: str = "batch"
    activation: str = "relu"
    down: str = "maxpool"
    up: str = "interpolate"
    dropout: float = 0.1
    refine: int = 8


class Nested(nn.Module):
    """The segmentation block: an encoder, and one decoder more for each level that lies deeper (U-Net++).

    The node of level i and number j joins those of the same level before it with the one below and before it. MONAI's
    `BasicUNetPlusPlus` has five levels, and a patch of 56 voxels halves three times.
    """

    def __init__(self, arguments: MPUNetArguments, inputs: int) -> None:
        super().__init__()
        channels, steps = arguments.channels, arguments.steps
        self.levels, still = len(channels), (1,) * arguments.dimensions
        self.downs = nn.ModuleList(pool(arguments, step) for step in steps)
        self.ups = nn.ModuleList(upsampling(arguments, n, n, step) for n, step in zip(channels[1:], steps, strict=True))
        self.nodes = nn.ModuleDict()
        for level, here in enumerate(channels):
            first = inputs if level == 0 else channels[level - 1]
            for number in range(self.levels - level):
                entering = first if number == 0 else number * here + channels[level + 1]
                block = Block(arguments, entering, here, arguments.kernels[level], still)
                self.nodes[f"{level}-{number}"] = nn.Sequential(block, nn.Dropout(arguments.dropout))
        self.heads = nn.ModuleList(pointwise(arguments.dimensions, channels[0], 1) for _ in steps)

    def forward(self, x: Tensor) -> Tensor:
        """From (N, inputs, ...) to the maps of all decoders, (N, levels - 1, ...), each between 0 and 1."""
        rows = [[self.nodes["0-0"](x)]]
        for level, down in enumerate(self.downs, start=1):
            rows.append([self.nodes[f"{level}-0"](down(rows[-1][0]))])
        for number in range(1, self.levels):
            for level in range(self.levels - number):
                risen = self.ups[level](rows[level + 1][number - 1])
                # A level whose side the stride does not divide was rounded up on the way down.
                risen = risen[(..., *(slice(side) for side in rows[level][0].shape[2:]))]
                rows[level].append(self.nodes[f"{level}-{number}"](torch.cat([*rows[level], risen], dim=1)))
        maps = [head(decoded) for head, decoded in zip(self.heads, rows[0][1:], strict=True)]
        return torch.sigmoid(torch.cat(maps, dim=1))


class MPUNet(nn.Module):
    """The segmentation block on each visit, and the refinement block on the maps of both.

    The refinement block is "a dropout layer and 4 convolution-batch normalization layers couples" (p. 15), with
    rectifiers between them. The first half of the input channels is the baseline, the second the follow-up.
    """

    def __init__(self, arguments: MPUNetArguments, inputs: int) -> None:
        super().__init__()
        self.segment = Nested(arguments, inputs // 2)
        maps = 2 * (len(arguments.channels) - 1)
        widths = [maps, *(arguments.refine,) * 3, arguments.outputs]
        last = len(widths) - 2
        self.refine = nn.Sequential(
            nn.Dropout(arguments.dropout),
            *(
                Convolution(
                    arguments.dimensions, a, b, act=None if n == last else "relu", norm="batch", adn_ordering="NA"
                )
                for n, (a, b) in enumerate(pairwise(widths))
            ),
        )

    def forward(self, x: Tensor) -> Tensor:
        """From (N, inputs, ...) to logits (N, outputs, ...)."""
        return self.refine(torch.cat([self.segment(visit) for visit in x.chunk(2, dim=1)], dim=1))
