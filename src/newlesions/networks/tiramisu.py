"""The Tiramisu: a U-Net of dense blocks (Jegou et al. 2017; zhang2021, MSSEG-2 proceedings, pp. 61-64)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from monai.networks.blocks import UpSample
from monai.networks.blocks.denseblock import DenseBlock
from monai.networks.layers import Pool
from torch import Tensor, nn

from newlesions.errors import ConfigError
from newlesions.networks.arguments import Steps, UNet2dArguments
from newlesions.networks.blocks import pointwise, unit
from newlesions.networks.final import final


@dataclass(frozen=True)
class TiramisuArguments(UNet2dArguments):
    """A Tiramisu.

    ``channels``: of the first convolution alone. ``growth``: channels that each layer adds. ``layers``: of each dense
    block, finest first, that of the bottom last. ``dropout``: after each convolution.
    """

    channels: tuple[int, ...] = (48,)
    growth: int = 12
    layers: tuple[int, ...] = (4, 4, 4, 4, 4, 4)
    norm: str = "batch"
    activation: str = "relu"
    order: str = "norm-act-conv"
    dropout: float = 0.2
    dropout_at: str = "conv"

    @property
    def multiples(self) -> Steps:
        """Each transition halves the sides."""
        return (2 ** (len(self.layers) - 1),) * self.dimensions

    def scaled(self, width: float) -> TiramisuArguments:
        """The same network with ``width`` times the first channels and the growth."""
        grown = super().scaled(width)
        return grown if width == 1 else replace(grown, growth=max(1, round(self.growth * width)))

    def check(self, name: str) -> None:
        """Raise `ConfigError` on what no such network has."""
        super().check(name)
        if len(self.channels) != 1:
            raise ConfigError(f"network {name}: found {len(self.channels)} channels; expected those of the first layer")
        if (
            not isinstance(self.layers, tuple)
            or not self.layers
            or not all(isinstance(n, int) and n > 0 for n in self.layers)
        ):
            raise ConfigError(f"network {name}: layers is {self.layers}; expected a list of positive whole numbers")


class Tiramisu(nn.Module):
    """Dense blocks down, at the bottom and up, with skips.

    On the way down and across a skip goes a block's input with all that its layers added; on the way up only what they
    added, or the features would grow without end (Jegou et al., section 3.2). A transition down is norm, rectifier, a
    convolution of side 1, dropout and pooling; one up is a transposed convolution of side 3.
    """

    def __init__(self, arguments: TiramisuArguments, inputs: int) -> None:
        super().__init__()
        axes, many = arguments.dimensions, arguments.channels[0]
        self.first = nn.Conv2d(inputs, many, kernel_size=3, padding=1)
        self.down, self.narrow = nn.ModuleList(), nn.ModuleList()
        skips = []
        for layers in arguments.layers[:-1]:
            self.down.append(_dense(arguments, many, layers))
            many += layers * arguments.growth
            skips.append(many)
            self.narrow.append(nn.Sequential(unit(arguments, many, many, (1,) * axes), Pool[Pool.MAX, axes](2, 2)))
        self.bottom = _dense(arguments, many, arguments.layers[-1])
        self.wide, self.up = nn.ModuleList(), nn.ModuleList()
        added = arguments.layers[-1] * arguments.growth
        for layers, skip in zip(reversed(arguments.layers[:-1]), reversed(skips), strict=True):
            self.wide.append(UpSample(axes, added, added, 2, kernel_size=3, mode="deconv"))
            self.up.append(_dense(arguments, added + skip, layers))
            many, added = added + skip, layers * arguments.growth
        self.head = pointwise(axes, many + added, arguments.outputs)
        self.final = final(arguments.final, arguments.least_peak)

    def forward(self, x: Tensor) -> Tensor:
        """From (N, inputs, J, K), sides that `TiramisuArguments.multiple` divides or not, to (N, outputs, J, K)."""
        x, skips = self.first(x), []
        for block, narrow in zip(self.down, self.narrow, strict=True):
            x = block(x)
            skips.append(x)
            x = narrow(x)
        before, x = x, self.bottom(x)
        for wide, block, skip in zip(self.wide, self.up, reversed(skips), strict=True):
            added = wide(x[:, before.shape[1] :])
            before = torch.cat([_like(added, skip), skip], dim=1)
            x = block(before)
        return self.final(self.head(x))


def _dense(arguments: TiramisuArguments, inputs: int, layers: int) -> nn.Module:
    """``layers`` of ``growth`` channels each, every one of which sees the input and what those before it added."""
    growth, side = arguments.growth, (3,) * arguments.dimensions
    return DenseBlock([unit(arguments, inputs + n * growth, growth, side) for n in range(layers)])


def _like(x: Tensor, other: Tensor) -> Tensor:
    """``x`` with the sides of ``other``, which may have been odd before they were halved."""
    sides = other.shape[2:]
    missing = [entry for side, now in zip(reversed(sides), reversed(x.shape[2:]), strict=True)
               for entry in (0, max(side - now, 0))]  # fmt: skip
    return nn.functional.pad(x, missing, mode="replicate")[(..., *(slice(side) for side in sides))]
