"""A network without pooling, for regions of any size (hamzaoui2021, MSSEG-2 proceedings, pp. 93-96)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from newlesions.errors import ConfigError
from newlesions.networks.arguments import Arguments

LAYERS = 7


@dataclass(frozen=True)
class FlatArguments(Arguments):
    """``channels``: of conv1 to conv6, which the paper shows in a figure only.

    ``maps``: how many of the inputs, the last ones, join between conv3 and conv4 (distance maps). ``image``: which
    input joins again before conv7 (0 is the first; the paper's is the follow-up).
    """

    maps: int = 0
    image: int = 1

    def check(self, name: str) -> None:
        """Raise `ConfigError` when there are not six widths."""
        super().check(name)
        if len(self.channels) != LAYERS - 1:
            found = f"{len(self.channels)} channels"
            raise ConfigError(f"network {name}: found {found}; expected {LAYERS - 1}, of conv1 to conv{LAYERS - 1}")


class MaskedBatchNorm(nn.BatchNorm3d):
    """Batch normalisation over the voxels of a mask; what lies outside becomes 0."""

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Normalise ``x``, shape (N, C, I, J, K), by the voxels of ``mask``, bool, (N, 1, I, J, K); all when absent."""
        if mask is None:
            return super().forward(x)
        inside = mask[:, 0]
        values = x.movedim(1, -1)[inside]
        result = torch.zeros_like(x.movedim(1, -1))
        result[inside] = super().forward(values.T[None, :, :, None, None])[0, :, :, 0, 0].T
        return result.movedim(-1, 1)


class Flat(nn.Module):
    """Seven convolutions of side 3, padded by 1, each but the last with batch norm and rectifier.

    The distance maps join between conv3 and conv4, conv2's output joins conv4's before conv5, and the follow-up joins
    conv6's output before conv7 (p. 95). The last convolution gives logits: behind a rectifier, as the text's "each
    block" would have it, the sigmoid could not fall below one half. Each output voxel sees 15 voxels along an axis.
    """

    def __init__(self, arguments: FlatArguments, inputs: int) -> None:
        super().__init__()
        self.images, self.image = inputs - arguments.maps, arguments.image
        widths = arguments.channels
        joined = (0, 0, 0, arguments.maps, widths[1], 0, 1)
        entering = [
            channels + more for channels, more in zip((self.images, *widths), joined, strict=True)
        ]  # fmt: skip
        leaving = (*widths, arguments.outputs)
        self.convolutions = nn.ModuleList(
            nn.Conv3d(n, m, kernel_size=3, padding=1) for n, m in zip(entering, leaving, strict=True)
        )
        self.norms = nn.ModuleList(MaskedBatchNorm(n) for n in widths)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """From (N, inputs, I, J, K) of any size to logits (N, outputs, I, J, K).

        With ``mask``, bool, (N, 1, I, J, K), each element's result is that of its masked box alone: regions of
        different sizes can be padded into one batch.
        """
        if mask is not None:
            x = x * mask
        images, maps = x[:, : self.images], x[:, self.images :]
        outputs: list[Tensor] = []
        y = images
        for number, (convolve, norm) in enumerate(zip(self.convolutions, self.norms, strict=False), start=1):
            if number == 4:
                y = torch.cat([y, maps], dim=1)
            elif number == 5:
                y = torch.cat([y, outputs[1]], dim=1)
            y = torch.relu(norm(convolve(y), mask))
            outputs.append(y)
        return self.convolutions[-1](torch.cat([y, images[:, self.image : self.image + 1]], dim=1))
