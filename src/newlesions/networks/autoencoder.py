"""An autoencoder that gives back both visits of a pair through one encoder and one decoder (cabezas2021)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from newlesions.errors import ConfigError
from newlesions.networks.arguments import UNetArguments
from newlesions.networks.blocks import Block, pointwise
from newlesions.networks.unet import Decoder, Encoder


@dataclass(frozen=True)
class AutoencoderArguments(UNetArguments):
    """A `UNetArguments` whose decoder gives features, of the finest level's width."""

    def check(self, name: str) -> None:
        """Raise `ConfigError` on what no such network has."""
        super().check(name)
        if self.deep_supervision != 1:
            raise ConfigError(f"network {name}: deep_supervision is {self.deep_supervision}; expected 1")


class Autoencoder(nn.Module):
    """A U-Net that sees each visit on its own, and behind it a block for each visit that gives its image back.

    "Two extra residual blocks were used to reconstruct the final two images after the output of the decoder (one for
    each timepoint)"; "a single autoencoder architecture for both timepoints" (Cabezas et al., MSSEG-2 proceedings
    p. 108). The encoder has the parameters' names of that of `newlesions.networks.unet.UNet`, so that it can be taken
    over.

    The first half of the input channels is the baseline, the second the follow-up.
    """

    def __init__(self, arguments: AutoencoderArguments, inputs: int) -> None:
        super().__init__()
        width, kernel, still = arguments.channels[0], arguments.kernels[0], (1,) * arguments.dimensions
        self.encoder = Encoder(arguments, inputs // 2)
        self.decoder = Decoder(replace(arguments, outputs=width))
        self.ends = nn.ModuleList(
            nn.Sequential(
                Block(arguments, width, width, kernel, still), pointwise(arguments.dimensions, width, inputs // 2)
            )
            for _ in range(2)
        )

    def forward(self, x: Tensor) -> Tensor | list[Tensor]:
        """From (N, inputs, ...) to the images again.

        In training a list: the images, and of every level, finest first, the difference of the two visits' features,
        (N, channels[level], ...), which the loss ``consistency`` looks at.
        """
        features = [self.encoder(visit) for visit in x.chunk(2, dim=1)]
        images = torch.cat([end(self.decoder(seen)) for end, seen in zip(self.ends, features, strict=True)], dim=1)
        if not self.training:
            return images
        return [images, *(after - before for before, after in zip(*features, strict=True))]
