"""Two pathways of two resolutions, after DeepMedic (preloznik2021, MSSEG-2 proceedings, pp. 41-44)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from monai.networks.blocks import Convolution
from torch import Tensor, nn

from newlesions.errors import ConfigError
from newlesions.networks.arguments import Arguments, scaled


@dataclass(frozen=True)
class PathwaysArguments(Arguments):
    """Two pathways.

    ``channels``: of the fine pathway's convolutions, ``coarse``: of the coarse one's, ``joined``: of the pointwise ones
    behind both. ``step``: of how many voxels, along an axis, the coarse pathway sees one; odd. ``margin``: how much
    larger the large patch is, on each side, than the patch in its middle that is answered for. ``dropout``: between the
    pointwise convolutions.
    """

    channels: tuple[int, ...] = (30, 40, 50, 60, 70, 80, 90)
    coarse: tuple[int, ...] = (30, 40, 50, 60, 70, 80, 90, 100)
    joined: tuple[int, ...] = (300, 300)
    step: int = 3
    margin: int = 39
    dropout: float = 0.0

    def scaled(self, width: float) -> PathwaysArguments:
        """The same network with ``width`` times the channels."""
        coarse, joined = (tuple(scaled(n, width) for n in some) for some in (self.coarse, self.joined))
        return replace(super().scaled(width), coarse=coarse, joined=joined)

    def check(self, name: str) -> None:
        """Raise `ConfigError` on what no such network has."""
        super().check(name)
        for key in ("coarse", "joined"):
            widths = getattr(self, key)
            if not isinstance(widths, tuple) or not widths or not all(isinstance(n, int) and n > 0 for n in widths):
                raise ConfigError(f"network {name}: {key} is {widths}; expected a list of positive whole numbers")
        least = max(len(self.channels), self.step * len(self.coarse) + self.step // 2)
        if self.step % 2 == 0 or self.margin < least:
            found = f"step is {self.step} and margin is {self.margin}"
            raise ConfigError(f"network {name}: {found}; expected an odd step and a margin of at least {least}")


class Pathways(nn.Module):
    """From a large patch to the voxels in its middle.

    The fine pathway sees the middle, the coarse one every ``step``-th voxel of the whole patch; both are unpadded
    convolutions of side 3, each with batch norm and a parametric rectifier. The coarse features are repeated ``step``
    times along each axis, cut to the fine ones' middle, and both go through pointwise convolutions.
    """

    def __init__(self, arguments: PathwaysArguments, inputs: int) -> None:
        super().__init__()
        self.step, self.margin = arguments.step, arguments.margin
        self.fine = _path(inputs, arguments.channels)
        self.coarse = _path(inputs, arguments.coarse)
        self.reach = (len(arguments.channels), len(arguments.coarse))
        both = arguments.channels[-1] + arguments.coarse[-1]
        self.joined = nn.Sequential(*_layers(both, arguments.joined, side=1, dropout=arguments.dropout))
        self.head = nn.Conv3d(arguments.joined[-1], arguments.outputs, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        """From (N, inputs, I, J, K) to logits (N, outputs, I - 2 m, J - 2 m, K - 2 m), m the margin."""
        fine, coarse = self.reach
        sides = [side - 2 * self.margin for side in x.shape[2:]]
        cut = self.margin - fine
        near = self.fine(x[(..., *(slice(cut, side - cut) for side in x.shape[2:]))])
        far = self.coarse(x[..., :: self.step, :: self.step, :: self.step])
        for axis in (2, 3, 4):
            far = far.repeat_interleave(self.step, dim=axis)
        # The coarse features begin half a step before their first voxel, which lies `coarse` steps within the patch.
        start = self.margin - (self.step * coarse - self.step // 2)
        far = far[(..., *(slice(start, start + side) for side in sides))]
        return self.head(self.joined(torch.cat([near, far], dim=1)))


def _path(inputs: int, channels: tuple[int, ...]) -> nn.Module:
    return nn.Sequential(*_layers(inputs, channels, side=3))


def _layers(inputs: int, channels: tuple[int, ...], side: int, dropout: float = 0.0) -> list[nn.Module]:
    return [
        Convolution(
            3, before, after, kernel_size=side, padding=0, bias=False, adn_ordering="NAD", norm="BATCH", act="PRELU",
            dropout=dropout or None,
        )
        for before, after in zip((inputs, *channels[:-1]), channels, strict=True)
    ]  # fmt: skip
