"""MONAI's SegResNet, whose encoder is deeper than its decoder (siddiquee2021, MSSEG-2 proceedings, pp. 81-84)."""

from __future__ import annotations

from dataclasses import dataclass

from monai.networks.nets import SegResNet
from torch import Tensor
from torch.nn import functional

from newlesions.errors import ConfigError
from newlesions.networks.arguments import Arguments


@dataclass(frozen=True)
class SegResArguments(Arguments):
    """A `monai.networks.nets.SegResNet` with batch norm, rectifiers and transposed convolutions.

    ``channels``: of the finest level alone, [32]; each step down doubles it. ``blocks``: residual blocks of each level
    of the encoder; the decoder has one per level.
    """

    channels: tuple[int, ...] = (32,)
    blocks: tuple[int, ...] = (1, 2, 2, 4)

    @property
    def multiple(self) -> int:
        """The product of the steps down."""
        return 2 ** (len(self.blocks) - 1)

    def check(self, name: str) -> None:
        """Raise `ConfigError` on what no such network has."""
        super().check(name)
        if len(self.channels) != 1:
            raise ConfigError(
                f"network {name}: found {len(self.channels)} channels; expected those of the finest level"
            )
        if not isinstance(self.blocks, tuple) or not all(isinstance(n, int) and n > 0 for n in self.blocks):
            raise ConfigError(f"network {name}: blocks is {self.blocks}; expected a list of positive whole numbers")


class SegRes(SegResNet):
    """SegResNet for images of any size: they are continued by their last voxels up to what its steps divide."""

    def __init__(self, arguments: SegResArguments, inputs: int) -> None:
        super().__init__(
            init_filters=arguments.channels[0],
            in_channels=inputs,
            out_channels=arguments.outputs,
            act="RELU",
            norm="BATCH",
            blocks_down=arguments.blocks,
            blocks_up=(1,) * (len(arguments.blocks) - 1),
            upsample_mode="deconv",
        )
        self.multiple = arguments.multiple

    def forward(self, x: Tensor) -> Tensor:
        """From (N, inputs, I, J, K) to logits (N, outputs, I, J, K)."""
        sides = x.shape[2:]
        missing = [entry for side in reversed(sides) for entry in (0, -side % self.multiple)]
        whole = functional.pad(x, missing, mode="replicate") if any(missing) else x
        logits: Tensor = super().forward(whole)[(..., *(slice(side) for side in sides))]
        return logits
