"""A network that tells one number of a patch: convolutions, then fully connected layers (kamraoui2021-lesionwise)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from monai.networks.blocks import Convolution
from torch import Tensor, nn

from newlesions.networks.arguments import Arguments


@dataclass(frozen=True)
class EstimatorArguments(Arguments):
    """Convolutions of side 3 with batch norm and rectifiers on levels that max-pooling halves, then two fully connected
    layers.

    ``channels``: of each level, finest first. ``convs``: convolutions of a level. ``cells``: into how many cells along
    each axis the last level is averaged, so that patches of any size fit the layers behind. ``hidden``: units between
    these. The norm is over the batch, since one over the patch would hide how much lesion there is; without any, masks
    that are nearly empty give hardly a gradient.
    """

    convs: int = 1
    cells: int = 4
    hidden: int = 128

    @property
    def multiple(self) -> int:
        """The product of the steps down."""
        return int(2 ** (len(self.channels) - 1))


class Estimator(nn.Module):
    """From images of a patch to a number between 0 and 1.

    "The network is composed of convolutional layers and fully connected layers" (Kamraoui et al., MSSEG-2 proceedings
    p. 31; the rest is in its Figure 2).
    """

    def __init__(self, arguments: EstimatorArguments, inputs: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for level, width in enumerate(arguments.channels):
            if level:
                layers.append(nn.MaxPool3d(2, ceil_mode=True))
            for _ in range(arguments.convs):
                layers.append(Convolution(3, inputs, width, kernel_size=3, norm="BATCH", act="RELU"))
                inputs = width
        self.convolutions = nn.Sequential(*layers, nn.AdaptiveAvgPool3d(arguments.cells))
        self.connected = nn.Sequential(
            nn.Linear(inputs * arguments.cells**3, arguments.hidden),
            nn.ReLU(),
            nn.Linear(arguments.hidden, arguments.outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        """From (N, inputs, I, J, K) to (N, outputs, I, J, K): each patch's number at every voxel of it."""
        told = torch.sigmoid(self.connected(self.convolutions(x).flatten(1)).float())
        return told[..., None, None, None].expand(*told.shape, *x.shape[2:])
