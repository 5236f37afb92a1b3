"""A 3D ResNet that judges a patch as a whole (He et al. 2016; kang2021, MSSEG-2 proceedings, p. 10)."""

from __future__ import annotations

from dataclasses import dataclass

from monai.networks.nets.resnet import ResNet as Layers
from torch import Tensor, nn

from newlesions.errors import ConfigError
from newlesions.networks.arguments import Arguments

STAGES = 4


@dataclass(frozen=True)
class ResNetArguments(Arguments):
    """``channels`` and ``layers``: of each of the four stages, the number of blocks of two convolutions in ``layers``.

    The first convolution has side 3 and no stride, and no pooling follows: patches are small.
    """

    layers: tuple[int, ...] = (2, 2, 2, 2)

    @property
    def multiple(self) -> int:
        """The second to fourth stage halve the sides."""
        return int(2 ** (STAGES - 1))

    def check(self, name: str) -> None:
        """Raise `ConfigError` on what no such network has."""
        super().check(name)
        for entry, found in (("channels", self.channels), ("layers", self.layers)):
            right = isinstance(found, tuple) and len(found) == STAGES
            if not right or not all(isinstance(n, int) and n > 0 for n in found):
                raise ConfigError(f"network {name}: {entry} is {found}; expected {STAGES} positive whole numbers")


class ResNet(nn.Module):
    """MONAI's residual network of basic blocks with batch norm."""

    def __init__(self, arguments: ResNetArguments, inputs: int) -> None:
        super().__init__()
        self.layers = Layers(
            "basic",
            list(arguments.layers),
            list(arguments.channels),
            n_input_channels=inputs,
            conv1_t_size=3,
            conv1_t_stride=1,
            no_max_pool=True,
            num_classes=arguments.outputs,
        )

    def forward(self, x: Tensor) -> Tensor:
        """From (N, inputs, I, J, K) to logits of the whole patch, (N, outputs, 1, 1, 1)."""
        return self.layers(x)[..., None, None, None]
