"""Steps down and up that do not alias: a binomial blur belongs to every change of the grid (Zhang, ICML 2019)."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from newlesions.networks.arguments import Steps, UNetArguments
from newlesions.networks.blocks import Block

_CONVOLVE: dict[int, Any] = {2: functional.conv2d, 3: functional.conv3d}
_SPREAD: dict[int, Any] = {2: functional.conv_transpose2d, 3: functional.conv_transpose3d}
_REPLICATE: dict[int, Any] = {2: nn.ReplicationPad2d, 3: nn.ReplicationPad3d}


class BlurDown(nn.Module):
    """Blurs every channel by (1, 2, 1) / 4 along each axis and keeps every ``stride``-th voxel, the first included.

    The size is divided by ``stride``, rounded up; the border is continued by its last voxels. An axis whose stride is
    1 stays as it is. MONAI has no such layer.
    """

    kernel: Tensor

    def __init__(self, stride: Steps) -> None:
        super().__init__()
        self.stride = stride
        self.register_buffer("kernel", _binomial([3 if step > 1 else 1 for step in stride]), persistent=False)
        self.pad = _REPLICATE[len(stride)]([side for step in reversed(stride) for side in (int(step > 1),) * 2])

    def forward(self, x: Tensor) -> Tensor:
        """From (N, C, ...) to (N, C, ...)."""
        count = x.shape[1]
        weight = self.kernel.to(x.dtype).expand(count, 1, *self.kernel.shape)
        blurred: Tensor = _CONVOLVE[len(self.stride)](self.pad(x), weight, stride=self.stride, groups=count)
        return blurred


class BlurUp(nn.Module):
    """The way back: voxels ``stride`` apart, zeros between them, then the same blur, so that an even image stays even.

    The size is multiplied by ``stride``.
    """

    kernel: Tensor

    def __init__(self, stride: Steps) -> None:
        super().__init__()
        self.stride = stride
        sides = [2 * step - 1 for step in stride]
        self.register_buffer("kernel", _binomial(sides) * math.prod(stride), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """From (N, C, ...) to (N, C, ...)."""
        count = x.shape[1]
        weight = self.kernel.to(x.dtype).expand(count, 1, *self.kernel.shape)
        # One voxel more at each end, continued, and then cut: a border of zeros would darken the outermost voxels.
        pad = _REPLICATE[len(self.stride)](1)
        cut = [side // 2 + step for side, step in zip(self.kernel.shape, self.stride, strict=True)]
        spread: Tensor = _SPREAD[len(self.stride)](pad(x), weight, stride=self.stride, groups=count)
        wanted = [n * step for n, step in zip(x.shape[2:], self.stride, strict=True)]
        return spread[(..., *(slice(first, first + n) for first, n in zip(cut, wanted, strict=True)))]


def _binomial(sides: list[int]) -> Tensor:
    """The outer product of triangles of these odd sides, each of sum 1."""
    kernel = torch.ones(())
    for side in sides:
        half = (side + 1) // 2
        line = torch.tensor([half - abs(n - half + 1) for n in range(side)], dtype=torch.float32)
        kernel = kernel[..., None] * (line / line.sum())
    return kernel


def down(arguments: UNetArguments, channels: int, kernel: Steps, stride: Steps) -> nn.Module:
    """An anti-aliased strided convolution: convolution, norm and activation, then the blur that skips voxels."""
    return nn.Sequential(_convolution(arguments, channels, channels, kernel), BlurDown(stride))


def up(arguments: UNetArguments, inputs: int, outputs: int, kernel: Steps, stride: Steps) -> nn.Module:
    """Its reverse: the blur that fills in voxels, then convolution, norm and activation."""
    return nn.Sequential(BlurUp(stride), _convolution(arguments, inputs, outputs, kernel))


def _convolution(arguments: UNetArguments, inputs: int, outputs: int, kernel: Steps) -> nn.Module:
    return Block(replace(arguments, convs=1, residual=False), inputs, outputs, kernel, (1,) * len(kernel))
