"""Networks that move the baseline onto the follow-up: a field of displacements learned together with the answer.

Their first two inputs are the baseline and the follow-up. The moved baseline comes behind the answer as a further
output, which later stages see as ``<stage>(moved)``.
"""

from __future__ import annotations

import warnings
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import torch
from monai.networks.blocks import Warp
from torch import Tensor, nn

from newlesions.errors import ConfigError
from newlesions.networks.arguments import LOGITS, UNetArguments, scaled
from newlesions.networks.blocks import convolution, pointwise
from newlesions.networks.unet import Decoder, Encoder

_FIRST_SD = 1e-5
"""Of the weights that give the field: it begins as next to nothing (Balakrishnan et al. 2019, in their software)."""


@dataclass
class Registered:
    """What a network that registers gives in training.

    Attributes
    ----------
    answer
        Logits, (N, outputs, *spatial).
    fixed, moved
        The follow-up, and the baseline moved by the field, (N, 1, *spatial), float32.
    field
        From each voxel of the follow-up to where the baseline has it, in voxels, (N, axes, *spatial), float32.
    """

    answer: Tensor
    fixed: Tensor
    moved: Tensor
    field: Tensor


@dataclass(frozen=True)
class FieldNetArguments(UNetArguments):
    """The `UNetArguments` of the branches, and ``registration``, the channels of the U-Net that gives the field."""

    registration: tuple[int, ...] = (16, 32, 32, 32)

    def scaled(self, width: float) -> FieldNetArguments:
        """The same network with ``width`` times the channels of both."""
        return replace(super().scaled(width), registration=tuple(scaled(n, width) for n in self.registration))

    def check(self, name: str) -> None:
        """Raise `ConfigError` on what no such network has."""
        super().check(name)
        _check(name, self)
        widths = self.registration
        if len(widths) != self.levels or not all(isinstance(n, int) and n > 0 for n in widths):
            expected = f"{self.levels} positive whole numbers, one for each level"
            raise ConfigError(f"network {name}: registration is {list(widths)}; expected {expected}")


@dataclass(frozen=True)
class NCRNetArguments(UNetArguments):
    """The `UNetArguments` of the encoder and of both decoders.

    ``still``: where the answer's probability is so high, the field is 0 when the network is applied.
    """

    still: float = 0.5

    def check(self, name: str) -> None:
        """Raise `ConfigError` on what no such network has."""
        super().check(name)
        _check(name, self)


class Displacement(nn.Module):
    """The last convolution of a registration: from features to a field, in voxels, in single precision."""

    def __init__(self, arguments: UNetArguments) -> None:
        super().__init__()
        axes = arguments.dimensions
        self.convolution = convolution(arguments, arguments.channels[0], axes, arguments.kernels[0])
        for name, parameter in self.named_parameters():
            nn.init.normal_(parameter, std=_FIRST_SD) if name.endswith("weight") else nn.init.zeros_(parameter)

    def forward(self, features: Tensor) -> Tensor:
        """From (N, channels[0], *spatial) to (N, axes, *spatial), float32."""
        with _single(features):
            field: Tensor = self.convolution(features.float())
        return field


class FieldNet(nn.Module):
    """Registration and two branches, end to end (salem2021, MSSEG-2 proceedings, pp. 115-117).

    A U-Net gives the field. One U-Net sees the images, another one the field; "the outputs of the two branches are
    concatenated before the classification step".
    """

    def __init__(self, arguments: FieldNetArguments, inputs: int) -> None:
        super().__init__()
        plain = replace(arguments, own_blocks=0)
        moves = replace(plain, channels=arguments.registration, gates=False, dropout=0.0)
        self.registration = nn.Sequential(_Features(moves, inputs), Displacement(moves))
        self.images = _Features(arguments, inputs)
        self.shifts = _Features(plain, arguments.dimensions)
        self.classify = pointwise(arguments.dimensions, 2 * arguments.channels[0], arguments.outputs)
        self.warp = Mover()

    def forward(self, x: Tensor) -> Tensor | Registered:
        """From (N, inputs, ...) to answer and moved baseline, (N, outputs + 1, ...); in training `Registered`."""
        field = self.registration(x)
        answer = self.classify(torch.cat([self.images(x), self.shifts(field)], dim=1))
        moved = self.warp(x[:, :1], field)
        if self.training:
            return Registered(answer, x[:, 1:2].float(), moved, field)
        return torch.cat([answer.float(), moved], dim=1)


class NCRNet(nn.Module):
    """Registration and non-correspondence, two decoders behind one encoder (andresen2021, proceedings, pp. 111-112).

    The answer is the map of non-correspondence. "Distortions for new lesions are not desired and the deformation field
    is therefore set to zero in the final non-corresponding image regions": so it is when the network is applied.
    """

    def __init__(self, arguments: NCRNetArguments, inputs: int) -> None:
        super().__init__()
        self.still = arguments.still
        self.encoder = Encoder(arguments, inputs)
        self.decoder = Decoder(arguments)
        self.shifts = Decoder(_headless(arguments))
        self.displacement = Displacement(arguments)
        self.warp = Mover()

    def forward(self, x: Tensor) -> Tensor | Registered:
        """From (N, inputs, ...) to answer and moved baseline, (N, outputs + 1, ...); in training `Registered`."""
        features = self.encoder(x)
        answer = self.decoder(features)
        field = self.displacement(self.shifts.rise(features)[-1])
        if self.training:
            return Registered(answer, x[:, 1:2].float(), self.warp(x[:, :1], field), field)
        corresponds = torch.sigmoid(answer.float())[:, :1] < self.still
        return torch.cat([answer.float(), self.warp(x[:, :1], field * corresponds)], dim=1)


class Mover(nn.Module):
    """MONAI's warp in single precision, beyond the border the border's value; it keeps nothing between calls."""

    def __init__(self) -> None:
        super().__init__()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it takes PyTorch's own sampling is what is wanted
            self.warp = Warp(mode="bilinear", padding_mode="border")

    def forward(self, image: Tensor, field: Tensor) -> Tensor:
        """``image``, (N, C, *spatial), at each voxel plus its displacement, (N, axes, *spatial), in voxels; float32."""
        self.warp.ref_grid = None  # MONAI keeps the grid of the last call, also for another device
        with _single(image):
            moved: Tensor = self.warp(image.float(), field.float())
        self.warp.ref_grid = None
        return moved


class _Features(nn.Module):
    """A U-Net without its head."""

    def __init__(self, arguments: UNetArguments, inputs: int) -> None:
        super().__init__()
        self.encoder = Encoder(arguments, inputs)
        self.decoder = Decoder(_headless(arguments))

    def forward(self, x: Tensor) -> Tensor:
        """From (N, inputs, ...) to (N, channels[0], ...)."""
        finest: Tensor = self.decoder.rise(self.encoder(x))[-1]
        return finest


def _single(x: Tensor) -> AbstractContextManager[Any]:
    """No half precision within: a field in bfloat16 has no fine displacements. ``meta``, on which shapes are checked,
    has none anyway."""
    return nullcontext() if x.is_meta else torch.autocast(x.device.type, enabled=False)


def _headless(arguments: UNetArguments) -> UNetArguments:
    return replace(arguments, deep_supervision=0)


def _check(name: str, arguments: UNetArguments) -> None:
    if arguments.deep_supervision != 1 or arguments.final != LOGITS:
        raise ConfigError(f"network {name}: found deep_supervision or final; expected neither beside a registration")
