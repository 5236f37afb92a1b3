"""A network from slabs to slices: 3D in, labels of the slab's central slice out (mckinley2021, pp. 98-99)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor, nn

from newlesions.errors import ConfigError
from newlesions.networks.tiramisu import Tiramisu, TiramisuArguments


@dataclass(frozen=True)
class SlabArguments(TiramisuArguments):
    """A Tiramisu behind a head of 3D convolutions.

    ``slices``: how thick the slab is, the central slice and as many on either side (``sample.neighbours``). Each 3D
    convolution takes one slice off either side, so that (slices - 1) / 2 of them leave one. ``channels``: of these
    convolutions, and of the Tiramisu's first.
    """

    slices: int = 5

    def check(self, name: str) -> None:
        """Raise `ConfigError` on what no such network has."""
        super().check(name)
        if self.slices % 2 == 0 or self.slices < 3:
            raise ConfigError(f"network {name}: slices is {self.slices}; expected an odd number from 3 on")


class Slab(nn.Module):
    """3D convolutions of side 3, not padded through the slab, with batch norm and rectifier, until a slice is left.

    What follows is two-dimensional and needs a fraction of the memory: "3D context" and "more available memory for
    feature maps" (p. 98).
    """

    def __init__(self, arguments: SlabArguments, inputs: int) -> None:
        super().__init__()
        self.slices, width = arguments.slices, arguments.channels[0]
        layers: list[nn.Module] = []
        for number in range(arguments.slices // 2):
            entering = inputs // arguments.slices if number == 0 else width
            layers += [
                nn.Conv3d(entering, width, kernel_size=3, padding=(0, 1, 1), bias=False),
                nn.BatchNorm3d(width),
                nn.ReLU(),
            ]
        self.head = nn.Sequential(*layers)
        self.flat = Tiramisu(replace(arguments, channels=(width,)), width)

    def forward(self, x: Tensor) -> Tensor:
        """From (N, images * slices, J, K), an image's slices behind one another, to (N, outputs, J, K)."""
        slabs = x.unflatten(1, (-1, self.slices))
        return self.flat(self.head(slabs).squeeze(2))
